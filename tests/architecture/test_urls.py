"""Every address asks for sign-in, or is on the public list with its reason."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import RegexPattern

# Name of the address: why nobody need sign in there.
PUBLIC = {
    "account_login": "signing in",
    "account_email": "leads to the person's own page",
    "account_signup": "says that accounts come by invitation",
    "account_logout": "leads home; there is nobody to sign out",
    "admin:logout": "leads to the sign-in of staff; there is nobody to sign out",
    "accounts:open_invitation": "a link from a message; keeps the token out of the address",
    "accounts:activate": "the second fact of an invitation",
    "contacts:stop": "a link from a message; a signed token is asked for instead",
    "contacts:outbox": "there in development alone",
    "payments:webhook": "the gateway; its signature is asked for instead",
    "account_inactive": "says that the account is closed",
    "account_request_login_code": "signing in by a code",
    "account_confirm_login_code": "signing in by a code",
    "account_email_verification_sent": "says to look into the mail",
    "account_confirm_email": "a link from a mail",
    "account_reset_password": "a forgotten password",
    "account_reset_password_done": "a forgotten password",
    "account_reset_password_from_key": "a link from a mail",
    "account_reset_password_from_key_done": "a forgotten password",
    "account_signup_by_passkey": "sign-up is closed there too",
    "account_complete_signup": "sign-up is closed there too",
    "mfa_authenticate": "the second step of signing in",
    "mfa_login_webauthn": "signing in by passkey",
    "mfa_signup_webauthn": "sign-up is closed there too",
    "mfa_trust": "the second step of signing in",
    "set_language": "the language switch stands on every page",
    "jsi18n": "texts of the staff pages' scripts",
    "admin:jsi18n": "texts of the staff pages' scripts",
    "admin:login": "leads to the one sign-in",
    "loans:illustration": "works out a loan before there is one",
    "accessibility": "says how the portal is made for everyone, and whom to ask",
    "service_worker": "a script of the browser's, the same for all",
    "contracts:verify": "anyone may check a contract file",
    "offline": "shown by the browser without a network",
}
ARGUMENTS = {
    "UUIDConverter": uuid.UUID(int=1),
    "IntConverter": 1,
    "StringConverter": "x",
    "SlugConverter": "x",
    "PathConverter": "x",
    "MonthConverter": date(2026, 1, 1),
}

# Groups of regular expressions that take certain words only.
NAMED = {"app_label": "auth"}


def addresses(
    resolver: URLResolver,
    names: tuple[str, ...] = (),
    outer: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[tuple[str, str]]:
    """Name and a path for each address; the catch-all of the staff pages is left out."""
    for entry in resolver.url_patterns:
        given = {**outer, **arguments(entry)}
        if isinstance(entry, URLResolver):
            inner = (*names, entry.namespace) if entry.namespace else names
            yield from addresses(entry, inner, given)
        elif entry.name:
            name = ":".join((*names, entry.name))
            yield name, reverse(name, kwargs=given)


def arguments(entry: URLPattern | URLResolver) -> dict[str, object]:
    """A value for each part of the path that varies."""
    found = {
        key: ARGUMENTS.get(type(value).__name__, "x")
        for key, value in entry.pattern.converters.items()
    }
    if isinstance(entry.pattern, RegexPattern):
        found |= {key: NAMED.get(key, "x") for key in entry.pattern.regex.groupindex}
    return found


ALL = dict(addresses(get_resolver()))


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(ALL) - set(PUBLIC)))
def test_it_asks_for_sign_in(client: Client, name: str) -> None:
    answer = client.get(ALL[name])
    if answer.status_code == 405:
        answer = client.post(ALL[name])

    assert answer.status_code == 302, f"{ALL[name]} answered {answer.status_code} to nobody"
    assert "/login/" in answer.headers["Location"]


def test_an_address_without_a_name_only_leads_elsewhere() -> None:
    """The walk above goes by names; what has none must be a redirect or the staff pages' 404."""

    def nameless(resolver: URLResolver) -> Iterator[URLPattern]:
        for entry in resolver.url_patterns:
            if isinstance(entry, URLResolver):
                yield from nameless(entry)
            elif not entry.name:
                yield entry

    allowed = ("RedirectView", "AdminSite.catch_all_view")
    everything = list(nameless(get_resolver()))
    others = [str(entry) for entry in everything if not entry.lookup_str.endswith(allowed)]

    assert everything
    assert others == []


def test_the_public_list_names_real_addresses_only() -> None:
    optional = {
        "jsi18n",
        "mfa_login_webauthn",
        "account_signup_by_passkey",
        "mfa_signup_webauthn",
        "mfa_trust",
    }
    optional |= {"account_complete_signup"}

    assert sorted(set(PUBLIC) - set(ALL) - optional) == []


def test_the_walk_reaches_staff_pages_and_borrower_pages() -> None:
    assert settings.ROOT_URLCONF == "portal.urls"
    assert "admin:index" in ALL
    assert any(name.startswith("account_") for name in ALL)
