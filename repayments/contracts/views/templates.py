"""Where staff write the words of contracts, look at them on paper, and publish each other's."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from repayments.clock import now
from repayments.contracts import documents
from repayments.contracts.models import ContractTemplate, TemplateVersion
from repayments.contracts.placeholders import allowed_for
from repayments.contracts.services import templates as services
from repayments.contracts.template_diff import compare_clauses, compare_titles
from repayments.contracts.template_form import PublishForm, TemplateForm, read_typed, rearrange
from repayments.contracts.template_samples import render_sample, sample_values
from repayments.contracts.template_words import LOCALES, Pair

SEE = "contracts.view_templateversion"
START = "contracts.add_templateversion"
CHANGE = "contracts.change_templateversion"
Versions = list[TemplateVersion]


@require_safe
def template(request: HttpRequest, pk: int) -> HttpResponse:
    """List the versions of a template, newest first."""
    _need(request, SEE)
    found = get_object_or_404(ContractTemplate, pk=pk)
    rows = found.versions.filter(locale=LOCALES[0]).select_related("author", "approved_by")
    context = _context(request, found, _template_name(found)) | {
        "versions": rows.order_by("-number"),
        "may_start": request.user.has_perm(START),
    }
    return render(request, "admin/contracts/template.html", context)


@require_POST
def start(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Begin a draft with the words of a version."""
    _need(request, START)
    found, _pair, _versions = _get_version(pk, number)
    draft = services.start_template_version(
        template_id=found.pk,
        from_number=number,
        actor=request.user,  # type: ignore[arg-type] # the admin has signed them in
        now=now(),
    )
    return redirect("admin:contracts_template_edit", found.pk, draft)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Show a draft to write in; keep it, or rearrange its clauses without keeping it."""
    _need(request, CHANGE)
    found, pair, versions = _get_version(pk, number)
    if versions[0].status != TemplateVersion.Status.DRAFT:
        return _conflict(request, found, number, _("This version is not a draft any more."))
    status = 200
    if request.method != "POST":
        form = TemplateForm(pair=pair, seen=pair.sha256)
    elif request.POST.get("act"):
        form = _rearranged(request)
    else:
        form = TemplateForm(request.POST)
        if form.is_valid():
            status = _save(request, found, number, form)
            if not form.errors:
                messages.success(request, _("The draft is saved. Nothing is published yet."))
                return redirect("admin:contracts_template_version", found.pk, number)
    samples = {
        locale: sample_values(kind=found.kind, locale=locale, now=now()) for locale in LOCALES
    }
    context = _context(request, found, _version_name(versions)) | {
        "number": number,
        "form": form,
        "placeholders": [
            (name, meaning, [samples[locale].get(name, "") for locale in LOCALES])
            for name, meaning in allowed_for(found.kind).items()
        ],
    }
    return render(request, "admin/contracts/template_edit.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def version(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Show a version beside the one before it and what is wrong with it; publish it by POST."""
    _need(request, SEE)
    found, pair, versions = _get_version(pk, number)
    may_change = request.user.has_perm(CHANGE)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    posted = request.POST if request.method == "POST" else None
    actor: Any = request.user  # the admin has signed them in
    form = PublishForm(posted, user=actor, initial={"seen": pair.sha256})
    if posted is not None and form.is_valid():
        try:
            services.publish_template_version(
                template_id=found.pk,
                number=number,
                seen=form.cleaned_data["seen"],
                actor=actor,
                now=now(),
            )
        except (services.VersionNotDraft, services.VersionChanged) as refusal:
            return _conflict(request, found, number, str(refusal))
        except (services.SameAuthor, services.VersionNotFit) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Published. New documents use these words."))
            return redirect("admin:contracts_template_version", found.pk, number)
    before = _version_before(found, number)
    is_draft = versions[0].status == TemplateVersion.Status.DRAFT
    context = _context(request, found, _version_name(versions)) | {
        "number": number,
        "version": versions[0],
        "form": form,
        "is_draft": is_draft,
        "may_change": may_change,
        "may_start": request.user.has_perm(START),
        "is_author": any(row.author_id == request.user.pk for row in versions),
        "faults": services.check_template_version(template=found, pair=pair, now=now())
        if is_draft
        else [],
        "before": before[0] if before else None,
        "governing_before": before[1].governing_language if before else "",
        "titles": compare_titles(before[1], pair) if before else [],
        "clauses": compare_clauses(before[1] if before else _nothing(pair), pair),
        "locales": LOCALES,
    }
    return render(request, "admin/contracts/template_version.html", context)


