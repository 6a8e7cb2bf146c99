"""Ways out of the portal: e-mail through Django, and the development outbox that sends nothing.

A transport is called with no transaction open. It tells three ends apart: handed over, surely not
handed over (``NotSent``; trying again is safe), and unknown (``OutcomeUnknown``; only a person may
try again, F10). It refuses to know templates, persons and rules.
"""

import smtplib
import ssl
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import BadHeaderError, EmailMultiAlternatives, get_connection

from repayments.contacts.models import Channel
from repayments.contacts.rendering import Rendered


class NotSent(Exception):
    """Nothing left the portal. ``is_final``: the same try would fail again."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.is_final = is_final


class OutcomeUnknown(Exception):
    """The other side fell silent after the message may have reached it."""


@dataclass(frozen=True)
class Outgoing:
    """One message as a transport needs it; ``key`` is the same at each try."""

    key: str
    channel: str
    address: str
    rendered: Rendered


class Transport(Protocol):
    # Handing the same key over twice reaches the person once.
    is_idempotent: bool
    # The message's secret is still shown afterwards, until it expires.
    keeps_secret: bool

    def send(self, outgoing: Outgoing) -> str:
        """Hand a message over; give the provider's reference.

        Raises: NotSent, OutcomeUnknown.
        """
        ...


class DevelopmentTransport:
    """The outbox row is the message; a page shows it."""

    is_idempotent = True
    keeps_secret = True

    def send(self, outgoing: Outgoing) -> str:
        return f"development:{outgoing.key}"


class EmailTransport:
    is_idempotent = False
    keeps_secret = False

    def send(self, outgoing: Outgoing) -> str:
        reference = f"<{outgoing.key}@{urlsplit(settings.SITE_URL).hostname}>"
        connection = get_connection()
        try:
            connection.open()
        except (OSError, smtplib.SMTPException, ssl.SSLError) as error:
            raise NotSent(f"no connection: {error}", is_final=False) from error
        try:
            mail = EmailMultiAlternatives(
                subject=outgoing.rendered.subject,
                body=outgoing.rendered.text,
                to=[outgoing.address],
                headers={"Message-ID": reference, **outgoing.rendered.headers},
                connection=connection,
            )
            mail.attach_alternative(outgoing.rendered.html, "text/html")
            mail.send()
        except (BadHeaderError, UnicodeError) as error:
            raise NotSent(f"not a valid message: {error}", is_final=True) from error
        except smtplib.SMTPServerDisconnected as error:
            raise OutcomeUnknown(str(error)) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _reason in error.recipients.values()]
            raise NotSent(f"recipient refused: {codes}", is_final=max(codes) >= 500) from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"answered {error.smtp_code}", is_final=error.smtp_code >= 500) from error
        except (OSError, smtplib.SMTPException) as error:
            raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error
        finally:
            _close(connection)
        return reference


def _close(connection: object) -> None:
    """Hang up; a failure to do so changes nothing of what was sent."""
    try:
        connection.close()  # type: ignore[attr-defined]
    except (OSError, smtplib.SMTPException):
        return


DEVELOPMENT = DevelopmentTransport()
EMAIL = EmailTransport()


def get_transport(channel: str) -> Transport:
    """Give the way out for a channel.

    Raises: NotSent, finally, where the lender has none.
    """
    if settings.DEVELOPMENT_OUTBOX:
        return DEVELOPMENT
    if channel == Channel.EMAIL:
        return EMAIL
    raise NotSent(f"no provider for {channel}", is_final=True)
