"""Reasons and refusals of plans in words: for a borrower first, plain and without blame."""

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from repayments.clock import lender_zone
from repayments.plans.amounts import AmountsRefused, AmountTooSmall, RowsDoNotAddUp
from repayments.plans.evaluation import Finding
from repayments.plans.models import InstallmentPlan
from repayments.templatetags.amounts import long_day, money_text, weekday_day


def describe_finding(finding: Finding, currency: str) -> str:
    """Say one rule that a proposal does not meet."""
    facts = finding.facts
    if finding.code == "longest_term":
        months = int(facts.get("months", 0))
        return ngettext(
            "The longest plan we can agree here runs %(months)s month, until %(day)s.",
            "The longest plan we can agree here runs %(months)s months, until %(day)s.",
            months,
        ) % {"months": months, "day": _day(facts.get("last_day"))}
    if finding.code == "most_installments":
        return _("A plan can have %(most)s payments at most.") % {"most": facts.get("most")}
    if finding.code == "smallest_installment":
        return _("Each payment before the last has to be at least %(amount)s.") % {
            "amount": money_text(int(facts.get("smallest", 0)), currency)
        }
    if finding.code == "first_payment":
        return _("The first payment has to come by %(day)s.") % {"day": _day(facts.get("latest"))}
    if finding.code == "annual_cost":
        return _("The yearly cost would be %(cost)s %%, and our rule allows %(cap)s %%.") % {
            "cost": facts.get("cost"),
            "cap": facts.get("cap"),
        }
    if finding.code == "broken_lately":
        return _("An earlier plan of this loan ended on %(day)s.") % {
            "day": _day(facts.get("ended_on"))
        }
    words = {
        "large_sum": _("The sum is large, so a person decides and not a rule."),
        "hold": _("Something about this loan is being looked at already."),
        "asked": _("You asked for a person."),
        "no_policy": _("For this loan a person decides every plan."),
        "not_whole": _("The plan does not cover the whole sum."),
    }
    return words.get(finding.code, _("A person looks at your proposal."))


def describe_refusal(refusal: AmountsRefused, currency: str) -> str:
    """Say why wishes make no plan, and how to mend them."""
    if isinstance(refusal, AmountTooSmall):
        return _(
            "This would take longer than 60 months. The smallest monthly amount that works is "
            "%(amount)s."
        ) % {"amount": money_text(refusal.smallest, currency)}
    if isinstance(refusal, RowsDoNotAddUp):
        facts = {
            "difference": money_text(abs(refusal.difference), currency),
            "last": money_text(refusal.last_amount, currency),
            "row": refusal.row,
        }
        if refusal.difference > 0:
            return (
                _(
                    "These payments are %(difference)s less than the whole sum with interest. It "
                    "fits if the last payment is %(last)s."
                )
                % facts
            )
        return (
            _(
                "These payments are %(difference)s more than the whole sum with interest. It fits "
                "if payment %(row)s is %(last)s and the last one."
            )
            % facts
        )
    words = {
        "nothing_owed": _("Nothing is left to pay on this loan."),
        "no_rows": _("Write at least one date and amount."),
        "too_many_rows": _("A plan can have 60 payments at most."),
        "date_not_after_today": _("Choose a date after today."),
        "dates_not_in_order": _("Each date has to come after the one before it."),
        "out_of_range": _("This date is too far away."),
        "amount_too_small": _("The amount must be more than zero."),
        "amount_too_large": _("This amount is too large."),
    }
    return words.get(refusal.code, _("These numbers do not make a plan."))


def describe_moment(moment: datetime | None) -> str:
    """Say a moment of the lender's day: "Tue 1 Dec, 17:00"."""
    if moment is None:
        return ""
    local = moment.astimezone(lender_zone())
    return _("%(day)s, %(time)s") % {"day": weekday_day(local), "time": f"{local:%H:%M}"}


def describe_end(plan: InstallmentPlan) -> str:
    """Say how a plan that is over came to its end."""
    status = InstallmentPlan.Status
    words: dict[str, Any] = {
        status.DECLINED: _("We could not accept this plan."),
        status.COUNTERED: _("We made you another offer instead."),
        status.EXPIRED: _("The time to answer this offer is over."),
        status.KEPT: _("You have paid everything of this plan. Thank you."),
        status.BROKEN: _("This plan has ended, because a payment did not arrive in time."),
        status.REPLACED: _("A newer plan has taken the place of this one."),
        status.CANCELED: _("This plan was not signed and does not count any more."),
        status.WITHDRAWN: _("You took this proposal back."),
    }
    if plan.status == status.WITHDRAWN and plan.is_offer:
        return _("You chose another way instead of this offer.")
    if plan.reason_code == "nothing_left":
        return _("No plan is needed any more: nothing is left to pay.")
    return str(words.get(plan.status, ""))


def _day(text: Any) -> str:
    return long_day(date.fromisoformat(str(text))) if text else ""
