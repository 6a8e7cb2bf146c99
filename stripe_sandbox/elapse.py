"""What has become due on the sandbox's clock: sessions expire, codes die, delayed money comes.

Run by the dispatcher every second and whenever a test moves the clock.
"""

from collections.abc import Callable

from django.db import transaction

from . import agenda, checkout, clock, refunding, wallets
from .models import Appointment, PaymentIntent, Refund


def catch_up() -> int:
    """Do everything that is due, the earliest first; returns how much that was."""
    done = checkout.expire_due()
    while (due := _next_due()) is not None:
        with transaction.atomic():
            # Struck meanwhile, or done by another thread: then nothing is left to do.
            deleted, _ = Appointment.objects.filter(pk=due.pk).delete()
            if deleted:
                ACTS[due.kind](due.target)
                done += 1
    return done


def _next_due() -> Appointment | None:
    return Appointment.objects.filter(due_at__lte=clock.now()).order_by("due_at", "pk").first()


def _intent_succeeds(target: str) -> None:
    checkout.conclude(PaymentIntent.objects.get(stripe_id=target), succeeds=True)


def _intent_fails(target: str) -> None:
    checkout.conclude(PaymentIntent.objects.get(stripe_id=target), succeeds=False)


def _qr_code_expires(target: str) -> None:
    wallets.let_expire(PaymentIntent.objects.get(stripe_id=target))


def _refund_succeeds(target: str) -> None:
    refunding.succeed(Refund.objects.get(stripe_id=target))


def _refund_fails(target: str) -> None:
    refunding.fail(Refund.objects.get(stripe_id=target))


ACTS: dict[str, Callable[[str], None]] = {
    agenda.INTENT_SUCCEEDS: _intent_succeeds,
    agenda.INTENT_FAILS: _intent_fails,
    agenda.QR_CODE_EXPIRES: _qr_code_expires,
    agenda.REFUND_SUCCEEDS: _refund_succeeds,
    agenda.REFUND_FAILS: _refund_fails,
}
