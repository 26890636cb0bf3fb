"""placeholder until the helper's version"""

from app.bus.memory import MemoryBus
from app.settings import Redis


class RedisBus(MemoryBus):
    def __init__(self, settings: Redis) -> None:
        super().__init__()
