"""Ways in for the worker: ids in, one service each."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery import shared_task

from repayments.clock import now, today
from repayments.contracts import blobs, services


@shared_task
def seal_contract(*, contract_id: int, **kwargs: Any) -> None:
    if services.seal_contract(contract_id=contract_id, now=now()):
        make_evidence.delay_on_commit(contract_id=contract_id)


@shared_task
def make_evidence(*, contract_id: int, **kwargs: Any) -> None:
    services.make_evidence(contract_id=contract_id, now=now())


@shared_task
def stamp_head(*, head_id: int, **kwargs: Any) -> None:
    services.stamp_head(head_id=head_id, now=now())


@shared_task
def sweep_heads(**kwargs: Any) -> None:
    """Make the head of the day that ended, once, and hand on what has no time stamp yet."""
    made = services.make_head(day=today() - timedelta(days=1), now=now())
    if made is not None:
        services.adopt_contracts()
    for head_id in services.list_unstamped():
        stamp_head.delay_on_commit(head_id=head_id)


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
def apply_retention(**kwargs: Any) -> None:
    services.apply_retention(now=now())


@shared_task
def check_files(**kwargs: Any) -> None:
    services.check_files(now=now())


@shared_task
def sweep_contracts(**kwargs: Any) -> None:
    """End what ran out, remind of what soon will, let go of lost claims, hand on what is to do."""
    moment = now()
    services.expire_contracts(now=moment)
    services.queue_sign_reminders(now=moment)
    services.release_stale(now=moment)
    for contract_id in services.list_unsealed(now=moment):
        seal_contract.delay_on_commit(contract_id=contract_id)
    for contract_id in services.list_without_evidence(now=moment):
        make_evidence.delay_on_commit(contract_id=contract_id)
    for loan_id in services.list_loans_to_issue(now=moment):
        issue_loan_contract.delay_on_commit(loan_id=loan_id)


@shared_task
def sweep_parts(**kwargs: Any) -> None:
    """Remove parts of files that killed workers left, nightly."""
    # The machine's clock and not the business's: it is held against the times of files.
    blobs.sweep_parts(now=datetime.now(UTC))
