"""Every consumer of the logs."""

from app.consumers.base import Consumer
from app.consumers.search import SearchIndexing
from app.consumers.statistics import MessageStatistics


def create_consumers() -> list[Consumer]:
    return [MessageStatistics(), SearchIndexing()]
