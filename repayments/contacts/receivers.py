"""News heard here: mail that sign-in asks for becomes an outbox row; what is queued is hastened."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress

from accounts.models import Borrower, User
from repayments import clock
from repayments.contacts.services import queue_message
from repayments.contacts.tasks import send_message

# How allauth names its mails: what it is here, and for how long it is of use.
SIGN_IN_MAILS: dict[str, tuple[str, timedelta]] = {
    "account/email/login_code": ("sign_in_code", timedelta(minutes=5)),
    "account/email/password_reset_key": ("password_reset", timedelta(days=1)),
}
EMAIL_CHANGES = frozenset(
    {
        "account/email/email_changed",
        "account/email/email_confirm",
        "account/email/email_deleted",
    }
)
# Nobody is told by mail whether an address has an account here (P10).
SILENT = frozenset({"account/email/unknown_account", "account/email/account_already_exists"})


def store_account_mail(
    *,
    template_prefix: str,
    email: str,
    user: User | None = None,
    code: str = "",
    link: str = "",
    **kwargs: Any,
) -> None:
    """Queue what sign-in wants to tell a person; a worker sends it.

    A code or a link goes to the stored address of the account alone, never to the one typed in.
    """
    owner = user or _find_owner(email)
    if template_prefix in SILENT or owner is None:
        return
    now = clock.now()
    if template_prefix in SIGN_IN_MAILS:
        key, lifetime = SIGN_IN_MAILS[template_prefix]
        secret = {"code": code} if key == "sign_in_code" else {"link": _path(link)}
        address, expires_at = owner.email, now + lifetime
    else:
        # A notice about the old address goes to the old address.
        key = "email_changed" if template_prefix in EMAIL_CHANGES else "security_notice"
        secret, address, expires_at = {}, email, None
    queue_message(
        borrower=Borrower.objects.filter(user=owner).first(),
        recipient=owner,
        template_key=key,
        purpose=key,
        subject="",
        business_key=f"account:{uuid.uuid4()}",
        context={"date": now.astimezone(clock.lender_zone()).date().isoformat()},
        secret=secret,
        address=address,
        expires_at=expires_at,
        now=now,
    )


def hasten_message(*, message_id: int, **kwargs: Any) -> None:
    send_message.delay_on_commit(message_id=message_id)


def _path(link: str) -> str:
    """Leave the host of a request behind: a link in a message starts with the site's address."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _find_owner(email: str) -> User | None:
    owner = User.objects.filter(email__iexact=email).first()
    if owner:
        return owner
    row = EmailAddress.objects.filter(email__iexact=email).select_related("user").first()
    return row.user if row else None
