"""News of this room. ``message_queued``: message_id, sent on commit for what may go out at once;
whoever hears it only hastens what the sweep does anyway."""

from django.dispatch import Signal

message_queued = Signal()
