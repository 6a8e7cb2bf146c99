"""Cases about stored files that were found missing or changed (ES-3): which, and what they say."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from repayments.cases.models import Case, CaseKind
from repayments.contracts.models import Blob, Contract, ContractRevision, SettlementLetter

REASON = "file_damaged"


def contracts_with_damage() -> QuerySet[Any]:
    """Contracts with a damaged file, unless a case about this very fault was opened already.

    A loan has one open case of a kind: what waits for it is opened once that is closed.
    """
    faulty = (
        ContractRevision.objects.filter(contract=OuterRef("pk"), contract__purged_at__isnull=True)
        .exclude(blob__fault="")
        .order_by("n")
    )
    found = Contract.objects.annotate(
        damaged=Subquery(faulty.values("blob_id")[:1]),
        damaged_since=Subquery(faulty.values("blob__fault_since")[:1]),
    ).filter(damaged__isnull=False)
    return _unhandled(found, contract=OuterRef("pk"))


def letters_with_damage() -> QuerySet[Any]:
    """Settlement letters with a damaged file, likewise."""
    faulty = (
        Blob.objects.exclude(fault="")
        .filter(Q(pk=OuterRef("frozen")) | Q(pk=OuterRef("final")))
        .order_by("pk")
    )
    found = SettlementLetter.objects.annotate(
        damaged=Subquery(faulty.values("pk")[:1]),
        damaged_since=Subquery(faulty.values("fault_since")[:1]),
    ).filter(damaged__isnull=False)
    return _unhandled(found, contract__isnull=True, loan=OuterRef("loan"))


def damaged_contract_case(contract: Any) -> Case:
    case = damaged_letter_case(contract)
    case.contract = contract
    return case


def damaged_letter_case(document: Any) -> Case:
    return Case(
        kind=CaseKind.CONTRACT_EXCEPTION,
        loan=document.loan,
        reason=REASON,
        reason_facts={"reference": document.reference, "sha256": document.damaged},
    )


def _unhandled(found: QuerySet[Any], **about: Any) -> QuerySet[Any]:
    cases = Case.objects.filter(kind=CaseKind.CONTRACT_EXCEPTION)
    told = cases.filter(reason=REASON, opened_at__gte=OuterRef("damaged_since"), **about)
    waits = cases.open().filter(loan=OuterRef("loan"))
    return found.exclude(Exists(told)).exclude(Exists(waits)).order_by("pk")
