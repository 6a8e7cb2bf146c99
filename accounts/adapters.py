"""How allauth is told this portal's ways: sign-up is closed, mail goes through the outbox."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.signals import account_mail_requested


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts come from the lender's records by invitation alone."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hand the mail to whoever keeps the outbox: a worker sends it, not this request."""
        account_mail_requested.send(
            sender=type(self),
            template_prefix=template_prefix,
            email=email,
            user=context.get("user"),
            code=context.get("code", ""),
            link=context.get("password_reset_url", ""),
        )


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _(
            "That is not what the app shows now, nor a spare code that is still unused. "
            "Wait for the next digits, then try again."
        ),
        "cannot_delete_authenticator": _("Staff pages open only with a second step: keep it."),
    }

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Leave staff their last second factor; without one they could not work."""
        if not authenticator.user.is_staff:
            return True
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
