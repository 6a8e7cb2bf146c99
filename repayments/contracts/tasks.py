"""Ways in for the worker: ids in, one service each."""

from typing import Any

from celery import shared_task

from repayments.clock import now
from repayments.contracts import services


@shared_task
def seal_contract(*, contract_id: int, **kwargs: Any) -> None:
    services.seal_contract(contract_id=contract_id, now=now())


@shared_task
def issue_loan_contract(*, loan_id: int, **kwargs: Any) -> None:
    services.issue_loan_contract(loan_id=loan_id, now=now())


@shared_task
def make_letter(*, loan_id: int, **kwargs: Any) -> None:
    services.make_letter(loan_id=loan_id, now=now())


@shared_task
def seal_letter(*, letter_id: int, **kwargs: Any) -> None:
    services.seal_letter(letter_id=letter_id, now=now())


@shared_task
def void_letters(*, loan_id: int, **kwargs: Any) -> None:
    services.void_letters(loan_id=loan_id, now=now())


@shared_task
def sweep_letters(**kwargs: Any) -> None:
    """Let go of lost claims, and hand on what letters are to be made, sealed or made void."""
    moment = now()
    services.release_stale_letters(now=moment)
    for loan_id in services.list_loans_with_wrong_letter():
        void_letters.delay_on_commit(loan_id=loan_id)
    for loan_id in services.list_loans_without_letter(now=moment):
        make_letter.delay_on_commit(loan_id=loan_id)
    for letter_id in services.list_unsealed_letters(now=moment):
        seal_letter.delay_on_commit(letter_id=letter_id)


@shared_task
def sweep_contracts(**kwargs: Any) -> None:
    """End what ran out, let go of lost claims, and hand on what is to be sealed or issued."""
    moment = now()
    services.expire_contracts(now=moment)
    services.release_stale(now=moment)
    for contract_id in services.list_unsealed(now=moment):
        seal_contract.delay_on_commit(contract_id=contract_id)
    for loan_id in services.list_loans_to_issue(now=moment):
        issue_loan_contract.delay_on_commit(loan_id=loan_id)
