"""People: borrowers with a sign-in, staff in a group."""

from itertools import count
from typing import Any

from django.contrib.auth.models import Group

from accounts.models import Borrower, User

_numbers = count(1)


def make_user(*, email: str = "", password: str | None = None, **fields: Any) -> User:
    """Someone who can sign in; not staff unless said so."""
    return User.objects.create_user(
        email or f"person{next(_numbers)}@example.com", password, **fields
    )


def make_staff(*groups: str, **fields: Any) -> User:
    """A member of staff in the named groups, which migrations have laid."""
    user = make_user(is_staff=True, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    assert user.groups.count() == len(groups), f"unknown group among {groups}"
    return user


def make_borrower(*, user: User | None = None, activated: bool = True, **fields: Any) -> Borrower:
    """A borrower of the lender's records; with a sign-in unless ``activated`` is False."""
    number = next(_numbers)
    values = {
        "reference": f"B{number:06d}",
        "legal_name": f"王小明{number}",
        "email": f"borrower{number}@example.com",
        "phone": f"+8613800{number:06d}",
    } | fields
    if user is None and activated:
        user = make_user(email=values["email"], name=values["legal_name"])
    return Borrower.objects.create(user=user, **values)
