"""What must hold over all rows (reliability page, section 6), asked of the database as it is.

Each check is one set-based query that gives the first row that does not hold, by the number of its
invariant. Nothing is repaired. The books' own checks and the audit chain are their rooms'; the
files of contracts are read and hashed one by one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q

from repayments.audit.services import verify_audit
from repayments.cases.models import Case
from repayments.cases.services import clearing_case_id
from repayments.contracts import blobs
from repayments.contracts.inspecting import load_trust
from repayments.contracts.models import ContractRevision
from repayments.contracts.services import verify_heads
from repayments.ledger.services import verify_ledger
from repayments.payments.models import ClearingCheck, Suspense
from repayments.plans.models import InstallmentPlan
from repayments.reminders.models import Reminder

OUTBOX_PATIENCE = timedelta(minutes=15)
SUSPENSE_PATIENCE = timedelta(days=3)
# The sweep that opens cases comes every minute; a worker may have been down for a while.
CLEARING_PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Breach:
    """The first row found against an invariant."""

    invariant: int
    row: str
    reason: str


def find_breach(*, now: datetime, say: Callable[[str], None] = lambda name: None) -> Breach | None:
    """Run the checks in order; give the first row that does not hold.

    Args:
        now: the moment against which waiting messages are judged.
        say: told the name of each check before it runs.
    """
    for check in CHECKS:
        say(check.__name__.strip("_").replace("_", " "))
        for breach in check(now):
            return breach
    return None


def _books_add_up(now: datetime) -> Iterator[Breach]:
    fault = verify_ledger()
    if fault is not None:
        entry = f" entry {fault.entry}" if fault.entry else ""
        yield Breach(1, f"book {fault.book}{entry}", fault.reason)


def _books_agree_with_schedules(now: datetime) -> Iterator[Breach]:
    """Receivables are what current rows and open charges still owe of what was billed."""
    for loan, account, booked, owed in _first(_RECEIVABLES):
        yield Breach(1, f"loan {loan}", f"{account}: {booked} is booked, the rows owe {owed}")


def _caches_agree_with_schedules(now: datetime) -> Iterator[Breach]:
    for loan, cached, owed in _first(_OUTSTANDING):
        yield Breach(
            1, f"loan {loan}", f"outstanding principal: {cached} is cached, {owed} is owed"
        )


def _record_is_whole(now: datetime) -> Iterator[Breach]:
    fault = verify_audit()
    if fault is not None:
        yield Breach(2, f"event {fault.stream} #{fault.seq}", fault.reason)


def _chains_are_as_daily_heads_found_them(now: datetime) -> Iterator[Breach]:
    fault = verify_heads(trust=load_trust(Path(settings.SEALING_KEYS_DIR)), now=now)
    if fault is not None:
        chain = f" {fault.stream} from #{fault.seq} on" if fault.stream else ""
        yield Breach(2, f"daily head of {fault.day}{chain}", fault.reason)


def _payments_are_posted_once(now: datetime) -> Iterator[Breach]:
    for (payment,) in _first(_UNPOSTED):
        yield Breach(3, f"payment {payment}", "succeeded, and is neither posted nor in suspense")
    for payment, received, posted in _first(_POSTED_OTHERWISE):
        yield Breach(3, f"payment {payment}", f"{received} was received, {posted} is posted")


def _unmatched_money_is_owned(now: datetime) -> Iterator[Breach]:
    """Money that fits nothing rests for three days at most without an owner, or without a case."""
    has_case = Exists(Case.objects.open().filter(suspense=OuterRef("pk")))
    alone = Suspense.objects.filter(
        resolved_at__isnull=True, opened_at__lt=now - SUSPENSE_PATIENCE
    ).filter(Q(owner__isnull=True) | ~has_case)
    for row in alone.order_by("opened_at", "pk")[:1]:
        lacks = "owner" if row.owner_id is None else "case"
        yield Breach(
            4, f"suspense {row.object_id}", f"rests since {row.opened_at:%Y-%m-%d}, has no {lacks}"
        )


def _clearing_differences_have_cases(now: datetime) -> Iterator[Breach]:
    """A day on which gateway and books differ is looked at by a person."""
    checks = ClearingCheck.objects.filter(checked_at__lt=now - CLEARING_PATIENCE).exclude(
        differences=[]
    )
    names = {clearing_case_id(check.pk): check for check in checks.order_by("date", "pk")}
    known = set(Case.objects.filter(public_id__in=names).values_list("public_id", flat=True))
    for name, check in names.items():
        if name not in known:
            yield Breach(
                4,
                f"clearing {check.date} {check.currency}",
                f"{check.gateway_total} moved at the gateway, {check.books_total} is booked, "
                "and there is no case",
            )


def _no_balance_is_on_the_wrong_side(now: datetime) -> Iterator[Breach]:
    for book, account, amount in _first(_WRONG_SIDE):
        yield Breach(5, f"book {book}", f"{account} stands at {amount}")


def _one_plan_a_loan(now: datetime) -> Iterator[Breach]:
    plans = InstallmentPlan.objects.filter(status=InstallmentPlan.Status.ACTIVE)
    doubled = plans.values("loan__number").annotate(count=Count("pk")).filter(count__gt=1)
    for row in doubled.order_by("loan__number")[:1]:
        yield Breach(6, f"loan {row['loan__number']}", f"has {row['count']} active plans")


def _schedules_repay_the_principal(now: datetime) -> Iterator[Breach]:
    for loan, principal, scheduled in _first(_SCHEDULED):
        yield Breach(6, f"loan {loan}", f"{principal} was lent, the schedule repays {scheduled}")


def _paid_rows_are_backed(now: datetime) -> Iterator[Breach]:
    for loan, number, paid, allocated in _first(_UNBACKED):
        yield Breach(
            6, f"loan {loan} installment {number}", f"{paid} is paid, entries moved {allocated}"
        )


def _reminders_are_single(now: datetime) -> Iterator[Breach]:
    doubled = Reminder.objects.values("installment", "kind", "date").annotate(count=Count("pk"))
    for row in doubled.filter(count__gt=1).order_by("installment")[:1]:
        yield Breach(
            8, f"installment {row['installment']}", f"{row['kind']} on {row['date']} twice"
        )


def _nobody_is_reminded_of_what_is_paid(now: datetime) -> Iterator[Breach]:
    for reminder, sent_at in _first(_REMINDED_AFTER_PAYMENT):
        yield Breach(8, f"reminder {reminder}", f"was sent at {sent_at}, after it was paid")


def _signatures_name_the_document(now: datetime) -> Iterator[Breach]:
    for contract, signed in _first(_SIGNED_OTHERWISE):
        yield Breach(
            9, f"contract {contract}", f"the borrower signed {signed}, which is no revision"
        )


def _contracts_keep_their_bytes(now: datetime) -> Iterator[Breach]:
    kept = ContractRevision.objects.filter(contract__purged_at__isnull=True)
    revisions = kept.order_by("pk").select_related("contract")
    for revision in revisions.iterator(chunk_size=500):
        try:
            blobs.read(revision.blob_id)
        except blobs.BlobDamaged:
            yield Breach(
                9, f"contract {revision.contract.reference}", f"{revision.kind}: bytes are changed"
            )


def _nothing_rests_in_the_outbox(now: datetime) -> Iterator[Breach]:
    late = connection.ops.adapt_datetimefield_value(now - OUTBOX_PATIENCE)
    for message, status in _first(_RESTING, [late, late]):
        minutes = int(OUTBOX_PATIENCE.total_seconds() // 60)
        yield Breach(
            13, f"message {message}", f"{status} for more than {minutes} minutes, no error"
        )


CHECKS: tuple[Callable[[datetime], Iterator[Breach]], ...] = (
    _books_add_up,
    _books_agree_with_schedules,
    _caches_agree_with_schedules,
    _record_is_whole,
    _chains_are_as_daily_heads_found_them,
    _payments_are_posted_once,
    _unmatched_money_is_owned,
    _clearing_differences_have_cases,
    _no_balance_is_on_the_wrong_side,
    _one_plan_a_loan,
    _schedules_repay_the_principal,
    _paid_rows_are_backed,
    _reminders_are_single,
    _nobody_is_reminded_of_what_is_paid,
    _signatures_name_the_document,
    _contracts_keep_their_bytes,
    _nothing_rests_in_the_outbox,
)


def _first(sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


# Both sides of each account, added up by loan, as in the check of the books themselves.
_RECEIVABLES = """
    SELECT l.number, s.account, SUM(s.booked), SUM(s.owed) FROM (
        SELECT b.book_id, b.account, b.amount AS booked, 0 AS owed FROM ledger_balance b
        WHERE b.account IN (
            'principal_receivable', 'interest_receivable', 'fee_receivable', 'penalty_receivable'
        )
        UNION ALL
        SELECT l.book_id, a.account, 0, CASE a.account
                WHEN 'principal_receivable' THEN i.principal
                WHEN 'interest_receivable' THEN i.interest
                ELSE i.fee
            END
        FROM (
            SELECT loan_id, SUM(principal_due - principal_paid) AS principal,
                SUM(interest_billed - interest_paid) AS interest,
                SUM(fee_billed - fee_paid) AS fee
            FROM loans_installment WHERE is_current GROUP BY loan_id
        ) AS i
        JOIN loans_loan l ON l.id = i.loan_id
        CROSS JOIN (
            SELECT 'principal_receivable' AS account
            UNION ALL SELECT 'interest_receivable' UNION ALL SELECT 'fee_receivable'
        ) AS a
        UNION ALL
        SELECT l.book_id, h.kind || '_receivable', 0, h.amount - h.paid - h.waived - h.withdrawn
        FROM loans_charge h JOIN loans_loan l ON l.id = h.loan_id
    ) AS s
    JOIN loans_loan l ON l.book_id = s.book_id
    WHERE l.status IN ('active', 'paid_off')
    GROUP BY l.number, s.account HAVING SUM(s.booked) <> SUM(s.owed)
    ORDER BY l.number LIMIT 1
