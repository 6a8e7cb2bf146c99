"""What each role of the staff may open: a table of roles and addresses."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from accounts.models import User
from repayments.audit.models import Event
from repayments.cases.models import Case, CasePolicy
from repayments.cases.roles import ROLES, lay_roles, permissions_of
from tests.factories.cases import make_case, make_colleague, sign_in_staff

pytestmark = pytest.mark.django_db

EVERYONE = set(ROLES)
WORKERS = {"collector", "supervisor", "plan_officer", "contract_officer"}
SEES_CASES = EVERYONE - {"risk_officer"}
SEES_POLICIES = {"supervisor", "risk_officer", "agency_officer", "auditor"}
# Method, address, and who may: everybody else gets 403.
TABLE = [
    ("get", "admin:index", EVERYONE),
    ("get", "admin:cases_queue", SEES_CASES),
    ("get", "admin:cases_case_changelist", SEES_CASES),
    ("get", "admin:cases_case_change", SEES_CASES),
    ("post", "claim", WORKERS),
    ("post", "note", WORKERS),
    ("post", "close", WORKERS),
    ("post", "call", {"collector", "supervisor"}),
    ("post", "reassign", {"supervisor"}),
    (
        "get",
        "admin:cases_casepolicy_changelist",
        {"supervisor", "risk_officer", "agency_officer", "auditor"},
    ),
    ("get", "admin:accounts_user_changelist", {"auditor"}),
    ("get", "admin:accounts_borrower_changelist", SEES_CASES),
]


def address(name: str, case: Case) -> str:
    if name == "admin:cases_case_change":
        return reverse(name, args=[case.pk])
    if name.startswith("admin:"):
        return reverse(name)
    return reverse("admin:cases_case_act", args=[case.pk, name])


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_opens_what_the_table_says(role: str) -> None:
    client = sign_in_staff(make_colleague(role))

    for method, name, allowed in TABLE:
        response = getattr(client, method)(address(name, make_case()))
        expected = role in allowed
        assert (response.status_code != 403) == expected, f"{method} {name}: {response.status_code}"


def test_staff_without_a_role_see_no_list() -> None:
    client = sign_in_staff(make_colleague())

    assert client.get("/admin/queue/").status_code == 403
    assert client.get(reverse("admin:cases_case_changelist")).status_code == 403


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_permission_of_a_role_exists(role: str) -> None:
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    known = {f"{label}.{codename}" for label, codename in rows}

    assert permissions_of(role) <= known
    held = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    assert {f"{label}.{codename}" for label, codename in held} == permissions_of(role)


def test_an_auditor_only_looks() -> None:
    assert permissions_of("auditor")
    assert all(name.split(".")[1].startswith("view_") for name in permissions_of("auditor"))


def test_laying_the_roles_again_mends_them() -> None:
    group = Group.objects.get(name="auditor")
    group.permissions.add(Permission.objects.get(codename="delete_case"))

    lay_roles()
    lay_roles()

    assert not group.permissions.filter(codename="delete_case").exists()


def test_a_role_gives_nothing_to_somebody_who_is_no_staff() -> None:
    user = make_colleague("supervisor")
    User.objects.filter(pk=user.pk).update(is_staff=False)

    assert "/login/" in sign_in_staff(user).get("/admin/queue/")["Location"]


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"supervisor"}))
def test_only_a_supervisor_changes_policies(role: str) -> None:
    client = sign_in_staff(make_colleague(role))
    url = reverse("admin:cases_casepolicy_change", args=[1])
    client.post(url, {"from_days_late": 1, "act_within_days": 1, "priority": 1, "rest_days": 1})

    assert not CasePolicy.objects.filter(from_days_late=1).exists()


def test_a_changed_policy_is_on_record(supervisor: User) -> None:
    policy = CasePolicy.objects.get(kind="collections")
    sign_in_staff(supervisor).post(
        reverse("admin:cases_casepolicy_change", args=[policy.pk]),
        {"from_days_late": 20, "act_within_days": 3, "priority": 5, "rest_days": 14},
    )

    policy.refresh_from_db()
    assert policy.from_days_late == 20
    event = Event.objects.get(action="cases.policy_changed")
    assert event.payload == {"kind": "collections", "changed": {"from_days_late": 20}}
