"""A borrower's settlement letter: as a page, as the sealed file, and where a loan leads to it."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from repayments.clock import lender_zone
from repayments.contracts import blobs
from repayments.contracts.models import SettlementLetter
from repayments.contracts.querysets import SETTLED
from repayments.loans.models import Loan


def _get_letter_for_user(request: HttpRequest, public_id: object) -> SettlementLetter:
    letters = SettlementLetter.objects.for_borrower(request.user).select_related("loan")
    letter: SettlementLetter = get_object_or_404(letters, public_id=public_id)
    return letter


@login_required
@require_safe
def letter(request: HttpRequest, public_id: object) -> HttpResponse:
    """Show what the letter says, from the very data its file was made of."""
    found = _get_letter_for_user(request, public_id)
    context = {
        "letter": found,
        "content": found.content,
        "doc_lang": "zh-Hans" if found.locale.startswith("zh") else "en",
        "is_in_force": _is_in_force(found),
        "zone": str(lender_zone()),
    }
    return render(request, "contracts/letter.html", context)


@login_required
@require_safe
def letter_pdf(request: HttpRequest, public_id: object) -> HttpResponse:
    """The sealed file; a letter that is void, or has no seal yet, is not handed out."""
    found = _get_letter_for_user(request, public_id)
    if found.final_id is None or not _is_in_force(found):
        raise Http404
    return HttpResponse(
        blobs.read(found.final_id),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{found.reference}.pdf"'},
    )


@login_required
@require_safe
def letter_of_loan(request: HttpRequest, public_id: object) -> HttpResponse:
    """Lead from a loan that is paid off to its letter, or say that it is being made."""
    loan = get_object_or_404(
        Loan.objects.for_borrower(request.user).filter(status__in=SETTLED), public_id=public_id
    )
    found = SettlementLetter.objects.in_force().filter(loan=loan).first()
    if found is None:
        return render(request, "contracts/letter_waiting.html", {"loan": loan})
    return redirect(found)


def _is_in_force(letter: SettlementLetter) -> bool:
    return letter.status != SettlementLetter.Status.VOIDED and letter.loan.status in SETTLED
