"""Activation and the person's own page."""

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.clock import now as clock_now
from accounts.forms import ActivateForm, LanguageForm
from accounts.requests import SignedInRequest
from accounts.services import (
    AlreadyHasAccount,
    InvitationNotUsable,
    WrongSecondFact,
    activate_account,
    change_language,
    get_usable_invitation,
)

SESSION_KEY = "activation_token"


@require_safe
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address, so that it is in no history and no referrer."""
    request.session[SESSION_KEY] = token
    return redirect("accounts:activate")


@require_http_methods(["GET", "HEAD", "POST"])
def activate(request: HttpRequest) -> HttpResponse:
    token = request.session.get(SESSION_KEY, "")
    now = clock_now()
    try:
        invitation = get_usable_invitation(token=token, now=now)
    except InvitationNotUsable as refusal:
        return render(
            request, "accounts/invitation_not_usable.html", {"message": refusal}, status=410
        )
    if not request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME):
        translation.activate(invitation.borrower.language)
    form = ActivateForm(request.POST or None, borrower=invitation.borrower)
    if request.method == "POST" and form.is_valid():
        try:
            user = activate_account(token=token, now=now, **form.cleaned_data)
        except WrongSecondFact as refusal:
            form.add_error("second_fact", str(refusal))
        except (InvitationNotUsable, AlreadyHasAccount) as refusal:
            form.add_error(None, str(refusal))
        else:
            del request.session[SESSION_KEY]
            record_authentication(request, user, method="invitation")
            messages.success(request, _("Welcome. Your account is ready."))
            return perform_login(request, Login(user=user, redirect_url="/"))
    return render(
        request, "accounts/activate.html", {"form": form}, status=422 if form.errors else 200
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    user = request.user
    form = LanguageForm(request.POST or None, initial={"language": user.language})
    if request.method == "POST" and form.is_valid():
        change_language(user=user, language=form.cleaned_data["language"])
        response = redirect("accounts:profile")
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            form.cleaned_data["language"],
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
        return response
    context = {"form": form, "borrower": getattr(user, "borrower", None)}
    return render(request, "accounts/profile.html", context)
