"""One case on one page, and what may be done on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from repayments.cases.forms import (
    CallForm,
    CallOutcomeForm,
    CloseForm,
    NoteForm,
    ReasonForm,
    ReassignForm,
    WaitForm,
)
from repayments.cases.models import Case
from repayments.cases.services import (
    CallAlreadyLogged,
    CallNotAllowed,
    CaseAlreadyClaimed,
    CaseAlreadyOpen,
    CaseHasMoved,
    CaseHeldBySomeoneElse,
    MoneyNotPlaced,
    NotACaseWorker,
    add_note,
    ask_to_call,
    claim_case,
    close_case,
    log_call,
    reassign_case,
    record_case_viewed,
    release_case,
    reopen_case,
    set_waiting,
)
from repayments.cases.services.open import END_OF_WORK
from repayments.cases.story import Story, get_story, list_colleagues, list_numbers
from repayments.cases.timeline import list_timeline
from repayments.clock import lender_zone, now, today

REFUSALS = (
    CallAlreadyLogged,
    CallNotAllowed,
    CaseAlreadyClaimed,
    CaseAlreadyOpen,
    CaseHasMoved,
    CaseHeldBySomeoneElse,
    MoneyNotPlaced,
    NotACaseWorker,
)
Run = Callable[[Case, User, datetime, dict[str, Any]], str]


@dataclass(frozen=True)
class Act:
    """What a button does: the permission it takes, and how it is done. ``run`` gives what to add
    to the address of the case's page."""

    permission: str
    run: Run
    done: Any


def _claim(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    claim_case(case_id=case.pk, actor=actor, now=moment)
    return ""


def _release(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    release_case(case_id=case.pk, actor=actor, now=moment)
    return ""


def _note(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    add_note(case_id=case.pk, text=data["text"], actor=actor, now=moment)
    return ""


def _wait(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    until = datetime.combine(data["until"], END_OF_WORK, tzinfo=lender_zone())
    set_waiting(case_id=case.pk, until=until, reason=data["reason"], actor=actor, now=moment)
    return ""


def _close(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    close_case(
        case_id=case.pk,
        reason=data["reason"],
        note=data["note"],
        answer=data.get("answer", ""),
        actor=actor,
        now=moment,
    )
    return ""


def _reopen(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    reopen_case(case_id=case.pk, reason=data["reason"], actor=actor, now=moment)
    return ""


def _reassign(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    reassign_case(
        case_id=case.pk,
        assignee=data["assignee"],
        reason=data["reason"],
        actor=actor,
        now=moment,
    )
    return ""


def _call(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    decision = ask_to_call(case_id=case.pk, address=data["address"], actor=actor, now=moment)
    return f"?call={decision.pk}#call"


def _log(case: Case, actor: User, moment: datetime, data: dict[str, Any]) -> str:
    log_call(
        case_id=case.pk,
        decision_id=data["decision"],
        outcome=data["outcome"],
        note=data["note"],
        actor=actor,
        now=moment,
    )
    return ""


ACTS: Mapping[str, Act] = {
    "claim": Act("cases.work_case", _claim, gettext_lazy("The case is yours.")),
    "release": Act("cases.work_case", _release, gettext_lazy("The case is given back.")),
    "note": Act("cases.work_case", _note, gettext_lazy("The note is written.")),
    "wait": Act("cases.work_case", _wait, gettext_lazy("The case waits.")),
    "close": Act("cases.work_case", _close, gettext_lazy("The case is closed.")),
    "reopen": Act("cases.work_case", _reopen, gettext_lazy("The case is open again.")),
    "reassign": Act("cases.reassign_case", _reassign, gettext_lazy("The case is handed over.")),
    "call": Act("cases.call_borrower", _call, ""),
    "log": Act("cases.call_borrower", _log, gettext_lazy("The call is on record.")),
}


@require_safe
@permission_required("cases.view_case", raise_exception=True)
def case_page(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    case = _get_case(pk)
    moment = now()
    record_case_viewed(case=case, actor=request.user, now=moment)
    return _render(request, case, moment, {})


@require_POST
@permission_required("cases.view_case", raise_exception=True)
def act_on_case(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Do one of ``ACTS``; who comes too late is told by a 409 page."""
    assert isinstance(request.user, User)
    chosen = ACTS.get(act)
    if chosen is None:
        raise Http404
    if not request.user.has_perm(chosen.permission):
        raise PermissionDenied
    case = _get_case(pk)
    form = _form(act, case, request.POST)
    if form is not None and not form.is_valid():
        return _render(request, case, now(), {act: form})
    try:
        place = chosen.run(case, request.user, now(), form.cleaned_data if form else {})
    except REFUSALS as refusal:
        return _conflict(request, case, refusal)
    here = reverse("admin:cases_case_change", args=[case.pk])
    if chosen.done:
        person = case.borrower.legal_name if case.borrower else case.get_kind_display()
        messages.success(request, format_html('{} <a href="{}">{}</a>', chosen.done, here, person))
    return redirect(_next(request) or here + place)


def _get_case(pk: int) -> Case:
    related = ("loan__borrower", "loan__product", "borrower", "assignee", "plan", "stage")
    return get_object_or_404(Case.objects.select_related(*related), pk=pk)


def _form(act: str, case: Case, data: Any = None) -> forms.Form | None:
    """Give the form an act is filled in with; None for one that asks nothing."""
    common: dict[str, Any] = {"data": data, "auto_id": f"id_{act}_%s"}
    if act == "note":
        return NoteForm(**common)
    if act == "wait":
        return WaitForm(as_of=today(), **common)
    if act == "close":
        return CloseForm(is_asked=case.is_asked_by_borrower, **common)
    if act == "reopen":
        return ReasonForm(**common)
    if act == "reassign":
        return ReassignForm(colleagues=list_colleagues(), **common)
    if act == "call":
        return CallForm(numbers=list_numbers(case), **common)
    if act == "log":
        return CallOutcomeForm(**common)
    return None


def _render(
    request: HttpRequest, case: Case, moment: datetime, bound: Mapping[str, forms.Form]
) -> HttpResponse:
    assert isinstance(request.user, User)
    decision_id = request.GET.get("call", "") or request.POST.get("decision", "")
    story = get_story(
        case=case, user=request.user, as_of=today(), now=moment, decision_id=decision_id
    )
    context = {
        **admin.site.each_context(request),
        "title": case.borrower.legal_name if case.borrower else case.get_kind_display(),
        "story": story,
        "case": case,
        "moment": moment,
        "timeline": list_timeline(case=case, before=request.GET.get("before", "")),
        "is_older_page": "before" in request.GET,
        "forms": _forms_to_show(story, case, bound),
        "bound": next(iter(bound), ""),
    }
    return render(request, "admin/cases/case.html", context)


def _forms_to_show(
    story: Story, case: Case, bound: Mapping[str, forms.Form]
) -> dict[str, forms.Form]:
    shown: dict[str, forms.Form] = dict(bound)
    acts = set(story.acts)
    if story.call_answer and story.call_answer.is_allowed:
        acts.add("log")
    for act in sorted(acts - set(bound)):
        form = _form(act, case)
        if form is not None:
            shown[act] = form
    if "log" in shown and story.call_answer:
        shown["log"].initial["decision"] = story.call_answer.decision_id
    return shown


def _conflict(request: HttpRequest, case: Case, refusal: Exception) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("This has changed meanwhile"),
        "case": case,
        "message": str(refusal),
    }
    return render(request, "admin/cases/conflict.html", context, status=409)


def _next(request: HttpRequest) -> str:
    """Give where the reader came from, if it is a page of ours."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return ""
