"""What the pages of one contract share: whose it is, where it stands, from where somebody acts."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Language, User
from repayments.clock import now
from repayments.contracts import consents, services
from repayments.contracts.deadlines import last_day
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin, hash_session
from repayments.templatetags.amounts import long_day

COSTS, READ, AGREE, CODE, SIGN = "costs", "read", "agree", "code", "sign"
FIRST_WAIT_SECONDS = 3
LONGEST_WAIT_SECONDS = 60
STEP_NUMBERS = {COSTS: 1, READ: 1, AGREE: 2, CODE: 3, SIGN: 4}


def get_contract_for_user(request: HttpRequest, public_id: object) -> Contract:
    """Return the contract if it is this borrower's and was ever sent; else 404."""
    contract: Contract = get_object_or_404(
        Contract.objects.for_borrower(request.user).select_related(
            "loan__borrower", "template_version", "superseded_by"
        ),
        public_id=public_id,
    )
    return contract


def origin_of(request: HttpRequest) -> Origin:
    if not request.session.session_key:
        request.session.save()
    return Origin(
        # Honors a proxy's header only where the settings say how many proxies there are.
        ip=get_client_ip(request) or "",
        user_agent=request.headers.get("User-Agent", ""),
        session_hash=hash_session(request.session.session_key or ""),
    )


def user_of(request: HttpRequest) -> User:
    assert not isinstance(request.user, AnonymousUser)  # noqa: S101 - for the type checker
    return request.user


def note_opened(request: HttpRequest, contract: Contract) -> None:
    """Put on record that the borrower is here, once in a session."""
    key = f"contract-opened:{contract.public_id}"
    if request.method == "HEAD" or not can_be_signed(contract):
        return
    if request.session.get(key) and contract.status != Contract.Status.SENT:
        return
    opened = services.open_contract(
        contract_id=contract.pk, actor=user_of(request), origin=origin_of(request), now=now()
    )
    contract.status = opened.status
    request.session[key] = True


def can_be_signed(contract: Contract) -> bool:
    """Tell whether the ceremony is still open."""
    in_time = contract.expires_at is None or contract.expires_at > now()
    return in_time and contract.status in Contract.TRANSITIONS[Contract.Status.DECLINED]


def find_step(request: HttpRequest, contract: Contract) -> str:
    """Say where the borrower goes on, from what is on record."""
    if not services.has_agreed(contract, consents.COSTS):
        return COSTS
    if contract.status != Contract.Status.CONSENTED:
        return AGREE if services.has_agreed(contract, consents.READ) else READ
    passed = services.find_challenge(
        contract=contract,
        actor=user_of(request),
        origin=origin_of(request),
        now=now(),
        passed=True,
    )
    return SIGN if passed else CODE


def step_url(contract: Contract, step: str) -> str:
    name = "detail" if step == COSTS else step
    return reverse(f"contracts:{name}", args=[contract.public_id])


def go_to_step(request: HttpRequest, contract: Contract) -> HttpResponse:
    return redirect(step_url(contract, find_step(request, contract)))


def step_context(contract: Contract, step: str) -> dict[str, Any]:
    """What every page of the ceremony shows around its own content."""
    return {
        "contract": contract,
        "steps": [_("Read"), _("Agree"), _("Confirm it is you"), _("Sign")],
        "current": STEP_NUMBERS[step],
        "doc_lang": "zh-Hans" if contract.template_version.locale.startswith("zh") else "en",
        "language_note": language_note(contract),
        "deadline_note": deadline_note(contract),
    }


def deadline_note(contract: Contract) -> str:
    """Say until when it can be signed, and that this counts where the paper names another day."""
    paper = date.fromisoformat(contract.terms["sign_by"])
    if contract.expires_at is None:
        return _(
            "There is no last day to sign. The document names %(paper)s, the day it was made with; "
            "that day no longer counts."
        ) % {"paper": long_day(paper)}
    last = last_day(contract.expires_at)
    text = _("You can sign up to and including %(day)s.") % {"day": long_day(last)}
    if last != paper:
        text += " " + _(
            "The document names %(paper)s, the day it was made with; the day given here counts."
        ) % {"paper": long_day(paper)}
    return text


def language_note(contract: Contract) -> str:
    """Say which text counts, where it is not the one on the page; else nothing."""
    version = contract.template_version
    own, governing = version.get_locale_display(), version.get_governing_language_display()
    if version.locale != version.governing_language:
        return _(
            "You sign this document in %(own)s. Where it differs from the %(governing)s text, "
            "the %(governing)s text decides."
        ) % {"own": own, "governing": governing}
    if version.locale != get_language():
        return _(
            "This document is in %(own)s, and the %(own)s text decides. What stands around it in "
            "%(page)s only helps you to read it. We give you the whole text in %(page)s if you ask."
        ) % {"own": own, "page": dict(Language.choices).get(get_language() or "", "")}
    return ""


def next_waits(request: HttpRequest) -> tuple[int, int]:
    """Give the seconds until a waiting page looks again, and those until the look after that."""
    given = request.GET.get("wait", "")
    asked = int(given) if given.isascii() and given.isdigit() and len(given) < 4 else 0
    wait = min(max(asked, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
    return wait, min(wait * 2, LONGEST_WAIT_SECONDS)


View = Callable[..., HttpResponse]


def answers_moved_on(view: View) -> View:
    """Answer with the 409 page where the contract has moved on since the page was opened."""

    @wraps(view)
    def answer(request: HttpRequest, public_id: object) -> HttpResponse:
        try:
            return view(request, public_id)
        except services.ContractMovedOn as refusal:
            url = reverse("contracts:detail", args=[public_id])
            return render(
                request, "409.html", {"message": str(refusal), "back_url": url}, status=409
            )

    return answer
