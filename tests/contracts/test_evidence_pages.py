"""Evidence and kit in the hands of borrowers and staff: who gets them, and that it is noted."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from repayments.audit.models import Event
from repayments.contracts import (
    services,
)
from repayments.contracts.models import Contract
from tests.contracts.evidence import data_of, pdf_of
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contracts import (
    NOW,
    make_person,
    signer_of,
)

ADDRESSES = ["evidence", "evidence_pdf", "kit"]


@pytest.mark.parametrize("name", ADDRESSES)
def test_case_12_a_stranger_gets_404_and_the_anonymous_go_to_sign_in(
    evidenced: Contract, client: Client, name: str
) -> None:
    url = reverse(f"contracts:{name}", args=[evidenced.public_id])
    assert "/login/" in client.get(url).headers["Location"]
    client.force_login(signer_of(evidenced))
    assert client.post(url).status_code == 405
    stranger = make_person("李喆").user
    assert stranger is not None
    client.force_login(stranger)
    assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    ("name", "action", "media"),
    [
        ("evidence_pdf", "evidence_downloaded", "application/pdf"),
        ("kit", "kit_exported", "application/zip"),
    ],
)
def test_taking_it_away_is_an_event(
    evidenced: Contract, client: Client, name: str, action: str, media: str
) -> None:
    client.force_login(signer_of(evidenced))
    url = reverse(f"contracts:{name}", args=[evidenced.public_id])
    client.head(url)
    noted = Event.objects.filter(action=f"contracts.{action}")
    assert not noted.exists()

    answer = client.get(url)

    assert answer.headers["Content-Type"] == media
    assert evidenced.reference in answer.headers["Content-Disposition"]
    assert "王" not in answer.headers["Content-Disposition"]
    assert noted.get().actor == signer_of(evidenced)
    if name == "evidence_pdf":
        assert answer.content == pdf_of(evidenced)


def test_the_page_is_made_from_the_sealed_file(evidenced: Contract, client: Client) -> None:
    client.force_login(signer_of(evidenced))

    page = client.get(reverse("contracts:evidence", args=[evidenced.public_id])).content.decode()

    data = data_of(evidenced)
    for row in data["events"]["rows"]:
        assert row["text"] in page
    assert data["statements"][1]["lines"][0] in page
    assert page.index("本文件不能说明") < page.index("哈希链")


def test_the_page_asks_few_queries(
    evidenced: Contract, client: Client, django_assert_max_num_queries: Any
) -> None:
    """Session, user, the session's own row; then contract and revision."""
    client.force_login(signer_of(evidenced))
    url = reverse("contracts:evidence", args=[evidenced.public_id])
    client.get(url)
    with django_assert_max_num_queries(5):
        client.get(url)


def test_before_it_is_made_the_page_says_so_and_there_is_no_file(
    complete: Contract, client: Client
) -> None:
    client.force_login(signer_of(complete))
    page = client.get(reverse("contracts:evidence", args=[complete.public_id]))
    assert page.status_code == 200
    assert "evidence.pdf" not in page.content.decode()
    url = reverse("contracts:evidence_pdf", args=[complete.public_id])
    assert client.get(url).status_code == 404


def test_before_the_contract_is_complete_the_page_leads_back(
    signed: Contract, client: Client
) -> None:
    client.force_login(signer_of(signed))
    answer = client.get(reverse("contracts:evidence", args=[signed.public_id]))
    assert answer.headers["Location"] == signed.get_absolute_url()
    assert client.get(reverse("contracts:kit", args=[signed.public_id])).status_code == 404


@pytest.mark.parametrize("name", ["evidence", "kit"])
def test_staff_take_it_from_the_contract_and_it_is_an_event(evidenced: Contract, name: str) -> None:
    officer = make_colleague("contract_officer")
    staff = sign_in_staff(officer)
    url = reverse(f"admin:contracts_contract_{name}", args=[evidenced.pk])
    change = reverse("admin:contracts_contract_change", args=[evidenced.pk])
    assert url in staff.get(change).content.decode()

    assert staff.get(url).status_code == 200

    actions = ("contracts.evidence_downloaded", "contracts.kit_exported")
    assert Event.objects.get(action__in=actions).actor == officer


def test_staff_without_the_right_get_nothing(evidenced: Contract) -> None:
    staff = sign_in_staff(make_colleague("risk_officer"))
    for name in ("evidence", "kit"):
        url = reverse(f"admin:contracts_contract_{name}", args=[evidenced.pk])
        assert staff.get(url).status_code == 403


def test_the_lists_of_staff_open(evidenced: Contract) -> None:
    staff = sign_in_staff(make_colleague("contract_officer"))
    services.make_head(day=NOW.date(), now=NOW)
    for name in ("evidence", "dailyhead"):
        page = staff.get(reverse(f"admin:contracts_{name}_changelist"))
        assert page.status_code == 200
