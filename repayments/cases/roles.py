"""What each role of the staff may see and do; laid after every migration, so code is the record.

A role is a group of Django's with the permissions listed here, and those alone: what somebody adds
to it by hand is taken away by the next migration. Give a person two roles rather than a role more.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps as registered
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import router

APPS = [
    "accounts",
    "audit",
    "ledger",
    "contacts",
    "loans",
    "contracts",
    "plans",
    "payments",
    "reminders",
    "cases",
]

# What somebody who talks to borrowers needs to see.
_STORY = [
    "accounts.view_borrower",
    "cases.view_case",
    "cases.view_casenote",
    "contacts.view_contactattempt",
    "contacts.view_contactpoint",
    "contacts.view_hold",
    "contacts.view_message",
    "contracts.view_contract",
    "loans.view_installment",
    "loans.view_loan",
    "loans.view_schedule",
    "payments.view_dispute",
    "payments.view_payment",
    "payments.view_refund",
    "plans.view_installmentplan",
    "plans.view_planrow",
]
_WORK = ["cases.work_case", "cases.add_casenote"]
# Who is called may stop automatic payment for the borrower on the line.
_CALL = [
    "cases.call_borrower",
    "contacts.add_contactattempt",
    "payments.view_mandate",
    "payments.change_mandate",
    "payments.view_autopaycharge",
]
_POLICIES = [
    "cases.view_casepolicy",
    "loans.view_product",
    "loans.view_stage",
    "loans.view_workday",
    "payments.view_refundpolicy",
    "plans.view_planpolicy",
    "reminders.view_reminderpolicy",
]

ROLES: dict[str, list[str]] = {
    "collector": [*_STORY, *_WORK, *_CALL, "payments.add_refund"],
    "supervisor": [
        *_STORY,
        *_WORK,
        *_CALL,
        *_POLICIES,
        "cases.reassign_case",
        "cases.change_casepolicy",
        "loans.change_stage",
        "loans.add_workday",
        "loans.change_workday",
        "loans.delete_workday",
        "plans.decide_installmentplan",
        "plans.change_planpolicy",
        "reminders.change_reminderpolicy",
        "contacts.change_hold",
        "contacts.change_message",
        "contacts.view_decision",
        "payments.view_suspense",
        "payments.change_suspense",
        "payments.view_bankline",
        "payments.add_bankline",
        "payments.view_gatewayevent",
        "payments.change_gatewayevent",
        "payments.change_payment",
        "payments.view_clearingcheck",
        "payments.view_failedcall",
        "payments.view_fraudwarning",
        "payments.add_refund",
        "payments.change_refund",
        "payments.change_refundpolicy",
        "payments.view_promisetopay",
        "audit.view_event",
    ],
    "plan_officer": [
        *_STORY,
        *_WORK,
        "plans.decide_installmentplan",
        "plans.view_planpolicy",
    ],
    "risk_officer": [
        "loans.view_loan",
        "plans.view_installmentplan",
        *_POLICIES,
        "plans.change_planpolicy",
        "loans.change_product",
    ],
    "contract_officer": [
        *_STORY,
        *_WORK,
        "contracts.change_contract",
        "contracts.hold_contract",
        "contracts.view_contracttemplate",
        "contracts.view_templateversion",
        "contracts.add_templateversion",
        "contracts.change_templateversion",
        "contracts.view_signature",
        "contracts.view_evidence",
        "contracts.view_dailyhead",
        "contracts.view_headstamp",
        "contacts.view_messagetemplate",
        "contacts.view_messagetemplateversion",
        "contacts.add_messagetemplateversion",
        "contacts.change_messagetemplateversion",
    ],
    "agency_officer": [*_STORY, "cases.view_casepolicy"],
    # Everything, and nothing but looking: filled in below.
    "auditor": [],
}


def permissions_of(role: str) -> set[str]:
    """Give the permissions of a role as "label.codename"; an auditor's from all the models."""
    if role != "auditor":
        return set(ROLES[role])
    return {
        f"{model._meta.app_label}.view_{model._meta.model_name}"
        for label in APPS
        for model in registered.get_app_config(label).get_models()
    }


def lay_roles(using: str = "default", **_kwargs: Any) -> None:
    """Make the groups and give each its permissions, exactly; a second run writes nothing."""
    if not router.allow_migrate_model(using, Group):
        return
    for label in APPS:
        # Django makes a room's permissions after this, for it listens later.
        create_permissions(registered.get_app_config(label), verbosity=0, using=using)
    known = _known_permissions(using)
    for role in ROLES:
        group, _created = Group.objects.using(using).get_or_create(name=role)
        wanted = {known[name] for name in permissions_of(role) if name in known}
        present = set(group.permissions.values_list("pk", flat=True))
        if wanted != present:
            group.permissions.set(_in_order(wanted))


def _known_permissions(using: str) -> dict[str, int]:
    rows = Permission.objects.using(using).filter(content_type__app_label__in=APPS)
    names = rows.values_list("content_type__app_label", "codename", "pk")
    return {f"{label}.{codename}": pk for label, codename, pk in names}


def _in_order(keys: Iterable[int]) -> list[int]:
    return sorted(keys)
