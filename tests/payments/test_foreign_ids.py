"""Somebody else's id in an address, a form field or a query string reaches nothing of theirs.

The walk asks the resolver for every address a borrower can post to, fills in the forms of a
borrower's own pages, and puts the ids of another into each field in turn. Neither may anything
that is the other's change or be linked to, nor may their name be read.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, clear_url_caches, get_resolver, reverse

from accounts.models import Borrower, User
from repayments.audit.models import Event
from repayments.cases.services import ask_for_help
from repayments.clock import now, today
from repayments.loans.services import quote_payoff
from repayments.payments.services import make_promise
from repayments.plans.amounts import COUNT, Wish
from repayments.plans.services import propose_plan
from tests.architecture.test_layers import RANK, ROOT
from tests.factories.contracts import make_contract
from tests.factories.payments import make_mandate, make_payment
from tests.payments.autopay_acts import announced
from tests.payments.conftest import make_loan
from tests.sandbox_server import Sandbox

# Whose address it is stands in its first words.
OWNERS = {
    "loans/": "loan",
    "help/": "loan",
    "contracts/": "contract",
    "plans/": "plan",
    "payments/": "payment",
    "account/cards/": "card",
    "letters/": "",  # only read; tested with the letters
}
CLEAN = {200, 302, 400, 404, 405, 409, 422}
TYPED = {"amount": "10", "count": "12", "words": "Please", "name": "林夏", "code": "123456"}


class Things:
    """One of everything that belongs to a borrower and has an id."""

    def __init__(self, borrower: Borrower, number: int) -> None:
        self.borrower, self.user = borrower, borrower.user
        self.loan = make_loan(borrower, f"L-{number}")
        who: dict[str, Any] = {"loan_id": self.loan.pk, "actor": self.user, "now": now()}
        self.mandate = make_mandate(self.loan, now=now(), number=number)
        self.card = self.mandate.card
        self.charge = announced(self.loan, after=today())
        self.quote = quote_payoff(good_through=today(), **who)
        self.payment = make_payment(self.loan, now=now(), session_id=f"cs_test_{number}")
        day = today() + timedelta(days=3)
        self.promise = make_promise(amount=1_000, promised_for=day, as_of=today(), **who)
        wish = Wish(way=COUNT, first_due=today() + timedelta(days=20), count=36)
        proposal = propose_plan(wish=wish, as_of=today(), note="", **who)
        self.plan = getattr(proposal, "counter", proposal)
        self.case = ask_for_help(
            loan=self.loan, kind="question", words="How?", actor=self.user, now=now()
        )
        self.contract = make_contract(borrower, now=now())

    def ids(self) -> list[str]:
        found = {self.loan.number, self.payment.session_id, self.borrower.reference}
        for each in vars(self).values():
            values = (getattr(each, name, None) for name in ("pk", "public_id"))
            found |= {str(value) for value in values if value}
        return sorted(found)

    def rows(self) -> dict[tuple[str, Any], tuple[Any, ...]]:
        """Every row that is theirs: their own, and whatever points to one of them."""
        ours = [model for model in apps.get_models() if model._meta.app_label in RANK]
        books = [self.loan.book_id, self.contract.loan.book_id]
        owned: dict[type[models.Model], set[Any]] = {
            Borrower: {self.borrower.pk},
            User: {self.borrower.user_id},
            type(self.loan.book): set(books),
        }
        grew = True
        while grew:
            grew = False
            for model in ours:
                for field in model._meta.concrete_fields:
                    if field.related_model not in owned:
                        continue
                    pointed = owned[field.related_model]  # type: ignore[index]
                    found = set(
                        model._base_manager.filter(**{f"{field.name}__in": pointed}).values_list(
                            "pk", flat=True
                        )
                    )
                    known = owned.setdefault(model, set())
                    grew = grew or not found <= known
                    known |= found
        rows = {
            (model._meta.label, values[0]): values
            for model, keys in owned.items()
            for values in model._base_manager.filter(pk__in=keys).values_list("pk", *_names(model))
        }
        streams = [self.loan.stream, self.contract.stream]
        rows[("events", 0)] = tuple(
            Event.objects.filter(stream__in=streams).values_list("pk", flat=True)
        )
        return rows


def _names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


class Forms(HTMLParser):
    """The forms of a page that are posted: where to, and what stands in them."""

    def __init__(self, page: str, url: str) -> None:
        super().__init__()
        self.url, self.found, self.inside = url, [], False
        self.feed(page)

    found: list[tuple[str, dict[str, str]]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = given.get("method") == "post"
            if self.inside:
                self.found.append((given.get("action", "").split("#")[0] or self.url, {}))
        elif self.inside and tag in {"input", "button", "select", "textarea"} and "name" in given:
            name, fields = given["name"], self.found[-1][1]
            off = given.get("type") in {"radio", "checkbox"} and "checked" not in given
            value = given.get("value", "") or TYPED.get(name, "")
            if given.get("type") == "date" and not value:
                value = (today() + timedelta(days=5)).isoformat()
            if not off or name not in fields:
                fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


def addresses(resolver: URLResolver, outer: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Route and name of what is the portal's own: neither the staff's pages nor sign-in's."""
    for entry in resolver.url_patterns:
        route = outer + str(entry.pattern)
        if route.startswith(("admin/", "accounts/", "i18n/")):
            continue
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from addresses(entry, route, inner)
        elif isinstance(entry, URLPattern) and entry.name:
            yield route, space + entry.name


