"""The limits of messages that the server has by default."""

from app.limit_settings import Limits
from app.messages.send.change_rules import message_limits

LIMITS = message_limits(Limits())
