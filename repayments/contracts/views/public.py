"""Is this document genuine? Open to everybody; nothing is stored, nothing personal is told."""

from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from repayments.clock import now
from repayments.contracts import isolation
from repayments.contracts.forms import VerifyForm
from repayments.contracts.queries import get_code_answer, get_verdict
from repayments.contracts.verification import INVALID, MAX_BYTES, Verdict

CHECKS_IN_WINDOW = 20
WINDOW_SECONDS = 600
BUSY_SECONDS = 60
# What a form adds around its file.
FORM_BYTES = 64 * 1024


class CappedMemory(MemoryFileUploadHandler):
    """Keep an upload in memory and drop what is beyond the cap; never a file on our disk."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True
        self.taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        room = MAX_BYTES + 1 - self.taken
        kept = raw_data[: max(room, 0)]
        self.taken += len(kept)
        self.file.write(kept)
        return None

    def file_complete(self, file_size: int) -> UploadedFile | None:
        return super().file_complete(self.taken)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Answer for a code or a file. The handler is set before anything reads the upload."""
    if _announced_bytes(request) > MAX_BYTES + FORM_BYTES:
        # Not read in, not even to look for the form's token; all it could do is be refused.
        context = {"form": VerifyForm(), "verdict": Verdict(INVALID, "too_large")}
        return render(request, "contracts/verify.html", context, status=413)
    request.upload_handlers = [CappedMemory(request)]
    return _verify(request)


@csrf_protect
def _verify(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        form = VerifyForm(initial={"code": request.GET.get("code", "")[:60]})
        return render(request, "contracts/verify.html", {"form": form})
    form = VerifyForm(request.POST, request.FILES)
    if _is_too_often(request):
        form.is_valid()
        form.add_error(None, _("That were many checks. Please wait ten minutes and try again."))
        return render(request, "contracts/verify.html", {"form": form}, status=429)
    if not form.is_valid():
        return render(request, "contracts/verify.html", {"form": form}, status=422)
    context: dict[str, Any] = {"form": VerifyForm()}
    upload = form.cleaned_data["document"]
    if upload:
        try:
            context["verdict"] = get_verdict(upload.read(), parse_known=False)
        except isolation.Busy:
            return _answer_busy(request, form)
    else:
        context["asked_code"] = form.cleaned_data["code"]
        context["answer"] = get_code_answer(form.cleaned_data["code"])
    return render(request, "contracts/verify.html", context)


def _announced_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        # Django takes it for nothing too.
        return 0


def _answer_busy(request: HttpRequest, form: VerifyForm) -> HttpResponse:
    form.add_error(
        "document",
        _(
            "Many documents are being checked just now. Please choose the file again in a minute. "
            "Nothing is wrong with it."
        ),
    )
    answer = render(request, "contracts/verify.html", {"form": form}, status=503)
    answer["Retry-After"] = str(BUSY_SECONDS)
    return answer


def _is_too_often(request: HttpRequest) -> bool:
    window = int(now().timestamp()) // WINDOW_SECONDS
    key = f"contracts.verify:{get_client_ip(request)}:{window}"
    if cache.add(key, 1, WINDOW_SECONDS):
        return False
    try:
        return cache.incr(key) > CHECKS_IN_WINDOW
    except ValueError:
        # The window ended between the two calls.
        return False
