"""Invitations and activation: how a person known from the lender's records comes to sign in.

A link proves nothing alone: it is single-use, kept as a hash, expires, and asks for a second fact
from the records with few tries. Refuses to know what the person owes.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, Invitation, User

TOKEN_BYTES = 32
MOST_TRIES = 5
PHONE_DIGITS = 4


class InvitationNotUsable(Exception):
    """The link is unknown, used, expired or has had too many wrong tries; nothing was changed."""


class WrongSecondFact(Exception):
    """What was typed is not what the records say; the try is counted."""


class AlreadyHasAccount(Exception):
    """This person signs in already, or the address belongs to another sign-in."""


def hash_token(token: str) -> str:
    """Give the form in which a link's token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite_borrower(*, borrower: Borrower, now: datetime) -> tuple[Invitation, str]:
    """Make a new single-use link, in place of an unused older one.

    Returns: the invitation, and the token for the link; it is not stored and not shown again.
    Raises: AlreadyHasAccount when the borrower has been activated.
    """
    if borrower.user_id is not None:
        raise AlreadyHasAccount(_("This person has activated the account already."))
    Invitation.objects.filter(borrower=borrower, used_at__isnull=True).delete()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation = Invitation.objects.create(
        borrower=borrower,
        token_sha256=hash_token(token),
        expires_at=now + timedelta(days=settings.INVITATION_VALID_DAYS),
        created_at=now,
    )
    return invitation, token


@dataclass(frozen=True)
class SentInvitation:
    """One link of many: whose, what its token is, and until when it is good."""

    borrower_id: int
    token: str
    expires_at: datetime


@transaction.atomic
def invite_borrowers(*, borrower_ids: Sequence[int], now: datetime) -> list[SentInvitation]:
    """Make a new link for each of many people, in a few statements; see ``invite_borrower``.

    People who have been activated are left out.
    """
    invited = Borrower.objects.filter(pk__in=borrower_ids, user__isnull=True)
    keys = list(invited.order_by("pk").values_list("pk", flat=True))
    expires_at = now + timedelta(days=settings.INVITATION_VALID_DAYS)
    made = [SentInvitation(key, secrets.token_urlsafe(TOKEN_BYTES), expires_at) for key in keys]
    Invitation.objects.filter(borrower_id__in=keys, used_at__isnull=True).delete()
    adapt = connection.ops.adapt_datetimefield_value
    until, made_at = adapt(expires_at), adapt(now)
    with connection.cursor() as cursor:
        # By statement, because a tape brings them by the ten thousand.
        cursor.executemany(
            "INSERT INTO accounts_invitation"
            " (borrower_id, token_sha256, expires_at, tries, created_at)"
            " VALUES (%s, %s, %s, 0, %s)",
            [(one.borrower_id, hash_token(one.token), until, made_at) for one in made],
        )
    return made


def get_usable_invitation(*, token: str, now: datetime) -> Invitation:
    """Find the invitation of a link. Raises: InvitationNotUsable."""
    invitation = (
        Invitation.objects.select_related("borrower")
        .filter(
            token_sha256=hash_token(token),
            used_at__isnull=True,
            expires_at__gt=now,
            tries__lt=MOST_TRIES,
        )
        .first()
    )
    if invitation is None:
        raise InvitationNotUsable(
            _("This link has been used, has expired or is not complete. Ask for a new one.")
        )
    return invitation


def asks_for_phone(borrower: Borrower) -> bool:
    """Tell whether the second fact is the phone number's end; otherwise it is the reference."""
    return len(_digits(borrower.phone)) >= PHONE_DIGITS


def activate_account(*, token: str, second_fact: str, password: str = "", now: datetime) -> User:
    """Create the sign-in of a borrower and use the link up.

    Args:
        second_fact: last four digits of the phone on record, or the customer reference where no
            phone is on record.
        password: empty for someone who will sign in by code.
    Raises: InvitationNotUsable; WrongSecondFact, after counting the try; AlreadyHasAccount.
    """
    invitation = get_usable_invitation(token=token, now=now)
    borrower = invitation.borrower
    # Counted before it is looked at, and outside the transaction below: a refusal must not undo it.
    counted = Invitation.objects.filter(
        pk=invitation.pk, used_at__isnull=True, tries__lt=MOST_TRIES
    ).update(tries=F("tries") + 1)
    if counted != 1:
        raise InvitationNotUsable(
            _("This link has been used, has expired or is not complete. Ask for a new one.")
        )
    if not _matches(borrower, second_fact):
        raise WrongSecondFact(_("That is not what we have on record."))
    try:
        with transaction.atomic():
            used = Invitation.objects.filter(pk=invitation.pk, used_at__isnull=True).update(
                used_at=now
            )
            user = User.objects.create_user(
                borrower.email,
                password or None,
                name=borrower.legal_name,
                phone=borrower.phone,
                language=borrower.language,
            )
            linked = Borrower.objects.filter(pk=borrower.pk, user__isnull=True).update(user=user)
            if used != 1 or linked != 1:
                raise AlreadyHasAccount(_("This account is active already. Please sign in."))
    except IntegrityError as error:
        raise AlreadyHasAccount(
            _("This e-mail address has an account already. Sign in, or write to us.")
        ) from error
    return user


@transaction.atomic
def change_language(*, user: User, language: str) -> User:
    """Keep the language a person reads, for pages and messages alike."""
    user.language = language
    user.save(update_fields=["language"])
    Borrower.objects.filter(user=user).update(language=language)
    return user


def _matches(borrower: Borrower, second_fact: str) -> bool:
    if asks_for_phone(borrower):
        expected = _digits(borrower.phone)[-PHONE_DIGITS:]
        given = _digits(second_fact)
    else:
        expected = borrower.reference.strip().casefold()
        given = second_fact.strip().casefold()
    return hmac.compare_digest(expected.encode(), given.encode())


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")
