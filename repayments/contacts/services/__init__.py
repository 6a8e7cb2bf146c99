"""Every write of this room, one function an action."""

from repayments.contacts.queries import has_hold
from repayments.contacts.services.decide import decide
from repayments.contacts.services.holds import HoldNotOpen, lift_hold, place_hold
from repayments.contacts.services.opt_out import start_messages, stop_messages
from repayments.contacts.services.queue import MissingValue, UnknownTemplate, queue_message
from repayments.contacts.services.queue_many import NewMessage, queue_messages
from repayments.contacts.services.review import (
    MessageMovedOn,
    mark_message_sent,
    send_message_again,
)
from repayments.contacts.services.send import send_message
from repayments.contacts.services.sweep import (
    list_due_messages,
    return_stale_messages,
    wipe_secrets,
)
from repayments.contacts.services.templates import (
    SameAuthor,
    VersionNotDraft,
    VersionNotFit,
    draft_template_version,
    edit_template_version,
    publish_template_version,
)

__all__ = [
    "HoldNotOpen",
    "MessageMovedOn",
    "MissingValue",
    "NewMessage",
    "SameAuthor",
    "UnknownTemplate",
    "VersionNotDraft",
    "VersionNotFit",
    "decide",
    "draft_template_version",
    "edit_template_version",
    "has_hold",
    "lift_hold",
    "list_due_messages",
    "mark_message_sent",
    "place_hold",
    "publish_template_version",
    "queue_message",
    "queue_messages",
    "return_stale_messages",
    "send_message",
    "send_message_again",
    "start_messages",
    "stop_messages",
    "wipe_secrets",
]
