"""Values that JSON has no type for, as seldon-core writes them.

Imported when a component first returns one: what it needs takes longer to import than all of the
worker's own modules that every component needs.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import email.utils
import uuid
from typing import Any


def plain(value: Any) -> Any:
    """The value as one that JSON has a type for; raises `TypeError` where it has none."""
    if isinstance(value, datetime.date):
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return email.utils.format_datetime(value.astimezone(datetime.timezone.utc), usegmt=True)
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
