"""The portal's addresses and two that forget to ask whose thing it is, for the walk to find."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path

from portal.urls import urlpatterns as real
from repayments.loans.models import Loan
from repayments.payments.models import Mandate, SavedCard


@login_required
def any_loan(request: HttpRequest, public_id: str) -> HttpResponse:
    loan = get_object_or_404(Loan, public_id=public_id)
    if request.method == "POST":
        Mandate.objects.filter(loan=loan).update(language="zh-hans")
    return HttpResponse()


@login_required
def any_card(request: HttpRequest, public_id: str) -> HttpResponse:
    loan = get_object_or_404(Loan.objects.for_borrower(request.user), public_id=public_id)
    if request.method == "POST":
        cards = {str(one.public_id): one for one in SavedCard.objects.all()}
        if request.POST["card"] in cards:
            Mandate.objects.filter(loan=loan).update(card=cards[request.POST["card"]])
        return HttpResponse()
    return HttpResponse('<form method="post"><input type="hidden" name="card" value=""></form>')


@login_required
def any_name(request: HttpRequest, public_id: str) -> HttpResponse:
    get_object_or_404(Loan.objects.for_borrower(request.user), public_id=public_id)
    loans = {str(one.pk): one for one in Loan.objects.select_related("borrower")}
    found = loans.get(request.GET.get("before", ""))
    return HttpResponse(found.borrower.legal_name if found else "")


urlpatterns = [
    path("loans/<uuid:public_id>/any-loan/", any_loan, name="any_loan"),
    path("loans/<uuid:public_id>/any-card/", any_card, name="any_card"),
    path("loans/<uuid:public_id>/any-name/", any_name, name="any_name"),
    *real,
]
