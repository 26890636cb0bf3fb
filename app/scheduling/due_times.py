"""Times at which something is to happen."""

from datetime import datetime, timedelta

from app.core.clock import EPOCH, now
from app.wire.errors import Invalid


def check_due(due_at: datetime, max_days: int) -> datetime:
    """What is due in the past is due at once. Raises Invalid."""
    if due_at > now() + timedelta(days=max_days):
        raise Invalid(f"`due_at` is more than {max_days} days ahead.")
    return max(due_at, EPOCH)
