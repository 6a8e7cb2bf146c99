"""Staff with a real second factor, and the digits their app shows."""

import secrets
from base64 import b32encode

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.factories.cases import make_colleague, sign_in_staff

Person = tuple[Client, User]

_secrets: dict[int, str] = {}


def hire(*roles: str) -> Person:
    """Give a colleague with these roles, signed in, second factor included."""
    user = make_colleague(*roles)
    Authenticator.objects.filter(user=user).delete()
    secret = b32encode(secrets.token_bytes(20)).decode()
    TOTP.activate(user, secret)
    _secrets[user.pk] = secret
    return sign_in_staff(user), user


def code_of(person: Person) -> str:
    """The six digits that the person's app shows, not used yet.

    With ``MFA_TOTP_TOLERANCE`` of 1, so that no test fails where the clock turns to the next code.
    """
    cache.clear()
    now_and_about = list(counters())
    return format_hotp_value(hotp_value(_secrets[person[1].pk], now_and_about[1]))
