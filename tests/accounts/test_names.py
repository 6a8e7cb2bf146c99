"""A name is looked at where staff enter it; what no document can print is refused and shown."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Borrower
from accounts.names import find_unprintable
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contracts import make_person

pytestmark = pytest.mark.django_db

REFUSED = [
    ("王𠮷", "“𠮷” (U+20BB7)"),
    ("王😀", "“😀” (U+1F600)"),
    ("Wang\u202eRong", "U+202E"),
    ("Wang\x07Rong", "U+0007"),
    ("\u200f\u200e", "prints as nothing"),
]
KEPT = ["王镕", "䶮𬭎", "O'Brien-Ñandú · $x$ #let <b>", "Wang\u200f Rong", "{amount}"]


@pytest.fixture
def root(db: None) -> Client:
    """Somebody who may change everything, in English."""
    return sign_in_staff(make_colleague(is_superuser=True))


def borrower_form(borrower: Borrower, name: str) -> dict[str, str]:
    return {
        "legal_name": name,
        "kind": borrower.kind,
        "email": borrower.email,
        "phone": borrower.phone,
        "language": borrower.language,
        "time_zone": borrower.time_zone,
        "jurisdiction": borrower.jurisdiction,
    }


@pytest.mark.parametrize(("name", "shown"), REFUSED)
def test_case_1_staff_cannot_give_a_borrower_a_name_no_document_prints(
    root: Client, name: str, shown: str
) -> None:
    borrower = make_person("王镕")
    page = reverse("admin:accounts_borrower_change", args=[borrower.pk])

    answer = root.post(page, borrower_form(borrower, name))

    assert answer.status_code == 200
    assert shown in str(answer.context["adminform"].form.errors["legal_name"])
    borrower.refresh_from_db()
    assert borrower.legal_name == "王镕"


@pytest.mark.parametrize("name", KEPT)
def test_case_2_a_name_that_prints_is_kept_as_it_was_typed(root: Client, name: str) -> None:
    borrower = make_person("王镕")
    page = reverse("admin:accounts_borrower_change", args=[borrower.pk])

    answer = root.post(page, borrower_form(borrower, name))

    assert answer.status_code == 302
    borrower.refresh_from_db()
    assert borrower.legal_name == name


@pytest.mark.parametrize(("name", "shown"), REFUSED)
def test_case_1_an_accounts_name_is_looked_at_too(root: Client, name: str, shown: str) -> None:
    user = make_person("王镕").user
    assert user is not None
    page = reverse("admin:accounts_user_change", args=[user.pk])

    answer = root.post(page, {"email": user.email, "name": name, "language": "en"})

    assert answer.status_code == 200
    assert shown in str(answer.context["adminform"].form.errors["name"])


def test_line_ends_are_no_part_of_a_name() -> None:
    assert find_unprintable("Wang\nRong\u2028x") == ["\n", "\u2028"]
