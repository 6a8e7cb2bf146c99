"""What must wake somebody although the contract is sealed: a clock that drifts, a certificate that
nears its end. Pure; the caller puts alarms on record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from repayments.contracts.certificates import ALARM_DAYS_LEFT, days_left
from repayments.contracts.sealing import SealingKit

CLOCK_ALARM_SECONDS = 60


@dataclass(frozen=True)
class Alarm:
    """``code`` is "clock" or "certificate"; ``detail`` is for staff."""

    code: str
    detail: str


def clock_alarms(tsa_times: Iterable[datetime], *, now: datetime) -> list[Alarm]:
    """Report each time stamp more than a minute off our clock."""
    return [
        Alarm("clock", f"the time stamp is {offset:+.0f} s off this clock")
        for offset in ((moment - now).total_seconds() for moment in tsa_times)
        if abs(offset) > CLOCK_ALARM_SECONDS
    ]


def certificate_alarms(kit: SealingKit, *, now: datetime) -> list[Alarm]:
    """Report each sealing certificate with fewer than 60 days left; under 30, sealing stops."""
    return [
        Alarm("certificate", f"the {name} certificate has {left} days left")
        for name, left in (
            ("borrower", days_left(kit.borrower.certificate, now)),
            ("lender", days_left(kit.lender.certificate, now)),
        )
        if left < ALARM_DAYS_LEFT
    ]
