"""Why a case is here, and why the gate said no: codes and facts put into sentences for staff."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from repayments.clock import lender_zone
from repayments.money import format_money
from repayments.payments.models import Suspense
from repayments.payments.refund_failures import describe_refund_failure
from repayments.templatetags.amounts import local_time, long_day

Facts = Mapping[str, Any]


def reason_sentence(code: str, facts: Facts) -> str:
    """Say why a case was opened; the code itself for one that has no sentence."""
    sentence = _SENTENCES.get(code)
    return sentence(facts) if sentence else code


def gate_sentence(code: str, *, until: datetime | None = None, zone: str = "UTC") -> str:
    """Say why the gate deferred or refused a contact, and until when."""
    if code.startswith("hold_"):
        return _("This person may not be called: %(hold)s.") % {"hold": hold_name(code[5:])}
    sentence = _GATE.get(code)
    text = str(sentence()) if sentence else code
    if until is not None:
        text += " " + _("Possible again from %(when)s.") % {"when": local_time(until, zone)}
    return text


def hold_name(name: str) -> str:
    """Put the name of a hold into words; the name itself for one that a profile invented."""
    words = _HOLDS.get(name)
    return words() if words else name


def _late(facts: Facts) -> str:
    # Today's figures stand beside it; these are those of the day the case was opened.
    return _("Opened on day %(days)s after the due date, when %(amount)s was past due.") % {
        "days": int(facts.get("days_late") or 0),
        "amount": _money(facts),
    }


def _plan_broken(facts: Facts) -> str:
    ended = str(facts.get("ended_on") or "")
    if not ended:
        return _("The agreed plan was not kept.")
    return _("The agreed plan was not kept and ended on %(day)s.") % {
        "day": long_day(date.fromisoformat(ended))
    }


def _plan_referred(facts: Facts) -> str:
    rule = str(facts.get("rule") or "")
    if not rule:
        return _("The borrower proposes a plan that a person decides.")
    return _("The borrower proposes a plan that a person decides (rule: %(rule)s).") % {
        "rule": rule
    }


def _payment_review(facts: Facts) -> str:
    return _("A payment of %(amount)s needs a look.") % {"amount": _money(facts)}


def _suspense(facts: Facts) -> str:
    causes = dict(Suspense.Cause.choices)
    return _("%(amount)s came in and fits nothing: %(cause)s.") % {
        "amount": _money(facts),
        "cause": causes.get(str(facts.get("cause")), facts.get("cause") or ""),
    }


def _payment_disputed(facts: Facts) -> str:
    until = str(facts.get("until") or "")
    if not until:
        return _("The payer's bank questions a payment: %(amount)s.") % {"amount": _money(facts)}
    return _(
        "The payer's bank questions a payment: %(amount)s. It takes evidence until %(when)s."
    ) % {
        "amount": _money(facts),
        "when": long_day(datetime.fromisoformat(until).astimezone(lender_zone()).date()),
    }


def _fraud_warning(facts: Facts) -> str:
    if not facts.get("amount"):
        return _(
            "A bank reports a payment as fraud (warning %(warning)s), and our key may not read "
            "which. Look it up on the payment service's pages. If the payer did not make it, "
            "refund it now, before the bank takes it back with a fee; if they did, note why."
        ) % {"warning": facts.get("warning") or ""}
    return _(
        "The payer's bank reports a payment as fraud: %(amount)s. Ask the borrower whether it is "
        "theirs. If not, refund it now, before the bank takes it back with a fee; if it is, note "
        "why."
    ) % {"amount": _money(facts)}


def _clearing_differs(facts: Facts) -> str:
    return _(
        "On %(day)s the payment service and the books differ by %(amount)s, in %(objects)s places."
    ) % {
        "day": _day(facts, "day"),
        "amount": _money(facts),
        "objects": int(facts.get("objects") or 0),
    }


def _promise_broken(facts: Facts) -> str:
    return _("%(amount)s was promised by %(day)s and did not come.") % {
        "amount": _money(facts),
        "day": _day(facts, "promised_for"),
    }


def _refund_failed(facts: Facts) -> str:
    text = _("A refund of %(amount)s did not arrive.") % {"amount": _money(facts)}
    return f"{text} {describe_refund_failure(str(facts.get('failure') or ''))}".strip()


def _seal_failed(facts: Facts) -> str:
    return _("Contract %(reference)s is signed but could not be sealed.") % {
        "reference": facts.get("reference") or ""
    }


def _file_damaged(facts: Facts) -> str:
    return _(
        "A stored file of %(reference)s is missing or changed. Restore it from a backup; its "
        "SHA-256 is %(sha256)s."
    ) % {"reference": facts.get("reference") or "", "sha256": facts.get("sha256") or ""}


_SENTENCES: dict[str, Callable[[Facts], str]] = {
    "late": _late,
    "plan_broken": _plan_broken,
    "plan_referred": _plan_referred,
    "hardship_told": lambda facts: _("The borrower says that they cannot pay for now."),
    "dispute_raised": lambda facts: _("The borrower does not agree with what is asked."),
    "complaint_made": lambda facts: _("The borrower complains."),
    "question_asked": lambda facts: _("The borrower has a question."),
    "payment_review": _payment_review,
    "suspense": _suspense,
    "payment_disputed": _payment_disputed,
    "fraud_warning": _fraud_warning,
    "refund_asked": lambda facts: (
        _("The borrower asks for %(amount)s back.") % {"amount": _money(facts)}
    ),
    "refund_failed": _refund_failed,
    "clearing_differs": _clearing_differs,
    "promise_broken": _promise_broken,
    "seal_failed": _seal_failed,
    "file_damaged": _file_damaged,
    "opened_by_staff": lambda facts: _("A colleague opened it."),
}
REASON_CODES = frozenset(_SENTENCES)

_HOLDS: dict[str, Callable[[], str]] = {
    "hardship": lambda: _("hardship, until it is answered"),
    "dispute": lambda: _("dispute, until it is answered"),
    "payment_dispute": lambda: _("the person's bank questions a payment"),
    "complaint": lambda: _("complaint, until it is answered"),
    "plan_active": lambda: _("a plan is agreed and kept"),
    "plan_in_progress": lambda: _("a plan is being made"),
    "deceased": lambda: _("the person has died"),
    "cease": lambda: _("the person asked not to be contacted"),
    "attorney": lambda: _("a lawyer speaks for the person"),
    "bankruptcy": lambda: _("bankruptcy"),
    "validation": lambda: _("the debt is being confirmed"),
    "breathing_space": lambda: _("breathing space"),
    "mental_health_crisis": lambda: _("mental health crisis"),
    "vulnerable": lambda: _("the person needs special care"),
}

_GATE: dict[str, Callable[[], str]] = {
    "quiet_hours": lambda: _("Nobody is called at this hour."),
    "day_off": lambda: _("Nobody is called on this day."),
    "no_time_left": lambda: _("There is no time at which this person may be called."),
    "unknown_zone": lambda: _("The person's time zone is not known, so no hour is safe."),
    "opted_out": lambda: _("The person stopped this way of contact."),
    "after_conversation": lambda: _("You spoke lately: leave some days between calls."),
    "cap": lambda: _("The calls allowed for this day are used up, agencies' calls included."),
    "min_gap": lambda: _("The last contact about this debt was only some days ago."),
    "no_profile": lambda: _("There are no conduct rules for this place, so nobody is called."),
    "no_person": lambda: _("There is no person to call."),
}


def _day(facts: Facts, name: str) -> str:
    day = str(facts.get(name) or "")
    return long_day(date.fromisoformat(day)) if day else "–"


def _money(facts: Facts) -> str:
    amount, currency = facts.get("amount"), facts.get("currency")
    if amount is None or not currency:
        return "–"
    return format_money(int(amount), str(currency), get_language() or "en")
