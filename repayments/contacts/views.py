"""Two pages that ask for no sign-in: stopping messages by a link, and the development outbox."""

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from repayments import clock
from repayments.contacts.models import Message
from repayments.contacts.queries import is_stopped, list_shown_messages
from repayments.contacts.rendering import read_stop_token
from repayments.contacts.services import start_messages, stop_messages


# The signed link stands in for the token: mail programs post "one click" without one (RFC 8058).
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask before stopping, and stop by POST alone; nothing else is asked (US-7)."""
    message = _get_message_for_token(token)
    assert message.borrower is not None
    if request.method == "POST":
        act = start_messages if request.POST.get("action") == "start" else stop_messages
        act(
            borrower=message.borrower,
            channel=message.channel,
            address=message.address,
            actor=None,
            now=clock.now(),
        )
        return redirect("contacts:stop", token=token)
    stopped = is_stopped(
        borrower=message.borrower, channel=message.channel, address=message.address
    )
    context = {"channel": message.channel, "is_stopped": stopped}
    return render(request, "contacts/stop.html", context)


@never_cache
@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """Show what development would have sent; elsewhere there is no such page."""
    if not settings.DEVELOPMENT_OUTBOX:
        raise Http404
    return render(request, "contacts/outbox.html", {"messages_shown": list_shown_messages()})


def _get_message_for_token(token: str) -> Message:
    public_id = read_stop_token(token)
    rows: QuerySet[Message] = Message.objects.select_related("borrower").filter(
        borrower__isnull=False
    )
    message = rows.filter(public_id=UUID(public_id)).first() if public_id else None
    if message is None:
        raise Http404
    return message