@require_safe
def preview(request: HttpRequest, pk: int, number: int, locale: str) -> HttpResponse:
    """Give a version as the PDF it makes of a made-up loan; drafts too."""
    _need(request, SEE)
    if locale not in LOCALES:
        raise Http404
    found, pair, _versions = _get_version(pk, number)
    try:
        pdf = render_sample(kind=found.kind, pair=pair, locale=locale, now=now())
    except documents.DocumentError:
        words = _("This draft cannot be shown on paper yet. Its page says what is to mend.")
        return _conflict(request, found, number, words)
    answer = HttpResponse(pdf, content_type="application/pdf")
    name = f"{found.key}-v{number}-{locale}.pdf"
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    return answer


def _save(request: HttpRequest, found: ContractTemplate, number: int, form: TemplateForm) -> int:
    """Keep what was typed; put a refusal onto the form and give the answer's status."""
    try:
        services.edit_template_version(
            template_id=found.pk,
            number=number,
            pair=form.pair(),
            seen=form.cleaned_data["seen"],
            actor=request.user,  # type: ignore[arg-type] # the admin has signed them in
            now=now(),
        )
    except services.VersionNotFit as refusal:
        form.add_faults(refusal.faults)
    except (services.VersionChanged, services.VersionNotDraft) as refusal:
        # What was typed stays on the page: the other one's words are a click away.
        form.add_error(None, str(refusal))
        return 409
    return 200


def _rearranged(request: HttpRequest) -> TemplateForm:
    typed = read_typed(request.POST)
    pair, focus = rearrange(typed, request.POST["act"]) or (typed, 0)
    return TemplateForm(pair=pair, seen=request.POST.get("seen", ""), focus=focus)


def _get_version(pk: int, number: int) -> tuple[ContractTemplate, Pair, Versions]:
    found = get_object_or_404(ContractTemplate, pk=pk)
    try:
        pair, versions = services.get_pair(found, number)
    except TemplateVersion.DoesNotExist:
        raise Http404 from None
    return found, pair, versions


def _version_before(found: ContractTemplate, number: int) -> tuple[TemplateVersion, Pair] | None:
    """Give what was in force before a version: the last one under a lower number, no draft."""
    row = (
        found.versions.filter(number__lt=number, locale=LOCALES[0])
        .exclude(status=TemplateVersion.Status.DRAFT)
        .order_by("-number")
        .first()
    )
    return (row, services.get_pair(found, row.number)[0]) if row else None


def _nothing(pair: Pair) -> Pair:
    return Pair(pair.titles, {locale: [] for locale in LOCALES}, pair.governing_language)


def _need(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _template_name(found: ContractTemplate) -> str:
    kind = found.get_kind_display()
    return kind[:1].upper() + kind[1:]


def _version_name(versions: Versions) -> str:
    row = versions[0]
    return _("%(template)s, version %(number)d") % {
        "template": _template_name(row.template),
        "number": row.number,
    }


def _context(request: HttpRequest, found: ContractTemplate, title: str) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": title,
        "opts": ContractTemplate._meta,
        "template": found,
        "template_name": _template_name(found),
    }


def _conflict(
    request: HttpRequest, found: ContractTemplate, number: int, words: str
) -> HttpResponse:
    context = _context(request, found, _("This has changed meanwhile")) | {
        "number": number,
        "message": words,
    }
    return render(request, "admin/contracts/template_conflict.html", context, status=409)
