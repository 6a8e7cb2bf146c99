"""Rules every page obeys: the reader's language, a second factor for staff pages, nothing kept."""

from collections.abc import Callable
from urllib.parse import quote

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers

Handler = Callable[[HttpRequest], HttpResponse]


class ReadersLanguageMiddleware:
    """Speak the language a signed-in person chose, unless this browser has been told another."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen_here = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if not chosen_here and request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


class StaffSecondFactorMiddleware:
    """Let nobody onto staff pages without a second factor used in this very sign-in."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        prefix = reverse("admin:index")
        user = request.user
        if request.path.startswith(prefix) and user.is_authenticated and user.is_staff:
            if not is_mfa_enabled(user):
                return redirect("mfa_index")
            if not used_second_factor(request):
                return redirect(
                    f"{reverse('mfa_reauthenticate')}?next={quote(request.get_full_path())}"
                )
        return self.get_response(request)


def used_second_factor(request: HttpRequest) -> bool:
    """Tell whether this session was opened, or confirmed later, with a second factor."""
    return any(
        record.get("method") == "mfa"
        for record in get_authentication_records(request, request.user)
    )


class PrivatePagesMiddleware:
    """Keep what a signed-in person sees out of every cache, the browser's own included."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