"""

_OUTSTANDING = """
    SELECT l.number, l.outstanding_principal, i.owed FROM loans_loan l
    JOIN (
        SELECT loan_id, SUM(principal_due - principal_paid) AS owed
        FROM loans_installment WHERE is_current GROUP BY loan_id
    ) AS i ON i.loan_id = l.id
    WHERE l.status = 'active' AND l.outstanding_principal <> i.owed
    ORDER BY l.number LIMIT 1
"""

_UNPOSTED = """
    SELECT p.public_id FROM payments_payment p
    WHERE p.status = 'succeeded' AND p.entry_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM payments_suspense s WHERE s.payment_id = p.id)
    ORDER BY p.id LIMIT 1
"""

_POSTED_OTHERWISE = """
    SELECT p.public_id, p.amount_received, g.amount FROM payments_payment p
    JOIN ledger_posting g ON g.entry_id = p.entry_id AND g.account = 'clearing'
    WHERE p.amount_received IS NOT NULL AND p.amount_received <> g.amount
    ORDER BY p.id LIMIT 1
"""

_WRONG_SIDE = """
    SELECT book_id, account, amount FROM ledger_balance
    WHERE (amount < 0 AND account IN (
            'principal_receivable', 'interest_receivable', 'fee_receivable', 'penalty_receivable'
        )) OR (amount > 0 AND account = 'unapplied')
    ORDER BY book_id LIMIT 1
