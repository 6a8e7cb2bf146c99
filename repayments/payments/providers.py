"""Ways by which money comes and goes back: the gateway's pages, and transfers from bank to bank.

What differs between them is three questions: how a payer begins, what the provider holds under a
payment's name, and how money is sent back. The rest of the room is the same for all. A provider
makes calls and reads settings; it refuses to write rows and books.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from repayments.payments import gateway
from repayments.payments.gateway import CheckoutSession, RefundFacts, RefundRequest, SessionRequest
from repayments.payments.models import GatewayCustomer, Payment, Provider
from repayments.payments.references import loan_reference

# The gateway asks for 30 minutes at least; one more covers the way there.
SESSION_MINUTES = 31
LIFETIME = timedelta(minutes=SESSION_MINUTES)
# A call whose answer was lost may still be on its way this long; clocks differ by less.
CALL_AGE = timedelta(minutes=2)


@dataclass(frozen=True)
class Line:
    """One thing a payer copies into their bank's form."""

    label: str
    value: str


@dataclass(frozen=True)
class Begun:
    """How a payment goes on: a page to go to (``url``), or something to read (``lines``).

    ``object_id`` is what the provider calls it; empty where it keeps nothing before money comes.
    """

    object_id: str = ""
    url: str = ""
    expires_at: datetime | None = None
    lines: tuple[Line, ...] = ()


class PaymentProvider(Protocol):
    def begin(self, payment: Payment) -> Begun:
        """Let a payer begin; asked again for the same row it gives the same answer.

        Raises: GatewayError.
        """

    def ask(self, payment: Payment) -> list[Begun]:
        """Find what the provider holds under this payment's name; several need a person.

        Raises: GatewayError.
        """

    def refund(self, request: RefundRequest, *, key: str) -> RefundFacts | None:
        """Send money back, once a key; None where a person has to send it by hand.

        Raises: GatewayError.
        """


class Stripe:
    """Stripe's hosted Checkout."""

    def begin(self, payment: Payment) -> Begun:
        request = session_request(payment)
        return _begun(gateway.open_session(request, key=payment.idempotency_key))

    def ask(self, payment: Payment) -> list[Begun]:
        """List by name the sessions that were made within the life of a row."""
        if payment.expires_at is None:
            return []
        called_at = payment.expires_at - LIFETIME
        found = gateway.list_sessions(since=called_at - CALL_AGE, until=payment.expires_at)
        name = str(payment.public_id)
        return [_begun(one) for one in found if one.metadata.get("payment") == name]

    def refund(self, request: RefundRequest, *, key: str) -> RefundFacts | None:
        return gateway.create_refund(request, key=key)


class BankTransfer:
    """A transfer to the lender's account; its bank's statement is the only news of it."""

    def begin(self, payment: Payment) -> Begun:
        """Say what to write into a bank's form; no call is made, and the row may be unsaved."""
        return Begun(lines=tuple(_transfer_lines(payment)))

    def ask(self, payment: Payment) -> list[Begun]:
        return []

    def refund(self, request: RefundRequest, *, key: str) -> RefundFacts | None:
        return None


_PROVIDERS: dict[str, PaymentProvider] = {
    Provider.STRIPE: Stripe(),
    Provider.BANK: BankTransfer(),
}


def provider_of(name: str) -> PaymentProvider:
    """Give the provider that a row names."""
    return _PROVIDERS[name]


def takes_transfers() -> bool:
    """Whether the lender has named the account that transfers go to."""
    return bool(settings.BANK_TRANSFER_NAME and settings.BANK_TRANSFER_ACCOUNT)


def session_request(payment: Payment) -> SessionRequest:
    """The call's parameters, made of the row alone: asked again, they are the same."""
    path = reverse("payments:return", args=[payment.public_id])
    back = reverse("payments:pay", args=[payment.loan.public_id])
    assert payment.expires_at is not None
    with translation.override(payment.language):
        description = _("Repayment, loan {number}").format(number=payment.loan.number)
    return SessionRequest(
        payment=str(payment.public_id),
        loan=str(payment.loan.public_id),
        description=description,
        amount=payment.amount,
        currency=payment.currency,
        language=payment.language,
        success_url=f"{settings.SITE_URL}{path}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{settings.SITE_URL}{back}?canceled={payment.public_id}",
        expires_at=payment.expires_at,
        methods=payment.offered.split(","),
        # Else the gateway's page would ask for it.
        email=payment.created_by.email if payment.created_by else "",
        customer=_customer_of(payment) if payment.saves_card else "",
        saves_card=payment.saves_card,
    )


def _customer_of(payment: Payment) -> str:
    """The gateway's customer, made before the payment that saves a card for them."""
    customer = GatewayCustomer.objects.get(
        provider=payment.provider, borrower_id=payment.loan.borrower_id
    )
    return customer.customer_id


def _begun(session: CheckoutSession) -> Begun:
    return Begun(object_id=session.id, url=session.url, expires_at=session.expires_at)


def _transfer_lines(payment: Payment) -> list[Line]:
    given = [
        (_("Account holder"), settings.BANK_TRANSFER_NAME),
        (_("Account"), settings.BANK_TRANSFER_ACCOUNT),
        (_("Bank"), settings.BANK_TRANSFER_BANK),
        (_("Bank's code"), settings.BANK_TRANSFER_CODE),
        (_("Reference"), loan_reference(payment.loan.public_id)),
    ]
    return [Line(str(label), value) for label, value in given if value]
