"""Making a contract: terms are frozen, the document is rendered and stored, the borrower told."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.models import Event
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.contacts.services import queue_message
from repayments.contracts import blobs, codes, documents, kinds
from repayments.contracts.deadlines import last_day
from repayments.contracts.models import Contract, ContractRevision, TemplateVersion
from repayments.contracts.paper import build_contract_data
from repayments.contracts.services.states import ContractMovedOn, move, record, refusal
from repayments.contracts.terms import (
    AgreedRow,
    TermsDoNotAddUp,
    rows_of_loan,
    sha256_of,
    take_snapshot,
)
from repayments.loans.models import Loan
from repayments.money import decimal_text

CONTRACT_VALID_DAYS = 30
SIGNATURE_LEVEL = "agreed_method"
# What a newer contract may be issued for without a change to them.
POINTED_AT = (
    Contract.Status.DECLINED,
    Contract.Status.EXPIRED,
    Contract.Status.VOIDED,
    Contract.Status.COMPLETED,
)
_PREFIXES = {"loan": "LC", "plan": "PA"}

logger = logging.getLogger(__name__)


class ContractRefused(Exception):
    """No contract can be made of this; nothing was stored or sent.

    Attributes:
        reason: "not_printable", "no_template", "does_not_add_up" or "template_faulty".
    """

    def __init__(self, reason: str, message: Any) -> None:
        super().__init__(message)
        self.reason = reason


class ContractAlreadyOpen(Exception):
    """The loan has a loan contract that is not ended yet."""

    def __init__(self) -> None:
        super().__init__(_("There is already a contract to sign for this loan."))


class AlreadyReplaced(ContractMovedOn):
    """It has a successor: a contract has one at most."""

    message = _("A newer contract takes its place already.")


def issue_contract(
    *,
    kind: str,
    loan: Loan,
    terms: Mapping[str, str],
    schedule: Iterable[AgreedRow],
    expires_at: datetime,
    actor: User | None,
    now: datetime,
    supersedes: Contract | None = None,
    points_at: Contract | None = None,
) -> Contract:
    """Freeze a contract and send it to the borrower, in the borrower's language.

    The document is rendered and stored first; all rows are then written in one transaction, which
    may be the caller's. A file left behind by a crash in between is harmless.

    Args:
        kind: as registered with `kinds`; "loan" or "plan".
        loan: read for names and terms.
        terms: what the caller knows better than the loan's row, text by name: "effective_on" (ISO
            date the annual cost is counted from; a plan gives the day it starts),
            "break_grace_days", "annual_cost_simple", "annual_cost_compound" (percent). May be
            empty. Sums given are checked against the schedule.
        schedule: the payments: anything with due_date, principal, interest, fee in minor units.
        expires_at: aware; from then on it can no longer be signed.
        supersedes: an unsigned contract that this one replaces; it can no longer be signed then.
        points_at: one that ended unsigned or is complete, in whose place this one comes. It stays
            as it is; its page leads here. The document says so where that one was signed.
    Raises:
        ContractRefused: a character cannot be printed (the message names it), sums that differ,
            no published template.
        ContractAlreadyOpen: the loan has an open loan contract already.
        states.ContractMovedOn: the one to be replaced can no longer be replaced, or has a
            successor already.
        kinds.UnknownKind.
    """
    draft = _prepare(kind, loan, terms, schedule, expires_at, now)
    draft.supersedes = supersedes or points_at
    pdf = _render(draft, kinds.get(kind), now)
    sha256 = blobs.write_file(pdf)
    try:
        with transaction.atomic():
            Loan.objects.select_for_update().get(pk=loan.pk)
            if supersedes is not None:
                move(supersedes, Contract.Status.SUPERSEDED, ended_at=now)
                record(
                    supersedes, "superseded", actor=actor, at=now, payload={"by": draft.reference}
                )
            if points_at is not None:
                _point(points_at, draft, actor, now)
            draft.save(force_insert=True)
            record(draft, "drafted", actor=actor, at=now, payload={"kind": kind})
            freeze_contract(draft, sha256=sha256, size=len(pdf), actor=actor, now=now)
            send_contract(draft, expires_at=expires_at, actor=actor, now=now)
    except IntegrityError as error:
        if "one_open_loan_contract" in str(error) or "contracts_contract.loan_id" in str(error):
            raise ContractAlreadyOpen from error
        if "supersedes" in str(error):
            raise AlreadyReplaced from error
        raise
    return draft


def _point(old: Contract, new: Contract, actor: User | None, now: datetime) -> None:
    """Note on a contract that stays as it is which one comes in its place.

    Raises: states.ContractMovedOn where it may still be signed, or is signed and not sealed.
    """
    status = Contract.objects.values_list("status", flat=True).get(pk=old.pk)
    if status not in POINTED_AT:
        raise refusal(old)
    record(old, "pointed_on", actor=actor, at=now, payload={"by": new.reference})


def freeze_contract(
    contract: Contract, *, sha256: str, size: int, actor: User | None, now: datetime
) -> None:
    """Bind a contract to its stored document; the caller holds the transaction."""
    version = contract.template_version
    blob = blobs.record(sha256, size=size, media="application/pdf")
    ContractRevision.objects.create(
        contract=contract, n=1, kind=ContractRevision.Kind.UNSIGNED, blob=blob, created_at=now
    )
    move(contract, Contract.Status.FROZEN, frozen_at=now)
    payload = {
        "document_sha256": sha256,
        "terms_sha256": contract.terms_sha256,
        "template": f"{version.template.key} v{version.number}",
        "locale": version.locale,
        "body_sha256": version.body_sha256,
        "font_set_sha256": documents.font_set_sha256(),
        "engine": documents.ENGINE_VERSION,
    }
    record(contract, "frozen", actor=actor, at=now, payload=payload)


def send_contract(
    contract: Contract, *, expires_at: datetime, actor: User | None, now: datetime
) -> None:
    """Put a frozen contract before the borrower; the caller holds the transaction."""
    move(contract, Contract.Status.SENT, expires_at=expires_at)
    record(contract, "sent", actor=actor, at=now, payload={"expires_at": expires_at.isoformat()})
    borrower = contract.loan.borrower
    # Who has no sign-in yet finds it on the first page after activation.
    if borrower.user_id is not None:
        queue_message(
            borrower=borrower,
            template_key="contract_to_sign",
            purpose="contract_to_sign",
            subject=contract.loan.stream,
            business_key=f"contract_to_sign:{contract.public_id}",
            context={
                "link": contract.get_absolute_url(),
                "document": contract.template_version.title,
                "reference": contract.reference,
                "until": last_day(expires_at).isoformat(),
            },
            expires_at=expires_at,
            now=now,
        )


def issue_loan_contract(*, loan_id: int, now: datetime) -> Contract | None:
    """Issue the contract of a loan that waits for its signature; None where it has one.

    A refusal is put on the loan's record, so that staff find it and the sweep leaves it alone.
    """
    loan = Loan.objects.select_related("borrower__user", "product").get(pk=loan_id)
    taken_back = Contract.objects.filter(
        loan=loan, kind="loan", status=Contract.Status.VOIDED, superseded_by=None
    )
    try:
        return issue_contract(
            kind="loan",
            loan=loan,
            terms={},
            schedule=rows_of_loan(loan),
            expires_at=now + timedelta(days=CONTRACT_VALID_DAYS),
            actor=None,
            now=now,
            # Who opens the old link is led to this one.
            points_at=taken_back.order_by("-pk").first(),
        )
    except (ContractAlreadyOpen, AlreadyReplaced):
        return None
    except ContractRefused as refusal:
        logger.error("no contract can be made for loan %s: %s", loan.number, refusal.reason)
        record_event(
            stream=loan.stream,
            action="contracts.issue_refused",
            actor=None,
            at=now,
            payload={"reason": refusal.reason, "message": str(refusal)},
        )
        return None


def list_loans_to_issue(*, now: datetime, limit: int = 50) -> list[int]:
    """List loans that wait for a signature and were never sent a contract that still counts.

    A contract that was declined or ran out is not sent again by itself: a person looks at it
    first. One that was voided is issued anew.
    """
    refused = _list_refusals(now).values_list("stream", flat=True)
    refused_ids = {stream.removeprefix("loan:") for stream in refused}
    waiting = (
        Loan.objects.filter(status=Loan.Status.PENDING_SIGNATURE)
        .exclude(pk__in=_loan_contracts_that_count().values("loan_id"))
        .order_by("pk")
        .values_list("pk", "public_id")[: limit + len(refused_ids)]
    )
    return [pk for pk, public_id in waiting if str(public_id) not in refused_ids][:limit]


def is_to_be_issued(*, loan: Loan, now: datetime) -> bool:
    """Tell whether the sweep will make this loan's contract by itself: is it being prepared?"""
    return (
        loan.status == Loan.Status.PENDING_SIGNATURE
        and not _loan_contracts_that_count().filter(loan=loan).exists()
        and not _list_refusals(now).filter(stream=loan.stream).exists()
    )


