"""Plans for staff: read them, answer what needs a person, set the limits of the rules.

Rows are written by services alone. Each answer has a page of its own that asks the reason.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from repayments.audit.services import record_event
from repayments.clock import now, today
from repayments.loans.queries import get_position
from repayments.plans import services, tasks
from repayments.plans.amounts import COUNT, ROWS, AmountsRefused, PlanAmounts, are_even
from repayments.plans.forms import PlanEntry, ReasonForm, add_row, fit_last_row
from repayments.plans.models import InstallmentPlan, PlanPolicy, PlanRow
from repayments.plans.queries import get_debt, get_plan_page, list_given
from repayments.plans.services import PlanRefused, read_findings
from repayments.plans.wording import describe_finding, describe_moment

ACTS = ("accept", "counter", "decline")


class PlanRowInline(admin.TabularInline):
    model = PlanRow
    ordering = ("number",)
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(InstallmentPlan)
class InstallmentPlanAdmin(admin.ModelAdmin):
    list_display = ("loan", "status", "source", "total", "answer_due_at", "created_at")
    list_filter = ("status", "source")
    list_select_related = ("loan",)
    search_fields = ("loan__number", "loan__borrower__reference", "loan__borrower__legal_name")
    ordering = ("-created_at",)
    show_full_result_count = False
    actions = None
    inlines = (PlanRowInline,)
    change_form_template = "admin/plans/plan.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "plans_installmentplan_decide"
        return [
            path("<int:pk>/decide/", wrap(self.decide), name=name),
            path("<int:pk>/decide/<slug:act>/", wrap(self.answer), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Borrowers propose; staff answer."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a proposal with all that a person weighs, and the ways to answer."""
        plan = self._get_plan(request, pk)
        record_event(
            stream=plan.loan.stream,
            action="plans.viewed_by_staff",
            actor=request.user,  # type: ignore[arg-type]
            at=now(),
            payload={"plan": str(plan.public_id)},
        )
        return render(request, "admin/plans/decide.html", self._context(request, plan))

    def answer(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        """Ask the reason, then answer."""
        if act not in ACTS:
            raise Http404
        plan = self._get_plan(request, pk)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponse(status=405)
        posted = request.POST if request.method == "POST" else None
        form = ReasonForm(posted)
        entry = self._entry(request, plan) if act == "counter" else None
        wants = request.POST.get("act", act)
        amounts: PlanAmounts | None = None
        if entry is not None and posted is not None:
            entry.is_valid()
            amounts = entry.amounts
        is_final = posted is not None and wants == act
        if is_final and form.is_valid() and (entry is None or amounts is not None):
            try:
                self._do(request, plan, act, form.cleaned_data["reason"], entry)
            except AmountsRefused as refusal:
                assert entry is not None
                entry.refuse(refusal)
            except PlanRefused as refusal:
                return self._conflict(request, plan, str(refusal))
            else:
                messages.success(request, _("The borrower has the answer."))
                return redirect("admin:plans_installmentplan_decide", pk)
        if posted is not None and not is_final:
            # A row more or a preview is no mistake in the reason.
            form = ReasonForm(initial={"reason": request.POST.get("reason", "")})
        context = self._context(request, plan) | {
            "act": act,
            "form": form,
            "entry": entry,
            "amounts": amounts,
        }
        return render(request, "admin/plans/answer.html", context)

    def _do(
        self,
        request: HttpRequest,
        plan: InstallmentPlan,
        act: str,
        reason: str,
        entry: PlanEntry | None,
    ) -> None:
        who: dict[str, Any] = {"plan_id": plan.pk, "reason": reason, "actor": request.user}
        if act == "accept":
            services.accept_plan(**who, now=now(), as_of=today())
            tasks.issue_agreement.delay_on_commit(plan_id=plan.pk)
        elif act == "decline":
            services.decline_plan(**who, now=now())
        elif entry is not None:
            services.counter_plan(**who, wish=entry.wish(), now=now(), as_of=today())

    def _entry(self, request: HttpRequest, plan: InstallmentPlan) -> PlanEntry:
        given = list_given(plan)
        is_even = are_even([row.amount for row in given])
        debt = get_debt(loan=plan.loan, as_of=today())
        initial = {
            "way": COUNT if is_even else ROWS,
            "count": len(given),
            "first_due": given[0].due_date,
        }
        shared: dict[str, Any] = {
            "debt": debt,
            "currency": plan.loan.currency,
            "initial": initial,
            "given": given,
        }
        if request.method != "POST":
            return PlanEntry(None, **shared)
        entry = PlanEntry(request.POST, **shared)
        if request.POST.get("act") == "add":
            return PlanEntry(add_row(request.POST, entry), **shared)
        if request.POST.get("act") == "fit" and not entry.is_valid():
            return PlanEntry(fit_last_row(request.POST, entry), **shared)
        return entry

    def _get_plan(self, request: HttpRequest, pk: int) -> InstallmentPlan:
        if not request.user.has_perm("plans.decide_installmentplan"):
            raise PermissionDenied
        related = ("loan__borrower", "loan__product", "loan__stage", "counter_of", "contract")
        plans = InstallmentPlan.objects.select_related(*related, "decided_by")
        plan: InstallmentPlan = get_object_or_404(plans, pk=pk)
        return plan

    def _context(self, request: HttpRequest, plan: InstallmentPlan) -> dict[str, Any]:
        page = get_plan_page(plan=plan)
        currency = plan.loan.currency
        can_answer = plan.status == InstallmentPlan.Status.PROPOSED and not plan.is_offer
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Plan for loan %(number)s") % {"number": plan.loan.number},
            "plan": plan,
            "loan": plan.loan,
            "page": page,
            "position": get_position(loan=plan.loan, as_of=today()),
            "rules": [describe_finding(one, currency) for one in read_findings(page.reason)],
            "answer_by": describe_moment(plan.answer_due_at),
            "can_answer": can_answer,
        }

    def _conflict(self, request: HttpRequest, plan: InstallmentPlan, words: str) -> HttpResponse:
        context = self._context(request, plan) | {"message": words}
        return render(request, "admin/plans/conflict.html", context, status=409)


@admin.register(PlanPolicy)
class PlanPolicyAdmin(admin.ModelAdmin):
    list_display = (
        "currency",
        "product",
        "longest_months",
        "smallest_installment",
        "first_within_days",
        "annual_cost_cap",
        "person_above",
    )
    list_select_related = ("product",)
    ordering = ("currency", "product")
    show_full_result_count = False
    actions = None

    def save_model(self, request: HttpRequest, obj: PlanPolicy, form: Any, change: bool) -> None:
        """Keep who changed which limit, and to what."""
        super().save_model(request, obj, form, change)
        changed = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        record_event(
            stream="policy",
            action="plans.policy_changed",
            actor=request.user,  # type: ignore[arg-type]
            at=now(),
            payload={"policy": str(obj), "changed": changed},
        )

    def has_delete_permission(self, request: HttpRequest, obj: PlanPolicy | None = None) -> bool:
        """Without limits every plan waits for a person; change the row instead."""
        return False
