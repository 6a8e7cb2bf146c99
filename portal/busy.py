"""A kind answer, 503, for whoever meets the database busy with the rows they need.

The close of a night holds a loan longer than a page waits for it (``lock_timeout``), and on SQLite
one writer keeps out all others. The transaction that waited is rolled back by then, so the reader
can send the same form again; it comes back with the answer, unless it holds a secret or a file.
The gateway's webhook answers for itself.
"""

import logging
import sqlite3
import sys
from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers
from django.views.defaults import server_error as usual_server_error

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 60
# lock_timeout, statement_timeout, deadlock: https://www.postgresql.org/docs/current/errcodes-appendix.html
BUSY_SQLSTATES = {"55P03", "57014", "40P01"}
BUSY_SQLITE_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class BusyDatabaseMiddleware:
    """Answer for a view that met the database busy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer_busy(request) if is_busy(error) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """``handler500``: what failed around the views; their own trouble the middleware has seen."""
    error = sys.exc_info()[1]
    if not is_busy(error):
        return usual_server_error(request)
    # With an address looked up a view has ended, and may have done its work.
    return answer_busy(request, may_be_done=getattr(request, "resolver_match", None) is not None)


def is_busy(error: BaseException | None) -> bool:
    """Tell whether the database only had no time: waited for a lock or for a statement too long."""
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.OperationalError):
        # The low byte; the rest says what exactly was busy.
        return cause.sqlite_errorcode & 0xFF in BUSY_SQLITE_CODES
    return getattr(cause, "sqlstate", None) in BUSY_SQLSTATES


def answer_busy(request: HttpRequest, *, may_be_done: bool = False) -> HttpResponse:
    """Say that it will go in a minute.

    Args:
        may_be_done: the work could have been done before the trouble; nobody is told to repeat it.
    """
    logger.warning("the database was busy", exc_info=True)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    template = "503.html"
    if getattr(request, "htmx", False):
        template = "503.html#notice"
        # What was to be replaced stays, so that the next answer finds its place.
        headers["HX-Reswap"] = "innerHTML"
    context = {
        "is_post": request.method == "POST",
        "may_be_done": may_be_done,
        "address": request.get_full_path(),
        "fields": [] if may_be_done else _list_fields(request),
    }
    # Without the request: no person is looked up, so no database is asked.
    response = HttpResponse(render_to_string(template, context), status=503, headers=headers)
    add_never_cache_headers(response)
    return response


def _list_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """What was posted, to be sent again as it was; empty where that cannot or should not be.

    The token is the posted one, never a fresh one: what a stranger's site sent stays refused.
    """
    if request.method != "POST" or request.FILES:
        return []
    if any("password" in name for name in request.POST):
        return []
    return [(name, value) for name, values in request.POST.lists() for value in values]