def _loan_contracts_that_count() -> QuerySet[Contract]:
    return Contract.objects.filter(kind="loan").exclude(status=Contract.Status.VOIDED)


def _list_refusals(now: datetime) -> QuerySet[Event]:
    """List the refusals of the last day; after it another attempt is made."""
    return Event.objects.filter(action="contracts.issue_refused", at__gt=now - timedelta(days=1))


def _prepare(
    kind: str,
    loan: Loan,
    terms: Mapping[str, str],
    schedule: Iterable[AgreedRow],
    expires_at: datetime,
    now: datetime,
) -> Contract:
    locale = loan.borrower.language
    version = (
        TemplateVersion.objects.filter(
            template__kind=kind, locale=locale, status=TemplateVersion.Status.PUBLISHED
        )
        .select_related("template")
        .order_by("-number")
        .first()
    )
    if version is None:
        raise ContractRefused("no_template", _("There is no published template for this contract."))
    today = now.astimezone(lender_zone()).date()
    given = dict(terms)
    if kind == "plan":
        # The debt as it stands is what the plan is counted from.
        given.setdefault("effective_on", today.isoformat())
    else:
        given.setdefault("principal", decimal_text(loan.principal, loan.currency))
    try:
        snapshot = take_snapshot(
            loan=loan, rows=schedule, given=given, expires_at=expires_at, now=now
        )
    except TermsDoNotAddUp as error:
        raise ContractRefused("does_not_add_up", str(error)) from error
    return Contract(
        reference=f"{_PREFIXES.get(kind, 'CT')}-{today:%Y%m%d}-{codes.draw(6)}",
        kind=kind,
        loan=loan,
        template_version=version,
        terms=snapshot.terms,
        terms_sha256=sha256_of(snapshot.terms),
        schedule=snapshot.schedule,
        verify_code="-".join(codes.draw(4) for _part in range(3)),
        signature_level=SIGNATURE_LEVEL,
        created_at=now,
    )


def _replaced_reference(contract: Contract) -> str:
    """Name the signed contract in whose place this one comes; one nobody signed binds nobody."""
    old = contract.supersedes
    return old.reference if old and old.status == Contract.Status.COMPLETED else ""


def _render(contract: Contract, kind: kinds.ContractKind, now: datetime) -> bytes:
    version = contract.template_version
    try:
        data = build_contract_data(
            kind=contract.kind,
            reference=contract.reference,
            verify_code=contract.verify_code,
            portal_address=f"{settings.SITE_URL}/verify/",
            locale=version.locale,
            title=version.title,
            governing_language=version.governing_language,
            body=version.body,
            terms=contract.terms,
            schedule=contract.schedule,
            extra=kind.build(contract) if kind.build else None,
            replaces=_replaced_reference(contract),
        )
        return documents.render_contract(data, timestamp=now)
    except documents.MissingGlyph as error:
        named = ", ".join(f"“{char}” (U+{ord(char[0]):04X})" for char in error.characters)
        raise ContractRefused(
            "not_printable",
            _("A name or text holds a character that cannot be printed: %(characters)s")
            % {"characters": named or "?"},
        ) from error
    except documents.DocumentError as error:
        raise ContractRefused("template_faulty", str(error)) from error
