"""The request that a view behind ``login_required`` is given, for type checkers."""

from django.http import HttpRequest

from accounts.models import User


class SignedInRequest(HttpRequest):
    """A request whose user is known: annotate with it what the decorator guards."""

    user: User
