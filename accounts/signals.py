"""News of this room. ``account_mail_requested``: template_prefix, email, user or None, code, link;
a receiver stores the message, nobody here sends it."""

from django.dispatch import Signal

account_mail_requested = Signal()
