"""Every write of this room: propose, answer, agree, put in force, end."""

from repayments.plans.services.activate import AgreementOutdated, activate_signed_plan
from repayments.plans.services.agree import (
    AgreementNotMade,
    cancel_unsigned,
    issue_agreement,
    reissue_agreement,
    renew_agreement,
)
from repayments.plans.services.answer import (
    LongerThanAllowed,
    ReasonMissing,
    accept_plan,
    counter_plan,
    decline_plan,
)
from repayments.plans.services.breaking import (
    break_overdue_plans,
    close_settled_plans,
    expire_plans,
    list_to_issue,
    list_unsigned,
)
from repayments.plans.services.propose import (
    accept_counter,
    ask_for_person,
    cancel_plan,
    propose_plan,
    read_findings,
    withdraw_plan,
)
from repayments.plans.services.states import (
    FiguresChanged,
    PlanAlreadyOpen,
    PlanMovedOn,
    PlanNotPossible,
    PlanRefused,
)

__all__ = [
    "AgreementNotMade",
    "AgreementOutdated",
    "FiguresChanged",
    "LongerThanAllowed",
    "PlanAlreadyOpen",
    "PlanMovedOn",
    "PlanNotPossible",
    "PlanRefused",
    "ReasonMissing",
    "accept_counter",
    "accept_plan",
    "activate_signed_plan",
    "ask_for_person",
    "break_overdue_plans",
    "cancel_plan",
    "cancel_unsigned",
    "close_settled_plans",
    "counter_plan",
    "decline_plan",
    "expire_plans",
    "issue_agreement",
    "list_to_issue",
    "list_unsigned",
    "propose_plan",
    "read_findings",
    "reissue_agreement",
    "renew_agreement",
    "withdraw_plan",
]
