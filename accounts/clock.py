"""The moment, as ``settings.CLOCK`` tells it; this room may not know whose clock it is."""

from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string


def now() -> datetime:
    """Return this moment, aware."""
    moment: datetime = import_string(settings.CLOCK)()
    return moment
