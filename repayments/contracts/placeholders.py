"""What a template may ask for, by kind, and what each name stands for.

The names are flat; the meaning is shown to whoever writes a template. The values are `paper`'s and
the rooms' own to give.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

CONTRACT: Mapping[str, Any] = {
    "allocation_order": _("the order in which a payment is used, as a sentence"),
    "amount": _("the principal"),
    "annual_cost": _("all-in cost a year, simple and compound"),
    "annual_rate": _("the rate of interest a year"),
    "borrower_name": _("the borrower's legal name"),
    "borrower_reference": _("the borrower's number"),
    "break_grace_days": _("days a payment may be late before a plan may end"),
    "complaint_contact": _("where complaints go: phone and e-mail"),
    "contract_reference": _("the number of this document"),
    "disbursed_on": _("the day the money is paid out"),
    "first_due_on": _("the first due date"),
    "grace_days": _("days of grace after a due date"),
    "installments": _("how many payments there are"),
    "interest_basis": _("how interest is worked out, as a sentence"),
    "last_due_on": _("the last due date"),
    "late_terms": _("what paying late costs, as sentences"),
    "lender_email": _("the lender's e-mail address"),
    "lender_name": _("the lender's name"),
    "lender_phone": _("the lender's phone number"),
    "loan_number": _("the number of the loan"),
    "payments_in_words": _("number, amount and days of the payments, in words"),
    "penalty_rate": _("the rate of penalty interest a year"),
    "portal_address": _("where anyone can check the file"),
    "sign_by": _("the last day to sign"),
    "total_due": _("all payments together"),
    "total_fees": _("all fees together"),
    "total_interest": _("all interest together"),
}
_BY_KIND: dict[str, Mapping[str, Any]] = {"loan": CONTRACT, "plan": CONTRACT}


def allowed_for(kind: str) -> Mapping[str, Any]:
    """Give the names a template of this kind may use, each with its meaning."""
    return _BY_KIND[kind]
