"""What will happen by itself, at a time on the sandbox's clock: put down here, done by `elapse`."""

from . import clock
from .models import Appointment

# A wallet confirms a delayed payment after days; a refund ends within the hour.
INTENT_SUCCEEDS = "intent_succeeds"
INTENT_FAILS = "intent_fails"
QR_CODE_EXPIRES = "qr_code_expires"
REFUND_SUCCEEDS = "refund_succeeds"
REFUND_FAILS = "refund_fails"


def put_down(kind: str, target: str, *, seconds: int) -> None:
    """Let this happen to the object `target` so many seconds from now."""
    Appointment.objects.create(kind=kind, target=target, due_at=clock.now() + seconds)


def strike(target: str) -> None:
    """Forget what was to happen to an object: it has been overtaken."""
    Appointment.objects.filter(target=target).delete()
