"""A borrower's plan: what fits, what it costs, the answer, and what can still be changed."""

import logging
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from repayments.clock import now, today
from repayments.contracts.views.common import next_waits
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.plans import services
from repayments.plans.amounts import COUNT, AmountsRefused, Debt, PlanAmounts
from repayments.plans.forms import PlanEntry, add_row, fit_last_row
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.queries import (
    get_debt,
    get_latest_answer,
    get_open_plan,
    get_plan_page,
    get_policy,
)
from repayments.plans.services import AgreementNotMade, PlanRefused
from repayments.plans.wording import describe_end, describe_finding, describe_moment

logger = logging.getLogger(__name__)

USUAL_MONTHS = 12


def _get_loan_for_user(request: HttpRequest, public_id: str) -> Loan:
    loans = Loan.objects.for_borrower(request.user)
    return get_object_or_404(loans.select_related("borrower", "product"), public_id=public_id)


def _get_plan_for_user(request: HttpRequest, public_id: str) -> InstallmentPlan:
    plans = InstallmentPlan.objects.for_borrower(request.user).exclude(
        status=InstallmentPlan.Status.DRAFT
    )
    related = ("loan__borrower", "loan__product", "counter_of", "contract")
    return get_object_or_404(plans.select_related(*related), public_id=public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, public_id: str) -> HttpResponse:
    """Work a plan out and send it; the answer stands on the same page, also when it is reloaded."""
    loan = _get_loan_for_user(request, public_id)
    if request.method == "POST":
        return _take_proposal(request, loan)
    plan = get_open_plan(loan=loan)
    wants_another = "again" in request.GET and plan is not None and _can_pass_over(plan)
    if plan is not None and not wants_another:
        plan.loan = loan
        return _render_answer(request, plan, "plans/propose.html")
    if loan.status != Loan.Status.ACTIVE:
        return render(request, "plans/propose.html", {"loan": loan})
    policy, debt, initial = _start(loan)
    entry = PlanEntry(None, debt=debt, currency=loan.currency, initial=initial)
    start = PlanEntry(_as_typed(initial), debt=debt, currency=loan.currency, initial=initial)
    amounts = start.amounts if debt.total and start.is_valid() else None
    declined = get_latest_answer(loan=loan, now=now())
    return _render_entry(request, loan, entry, amounts, policy=policy, declined=declined)


def _take_proposal(request: HttpRequest, loan: Loan) -> HttpResponse:
    if loan.status != Loan.Status.ACTIVE:
        return _conflict(
            request, loan, _("No plan is needed: nothing is left to pay on this loan.")
        )
    policy, debt, initial = _start(loan)

    def read(data: QueryDict) -> PlanEntry:
        return PlanEntry(data, debt=debt, currency=loan.currency, initial=initial)

    act = request.POST.get("act", "preview")
    entry = read(request.POST)
    is_good = entry.is_valid()
    if act == "add":
        entry = read(add_row(request.POST, entry))
        is_good = entry.is_valid()
        return _render_entry(request, loan, entry, entry.amounts, policy=policy, status=200)
    if act == "fit" and entry.fit is not None:
        entry = read(fit_last_row(request.POST, entry))
        is_good = entry.is_valid()
    if act != "send" or not is_good or entry.amounts is None:
        return _render_entry(request, loan, entry, entry.amounts, policy=policy)
    if request.POST.get("seen") != _fingerprint(entry.amounts):
        # Sent with figures nobody has looked at: changed after the preview, or over midnight.
        return _render_entry(request, loan, entry, entry.amounts, policy=policy, look_again=True)
    try:
        plan = services.propose_plan(
            loan_id=loan.pk,
            wish=entry.wish(),
            note=entry.form.cleaned_data["note"],
            actor=request.user,  # type: ignore[arg-type]
            now=now(),
            as_of=today(),
        )
    except AmountsRefused as refusal:
        entry.refuse(refusal)
        return _render_entry(request, loan, entry, None, policy=policy)
    except PlanRefused as refusal:
        return _conflict(request, loan, str(refusal))
    _prepare_agreement(plan)
    return redirect("plans:propose", public_id=loan.public_id)


@login_required
@require_safe
def detail(request: HttpRequest, public_id: str) -> HttpResponse:
    plan = _get_plan_for_user(request, public_id)
    return _render_answer(request, plan, "plans/detail.html")


