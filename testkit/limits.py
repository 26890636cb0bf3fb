"""The limits of messages that the server has by default."""

from app.messages.send.change_rules import message_limits
from app.settings import Limits

LIMITS = message_limits(Limits())
