"""Rules every page obeys: the reader's language, a second factor for staff pages, nothing kept, and
the list of where a person is signed in. They know people and sign-in, and no debt."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers

Handler = Callable[[HttpRequest], HttpResponse]
SEEN_AGAIN_AFTER = timedelta(minutes=5)


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


class SessionListMiddleware:
    """Keep true where a person is signed in: one SELECT a page, a write when something is new.

    In place of allauth's own, which reads and writes the row anew, in a savepoint, on every page.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.session_key:
            note_session(request)
        return self.get_response(request)


def note_session(request: HttpRequest) -> None:
    """See that the row of this session names this person, address and browser, and a recent use."""
    row = UserSession.objects.filter(session_key=request.session.session_key).first()
    if row is None or client_of(row) != (
        request.user.pk,
        get_adapter().get_client_ip(request),
        request.META.get("HTTP_USER_AGENT", "")[: row._meta.get_field("user_agent").max_length],
    ):
        # allauth tells of a change of the client by a signal; one place says what a row holds.
        UserSession.objects.create_from_request(request)
        return
    # The clock of sessions is the real one, whatever day a demonstration shows.
    moment = timezone.now()
    if moment - row.last_seen_at >= SEEN_AGAIN_AFTER:
        # Not save(): that would bring back a row that "sign out everywhere" has just deleted.
        UserSession.objects.filter(pk=row.pk).update(last_seen_at=moment)


def client_of(row: UserSession) -> tuple[int, str, str]:
    return row.user_id, row.ip, row.user_agent


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