@login_required
@require_POST
def accept(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the lender's offer."""
    plan = _get_plan_for_user(request, public_id)
    try:
        plan = services.accept_counter(
            plan_id=plan.pk,
            actor=request.user,  # type: ignore[arg-type]
            now=now(),
            as_of=today(),
        )
    except PlanRefused as refusal:
        return _conflict(request, plan.loan, str(refusal))
    _prepare_agreement(plan)
    return redirect("plans:propose", public_id=plan.loan.public_id)


@login_required
@require_POST
def ask_person(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask for a person's answer instead of the rule's."""
    plan = _get_plan_for_user(request, public_id)
    try:
        services.ask_for_person(
            plan_id=plan.pk,
            # No form field has looked at it, and PostgreSQL stores no null character.
            note=request.POST.get("note", "").replace("\x00", "")[:1000],
            actor=request.user,  # type: ignore[arg-type]
            now=now(),
            as_of=today(),
        )
    except AmountsRefused:
        messages.error(
            request, _("The first date of your proposal has passed. Please choose again.")
        )
        return redirect(f"{redirect('plans:propose', public_id=plan.loan.public_id).url}?again=1")
    except PlanRefused as refusal:
        return _conflict(request, plan.loan, str(refusal))
    return redirect("plans:propose", public_id=plan.loan.public_id)


@login_required
@require_POST
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a proposal back, or turn an offer down."""
    plan = _get_plan_for_user(request, public_id)
    try:
        services.withdraw_plan(
            plan_id=plan.pk,
            actor=request.user,  # type: ignore[arg-type]
            now=now(),
        )
    except PlanRefused as refusal:
        return _conflict(request, plan.loan, str(refusal))
    messages.success(request, _("Taken back. Nothing has changed on your loan."))
    return redirect("plans:propose", public_id=plan.loan.public_id)


@login_required
@require_POST
def cancel(request: HttpRequest, public_id: str) -> HttpResponse:
    """End an agreed plan that is not signed yet."""
    plan = _get_plan_for_user(request, public_id)
    try:
        services.cancel_plan(
            plan_id=plan.pk,
            actor=request.user,  # type: ignore[arg-type]
            now=now(),
        )
    except PlanRefused as refusal:
        return _conflict(request, plan.loan, str(refusal))
    messages.success(request, _("The plan is ended and was not signed. Your loan is as before."))
    return redirect("plans:propose", public_id=plan.loan.public_id)


def _prepare_agreement(plan: InstallmentPlan) -> None:
    """Make the agreement at once where that works; the page says so where it does not yet."""
    if plan.status != InstallmentPlan.Status.ACCEPTED:
        return
    try:
        services.issue_agreement(plan_id=plan.pk, now=now(), as_of=today())
    except AgreementNotMade:
        logger.warning("plan %s: the sweep tries again", plan.public_id)


def _can_pass_over(plan: InstallmentPlan) -> bool:
    return plan.status == InstallmentPlan.Status.PROPOSED and plan.is_offer


def _is_being_prepared(plan: InstallmentPlan) -> bool:
    """Whether the plan is agreed and the sweep still has to make its agreement."""
    Status = InstallmentPlan.Status
    if plan.status == Status.AWAITING_SIGNATURE:
        return plan.contract_id is None
    return bool(plan.status == Status.ACCEPTED)


def _render_answer(request: HttpRequest, plan: InstallmentPlan, template: str) -> HttpResponse:
    """Show where a plan stands; the part that waits for its agreement asks here as well."""
    wait, next_wait = next_waits(request)
    waits = {"wait": wait, "next_wait": next_wait, "poll_url": request.path}
    if request.headers.get("HX-Request"):
        if not _is_being_prepared(plan):
            # What is awaited is here: the whole page is another.
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "plans/answer.html#being_prepared", waits)
    return render(request, template, {"loan": plan.loan, **waits, **_answer_context(plan)})


def _stands_until(plan: InstallmentPlan) -> datetime | None:
    """An agreement says itself until when it can be signed; staff may have moved that day."""
    if plan.status == InstallmentPlan.Status.AWAITING_SIGNATURE and plan.contract is not None:
        return plan.contract.expires_at
    return plan.expires_at


def _answer_context(plan: InstallmentPlan) -> dict[str, Any]:
    page = get_plan_page(plan=plan)
    findings = services.read_findings(page.reason)
    return {
        "plan": plan,
        "page": page,
        "rules": [describe_finding(finding, plan.loan.currency) for finding in findings],
        "reason_note": page.reason.reason_note,
        "answer_by": describe_moment(plan.answer_due_at),
        "stands_until": describe_moment(_stands_until(plan)),
        "end": describe_end(plan),
    }


def _render_entry(
    request: HttpRequest,
    loan: Loan,
    entry: PlanEntry,
    amounts: PlanAmounts | None,
    *,
    policy: PlanPolicy | None,
    declined: InstallmentPlan | None = None,
    look_again: bool = False,
    status: int | None = None,
) -> HttpResponse:
    context = {
        "loan": loan,
        "entry": entry,
        "debt": entry.debt,
        "policy": policy,
        "amounts": amounts,
        "seen": _fingerprint(amounts) if amounts else "",
        "declined": declined,
        "look_again": look_again,
    }
    if getattr(request, "htmx", False):
        return render(request, "plans/propose.html#preview", context)
    status = status or (422 if entry.errors else 200)
    return render(request, "plans/propose.html", context, status=status)


def _start(loan: Loan) -> tuple[PlanPolicy | None, Debt, dict[str, Any]]:
    """Give the policy, the debt of today, and numbers that the rules are likely to accept."""
    policy = get_policy(loan=loan)
    position = get_position(loan=loan, as_of=today())
    debt = get_debt(loan=loan, as_of=today(), position=position)
    within = policy.first_within_days if policy else 30
    latest = debt.as_of + timedelta(days=within)
    usual = position.next_due_date
    first = usual if usual and debt.as_of < usual <= latest else debt.as_of + timedelta(days=30)
    months = min(policy.longest_months, policy.most_installments) if policy else USUAL_MONTHS
    initial = {
        "way": COUNT,
        "count": max(min(USUAL_MONTHS, months), 1),
        "first_due": min(first, max(latest, debt.as_of + timedelta(days=1))),
    }
    return policy, debt, initial


def _as_typed(initial: dict[str, Any]) -> QueryDict:
    data = QueryDict(mutable=True)
    data.update(
        {
            name: value.isoformat() if isinstance(value, date) else str(value)
            for name, value in initial.items()
        }
    )
    return data


def _fingerprint(amounts: PlanAmounts) -> str:
    """Name the figures a borrower has seen, so that no others are sent."""
    return (
        f"{len(amounts.rows)}.{amounts.first_due:%Y%m%d}.{amounts.ends_on:%Y%m%d}.{amounts.total}"
    )


def _conflict(request: HttpRequest, loan: Loan, message: str) -> HttpResponse:
    back = redirect("plans:propose", public_id=loan.public_id).url
    return render(request, "409.html", {"message": message, "back_url": back}, status=409)
