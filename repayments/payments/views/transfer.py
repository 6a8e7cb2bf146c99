"""Paying from bank to bank: what to write into the bank's form. Nothing is begun by looking."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from repayments.clock import today
from repayments.loans.models import Loan
from repayments.loans.queries import Position, find_quote, get_position
from repayments.payments.models import Payment, Provider
from repayments.payments.providers import provider_of, takes_transfers


@login_required
@require_safe
def transfer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the lender's account, the loan's reference and what is due, or what a quote says."""
    loans = Loan.objects.for_borrower(request.user).select_related("borrower", "product", "book")
    loan: Loan = get_object_or_404(loans, public_id=public_id)
    if not takes_transfers():
        raise Http404
    as_of = today()
    position = get_position(loan=loan, as_of=as_of)
    quote = find_quote(loan=loan, quote_id=request.GET.get("quote"), as_of=as_of, position=position)
    amount = quote.total if quote else _amount(loan, position)
    # Never stored: the row is written when the bank tells of the money.
    wish = Payment(
        loan=loan,
        provider=Provider.BANK,
        channel=Payment.Channel.TRANSFER,
        amount=amount,
        currency=loan.currency,
    )
    context = {
        "loan": loan,
        "amount": amount,
        "quote": quote,
        "lines": provider_of(wish.provider).begin(wish).lines,
        "takes_money": loan.status == Loan.Status.ACTIVE,
    }
    return render(request, "payments/transfer.html", context)


def _amount(loan: Loan, position: Position) -> int:
    """What is due, else what falls due next, else all of it; in minor units."""
    return position.past_due_amount or position.next_due_amount or position.payoff_amount