"""

_SCHEDULED = """
    SELECT l.number, l.principal, SUM(i.principal_due) FROM loans_loan l
    JOIN loans_schedule s ON s.loan_id = l.id AND s.is_current AND s.reason = 'original'
    JOIN loans_installment i ON i.schedule_id = s.id
    GROUP BY l.number, l.principal HAVING SUM(i.principal_due) <> l.principal
    ORDER BY l.number LIMIT 1
"""

# What was paid before the portal has no entries here: only loans paid out here are asked.
_UNBACKED = """
    SELECT l.number, i.number, i.principal_paid + i.interest_paid + i.fee_paid AS paid,
        COALESCE(a.amount, 0)
    FROM loans_installment i
    JOIN loans_loan l ON l.id = i.loan_id
    LEFT JOIN (
        SELECT installment_id, SUM(amount) AS amount FROM loans_allocation
        WHERE installment_id IS NOT NULL GROUP BY installment_id
    ) AS a ON a.installment_id = i.id
    WHERE i.is_current
        AND i.principal_paid + i.interest_paid + i.fee_paid <> COALESCE(a.amount, 0)
        AND EXISTS (
            SELECT 1 FROM ledger_journalentry e
            LEFT JOIN ledger_journalentry r ON r.reverses_id = e.id
            WHERE e.book_id = l.book_id AND e.kind = 'disbursement' AND r.id IS NULL
        )
    ORDER BY l.number, i.number LIMIT 1
"""

_REMINDED_AFTER_PAYMENT = """
    SELECT r.id, m.sent_at FROM reminders_reminder r
    JOIN contacts_message m ON m.id = r.message_id AND m.status = 'sent'
    JOIN loans_installment i ON i.id = r.installment_id AND i.unpaid = 0
    JOIN (
        SELECT a.installment_id, MAX(e.posted_at) AS paid_at FROM loans_allocation a
        JOIN ledger_journalentry e ON e.id = a.entry_id
        WHERE a.installment_id IS NOT NULL GROUP BY a.installment_id
    ) AS p ON p.installment_id = i.id
    WHERE p.paid_at < m.sent_at
    ORDER BY r.id LIMIT 1
"""

_SIGNED_OTHERWISE = """
    SELECT c.reference, s.doc_sha256 FROM contracts_signature s
    JOIN contracts_contract c ON c.id = s.contract_id
    WHERE s.party = 'borrower' AND NOT EXISTS (
        SELECT 1 FROM contracts_contractrevision v
        WHERE v.contract_id = c.id AND v.blob_id = s.doc_sha256
    )
    ORDER BY c.id LIMIT 1
"""

_RESTING = """
    SELECT public_id, status FROM contacts_message
    WHERE error = '' AND (
        (status = 'due' AND not_before < %s) OR (status = 'sending' AND claimed_at < %s)
    )
    ORDER BY id LIMIT 1
"""