def address_of(route: str, name: str, things: Things) -> str:
    """The address with this person's thing in it; empty where it is nobody's in particular."""
    if not re.search(r"<uuid:", route) or "<month:" in route:
        return ""
    owner = next(value for start, value in OWNERS.items() if route.startswith(start))
    (argument,) = re.findall(r"<uuid:(\w+)>", route)
    return reverse(name, kwargs={argument: getattr(things, owner).public_id}) if owner else ""


def asked_names() -> list[str]:
    """What the product reads of query strings."""
    pattern = r'(?:GET|asked)(?:\.get\(|\[)"(\w+)"|"(\w+)" in request\.GET'
    texts = [path.read_text() for path in Path(ROOT, "repayments").rglob("*.py")]
    return sorted({a or b for text in texts for a, b in re.findall(pattern, text)})


class Walk:
    """What somebody reached of another's things by another's ids."""

    def __init__(self, client: Client, own: Things, other: Things) -> None:
        self.client, self.own, self.other = client, own, other
        self.faults: list[str] = []
        self.posted: set[str] = set()
        self.before = other.rows()
        client.force_login(own.user)  # type: ignore[arg-type]

    def everything(self) -> "Walk":
        for route, name in addresses(get_resolver()):
            foreign, mine = (address_of(route, name, one) for one in (self.other, self.own))
            if foreign:
                self._ask(f"{name}: its address", [(foreign, None), (foreign, {})], {404, 405})
            page = mine or ("" if "<" in route else f"/{route}")
            if page and "webhook" not in page:
                self._fill_in(name, page)
        return self

    def _fill_in(self, name: str, page: str) -> None:
        ids = self.other.ids()
        with transaction.atomic():
            answer = self.client.get(page)
            transaction.set_rollback(True)
        if answer.status_code == 200:
            asked = [urlencode(dict.fromkeys(asked_names(), one)) for one in ids]
            self._ask(f"{name}: its query", [(f"{page}?{one}", None) for one in asked], CLEAN)
        is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
        forms = Forms(answer.content.decode() if is_page else "", page).found
        for action, fields in forms:
            self.posted.add(action)
            for field in fields.keys() - {"csrfmiddlewaretoken", "next", "language"}:
                posts = [(action, fields | {field: one}) for one in ids]
                self._ask(f"{name}: {field} to {action}", posts, CLEAN)

    def _ask(
        self, what: str, calls: list[tuple[str, dict[str, str] | None]], fine: set[int]
    ) -> None:
        wrote: list[str] = []
        with transaction.atomic(), connection.execute_wrapper(partial(_note_write, wrote)):
            for url, posted in calls:
                with transaction.atomic():
                    ask = self.client.get if posted is None else self.client.post
                    self._judge(what, ask(url, posted), fine)
            # Looking at every row takes half a second; where nothing was written none has changed.
            if wrote and self.other.rows() != self.before:
                self.faults.append(f"{what}: reached what is another's")
            transaction.set_rollback(True)

    def _judge(self, what: str, answer: HttpResponse, fine: set[int]) -> None:
        if answer.status_code not in fine:
            self.faults.append(f"{what}: answered {answer.status_code}")
        seen = b"" if answer.streaming else answer.content
        for theirs in (self.other.borrower.legal_name, self.other.borrower.email):
            if theirs.encode() in seen:
                self.faults.append(f"{what}: tells {theirs}")


def _note_write(wrote: list[str], execute: Any, sql: str, *rest: Any) -> Any:
    verb, *words = sql.split()
    if verb in {"INSERT", "UPDATE", "DELETE"} and "session" not in " ".join(words[:2]):
        wrote.append(sql)
    return execute(sql, *rest)


@pytest.fixture
def walk(
    sandbox: Sandbox,
    borrower: Borrower,
    other_borrower: Borrower,
    client: Client,
    settings: Any,
    tmp_path: Path,
) -> Walk:
    settings.BLOB_ROOT = tmp_path
    return Walk(client, Things(borrower, 1), Things(other_borrower, 2))


def test_nobody_reaches_anything_by_the_ids_of_another(walk: Walk) -> None:
    walk.everything()

    assert walk.faults == []
    loan = f"/loans/{walk.own.loan.public_id}/"
    filled = {one.removeprefix(loan) for one in walk.posted if one.startswith(loan)}
    assert filled >= {"autopay/stop/", "autopay/skip/", "promise/withdraw/", "payoff/"}
    assert any(one.startswith("/contracts/") for one in walk.posted)
    assert any(one.startswith("/account/cards/") for one in walk.posted)
    assert any(one.startswith("/plans/") for one in walk.posted)


def test_an_endpoint_that_does_not_ask_whose_it_is_would_be_found(
    walk: Walk, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.payments.planted_urls"
    clear_url_caches()

    found = walk.everything().faults

    own = walk.own.loan.public_id
    assert "any_loan: its address: answered 200" in found
    assert "any_loan: its address: reached what is another's" in found
    assert f"any_card: card to /loans/{own}/any-card/: reached what is another's" in found
    assert "any_name: its query: tells 赵文" in found
    assert len(set(found)) == 4
