"""One seed's world: a clock, a few loans, the gateway's model, and the faults between them.

Everything that happens is drawn from one random number generator, so a seed tells the same story
each time. The product's own services run on the real database inside one transaction, which the
caller rolls back. Another actor may come in between wherever the product waits for the gateway;
that is where a real process would be overtaken. A process dies by ``Crash``, which no ``except
Exception`` of the product holds up.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from celery.app.task import Task
from django.db import connection

from repayments import close
from repayments.audit.services import record_event
from repayments.cases import receivers
from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.gateway import GatewayBusy, GatewayTimeout
from tests.factories.accounts import make_user
from tests.simulation.bank_model import Bank
from tests.simulation.gateway_model import GatewayModel
from tests.simulation.loans import make_loans

# How likely each fault is, where there is one to make, in weather of strength 1.
RATES = {
    "event_never_made": 0.05,
    "event_never_delivered": 0.10,
    "event_doubled": 0.20,
    "event_delayed": 0.35,
    "timeout_before": 0.03,
    "timeout_after": 0.05,
    "timeout_late": 0.05,
    "busy": 0.02,
    "crash_before_call": 0.02,
    "crash_after_call": 0.03,
    "crash_in_posting": 0.02,
    "crash_before_processed": 0.06,
    "crash_after_commit": 0.04,
    "task_lost": 0.05,
    "overtaken": 0.15,
    "odd_amount": 0.06,
    "odd_currency": 0.02,
    "notice_lost": 0.05,
}
STRENGTHS = (0.0, 0.5, 1.0, 1.0, 2.0)
# A call whose answer was lost takes effect within this; the product counts on two minutes.
LATE_SECONDS = 90
CREATING = ("open_session", "create_refund", "open_setup", "create_customer", "charge_card")
OFFERED = (
    "open_session",
    "expire_session",
    "fetch_session",
    "fetch_intent",
    "list_sessions",
    "list_intents",
    "list_events",
    "create_refund",
    "fetch_refund",
    "fetch_dispute",
    "list_refunds",
    "list_refunds_of",
    "list_disputes",
    "list_balance",
    "create_customer",
    "open_setup",
    "charge_card",
    "fetch_card",
    "fetch_setup",
    "detach_card",
)
MOST_DEEP = 2

Step = Callable[["World"], str]


class Crash(BaseException):
    """The process died here; what was committed stands, nothing else."""


class Broken(AssertionError):
    """Something that must hold does not."""


class World:
    """What a seed is made of; ``story`` is what has happened, a line a step."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.now = datetime(2026, 3, 2, 1, tzinfo=UTC) + timedelta(
            minutes=self.rng.randrange(60 * 24 * 90)
        )
        self.strength = self.rng.choice(STRENGTHS)
        self.is_calm = False
        self.theme = ""
        self.has_office = self.rng.random() < 0.2
        self.seen: Counter[str] = Counter()
        self.story: list[str] = []
        self.gateway = GatewayModel(self.rng, lambda: self.now, self.odds)
        self.names: dict[str, str] = {}
        self.wishes: list[Any] = []
        self.queue: list[str] = []
        self.charges: list[int] = []
        # By the key of a charge its row, and by the row its attempt: there is one of each.
        self.charged: dict[str, int] = {}
        self.tries: dict[int, str] = {}
        self.moved: Counter[int] = Counter()
        self.statuses: dict[int, str] = {}
        self.written: int | None = None
        self.writes: int | None = None
        self.depth = 0
        self.steps: Sequence[tuple[Step, int]] = ()
        # Asked before a call of this name leaves.
        self.guards: dict[str, Callable[..., None]] = {}
        self.bank = Bank(names_lines=self.rng.random() < 0.5)
        self.savepoints = len(connection.savepoint_ids)
        self.closed_on = self.today
        self.loans: list[Loan] = make_loans(self.rng, self.today)
        self.staff = (make_user(is_staff=True), make_user(is_staff=True))

    @property
    def today(self) -> Any:
        return self.now.astimezone(lender_zone()).date()

    # --- Chance ---------------------------------------------------------------------------------

    def odds(self, fault: str) -> bool:
        """Whether a fault happens now; counted, so that a run can show what it went through."""
        happens = not self.is_calm and self.rng.random() < RATES[fault] * self.strength
        if happens:
            self.seen[fault] += 1
        return happens

    def pick(self, rows: Any) -> Any:
        """One row of a query set, or None."""
        keys = list(rows.values_list("pk", flat=True))
        return rows.get(pk=self.rng.choice(keys)) if keys else None

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)
        self.gateway.pass_time()

    # --- Steps ----------------------------------------------------------------------------------

    def step(self) -> None:
        """Let one actor act; it may die of a crash, others go on."""
        functions, weights = zip(*self.steps, strict=True)
        # Who finds nothing to do lets another act.
        for function in self.rng.choices(functions, weights, k=4):
            if self.run(function):
                return

    def run(self, function: Step) -> str:
        name = function.__name__.replace("_", " ")
        place = len(self.story)
        self.depth += 1
        try:
            said = function(self)
        except Crash as crash:
            self._forget_callbacks()
            said = f"died {crash}"
        except Exception:
            self.say(f"{name}: broke", at=place)
            raise
        finally:
            self.depth -= 1
        self.commit()
        if said:
            self.seen[function.__name__] += 1
            self.say(f"{name}: {said}", at=place)
        return said

    def say(self, line: str, *, at: int | None = None) -> None:
        """Add a line; what came in between a step is told after its beginning, set in."""
        told = f"{self.now:%m-%d %H:%M:%S} {'  . ' * self.depth}{line}"
        self.story.insert(len(self.story) if at is None else at, told)

    def call_name(self, public_id: object) -> str:
        """A short name that is the same in each run of the seed."""
        return self.names.setdefault(str(public_id), f"P{len(self.names) + 1}")

    def refund_name(self, public_id: object) -> str:
        return self.names.setdefault(str(public_id), f"R{len(self.names) + 1}")

    # --- Transactions ---------------------------------------------------------------------------

    def commit(self) -> None:
        """Run what waits for the commit, unless the process dies just before."""
        while connection.run_on_commit:
            waiting, connection.run_on_commit = connection.run_on_commit, []
            if self.odds("crash_after_commit"):
                return
            for entry in waiting:
                entry[1]()

    def _forget_callbacks(self) -> None:
        connection.run_on_commit = []

    # --- The line to the gateway ----------------------------------------------------------------

    def offer(self, name: str) -> Callable[..., Any]:
        """Give the model's function with all that can happen on the way there and back."""
        real: Callable[..., Any] = getattr(self.gateway, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            if len(connection.savepoint_ids) != self.savepoints:
                raise Broken(f"{name} is called with a transaction open")
            if name in self.guards:
                self.guards[name](self, *args, **kwargs)
            if self.odds("crash_before_call"):
                raise Crash(f"before {name}")
            if self.odds("busy"):
                raise GatewayBusy(f"{name}: too many calls")
            if name in CREATING and self.odds("timeout_late"):
                at = self.now + timedelta(seconds=self.rng.uniform(1, LATE_SECONDS))
                self.gateway.late_calls.append((at, partial(real, *args, **kwargs)))
                raise GatewayTimeout(f"{name}: no answer, on its way")
            if self.odds("timeout_before"):
                raise GatewayTimeout(f"{name}: no answer, never came")
            self.be_overtaken()
            answer = real(*args, **kwargs)
            if self.odds("crash_after_call"):
                raise Crash(f"after {name}")
            if self.odds("timeout_after"):
                raise GatewayTimeout(f"{name}: no answer, took effect")
            self.be_overtaken()
            return answer

        return called

    def be_overtaken(self) -> None:
        """Let somebody else act while this one waits."""
        if 0 < self.depth < MOST_DEEP and self.odds("overtaken"):
            self.step()


@contextmanager
def playing(world: World) -> Iterator[pytest.MonkeyPatch]:
    """Put a world in place of gateway and clock; no task leaves for a worker."""
    logging.disable(logging.CRITICAL)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in OFFERED:
                patch.setattr(gateway, name, world.offer(name))
            patch.setattr(gateway, "verify_event", world.gateway.verify_event)
            patch.setattr(gateway, "clock", lambda: world.now)
            patch.setattr("repayments.clock.timezone", SimpleNamespace(now=lambda: world.now))
            patch.setattr(Task, "apply_async", lambda *args, **kwargs: None)
            _put_failpoints(world, patch)
            if not world.has_office:
                _leave_the_office_out(patch)
            yield patch
    finally:
        logging.disable(logging.NOTSET)


def _put_failpoints(world: World, patch: pytest.MonkeyPatch) -> None:
    """Places where a process may die, besides its calls."""

    def dying_before(function: Callable[..., Any], fault: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if world.odds(fault):
                raise Crash(f"by {fault}")
            return function(*args, **kwargs)

        return call

    def dying_after(function: Callable[..., Any], fault: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if world.odds(fault):
                raise Crash(f"by {fault}")
            return result

        return call

    # Written, and the transaction not ended.
    for module in modules_with("record_event"):
        patch.setattr(module, "record_event", dying_before(record_event, "crash_in_posting"))
    # Ended, and the event not marked.
    inbox: Any = import_module("repayments.payments.services.inbox")
    patch.setattr(inbox, "settle", dying_after(inbox.settle, "crash_before_processed"))


def _leave_the_office_out(patch: pytest.MonkeyPatch) -> None:
    """No reminders and no cases at night and after each payment: they cost half of a story.

    Worlds with an office see to it that what needs a person becomes a case.
    """
    for name in ("open_due_cases", "create_due_reminders", "break_overdue_plans"):
        patch.setattr(close, name, lambda **_asked: 0)
    patch.setattr(receivers, "open_signaled_cases", lambda **_asked: 0)
    patch.setattr(receivers, "close_settled_cases", lambda **_asked: 0)


def modules_with(name: str) -> list[ModuleType]:
    """The modules of the room's services that know a name; each has to be told of another."""
    return [
        module
        for path, module in sorted(sys.modules.items())
        if path.startswith("repayments.payments.services.") and hasattr(module, name)
    ]
