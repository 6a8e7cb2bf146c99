"""The record of who did what to what: append-only, hash-chained by stream.

A stream is the story of one thing ("loan:<uuid>", "contract:<uuid>", "account:<uuid>", "close",
"policy"). Each event names the hash of the one before it; the first names a hash made from the
stream's own name. ``Head`` holds the end of each chain and is the row writers lock. The room
refuses to know what an action means: codes become sentences where they are shown.
"""

import hashlib

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    stream = models.CharField(_("stream"), max_length=80)
    seq = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("actor"),
        help_text=_("Empty: the portal itself."),
    )
    action = models.CharField(_("action"), max_length=80)
    payload = models.JSONField(_("data"), default=dict)
    prev = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="audit_event_stream_seq_unique")
        ]
        indexes = [models.Index(fields=["action", "at"], name="audit_event_action_at")]

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq} {self.action}"


class Head(models.Model):
    """The end of a stream's chain; locked by whoever appends."""

    stream = models.CharField(max_length=80, primary_key=True)
    seq = models.PositiveIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("head of a stream")
        verbose_name_plural = _("heads of streams")

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq}"


def first_hash(stream: str) -> str:
    """Give what the first event of a stream names as its predecessor."""
    return hashlib.sha256(f"stream {stream}".encode()).hexdigest()
