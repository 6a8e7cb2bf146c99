"""What a borrower signed stays theirs to download: after the loan, the address, the template."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from repayments.contracts import blobs, services
from repayments.contracts.models import Contract, TemplateVersion
from repayments.loans.models import Loan
from tests.contracts.test_pages import sign_in, url
from tests.factories.contracts import NOW, make_contract, make_signed, signer_of

pytestmark = pytest.mark.usefixtures("room")
FILES = ["download", "evidence_pdf", "kit"]


@pytest.fixture
def completed(room: None) -> Contract:
    contract = make_signed()
    services.seal_contract(contract_id=contract.pk, now=NOW)
    services.make_evidence(contract_id=contract.pk, now=NOW)
    contract.refresh_from_db()
    return contract


def close_loan(contract: Contract) -> None:
    Loan.objects.filter(pk=contract.loan_id).update(status="closed")


def change_email(contract: Contract) -> None:
    User.objects.filter(pk=signer_of(contract).pk).update(email="moved@example.com")


def retire_template(contract: Contract) -> None:
    TemplateVersion.objects.filter(pk=contract.template_version_id).update(status="retired")


@pytest.mark.parametrize("after", [close_loan, change_email, retire_template])
def test_es_9_its_own_borrower_has_all_files_after(after: Any, completed: Contract) -> None:
    final = blobs.read(completed.revisions.get(kind="final").blob_id)

    after(completed)

    reader = sign_in(signer_of(completed))
    assert [reader.get(url(completed, name)).status_code for name in FILES] == [200] * 3
    assert reader.get(url(completed, "download")).content == final
    assert url(completed) in reader.get("/documents/").content.decode()


@pytest.mark.parametrize("name", FILES)
def test_case_12_nobody_else_has_them(name: str, completed: Contract) -> None:
    close_loan(completed)

    assert sign_in(signer_of(make_contract())).get(url(completed, name)).status_code == 404
    assert "/login/" in Client().get(url(completed, name))["Location"]


def test_whose_account_is_closed_gets_them_from_staff(completed: Contract, tmp_path: Any) -> None:
    User.objects.filter(pk=signer_of(completed).pk).update(is_active=False)

    call_command("export_contract", completed.reference, str(tmp_path))

    final = blobs.read(completed.revisions.get(kind="final").blob_id)
    assert (tmp_path / "contract.pdf").read_bytes() == final
    assert (tmp_path / "evidence.pdf").exists()
