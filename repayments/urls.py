"""The borrower's home and the pages of every room."""

from django.urls import include, path
from django.views.generic import TemplateView

from repayments import views

urlpatterns = [
    path("", views.home, name="home"),
    path("documents/", views.documents, name="documents"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("sw.js", views.service_worker, name="service_worker"),
    path("offline/", TemplateView.as_view(template_name="offline.html"), name="offline"),
    path("", include("repayments.loans.urls")),
    # Paper is made by the contracts' room, which the loans' own pages do not know.
    path(
        "loans/<uuid:public_id>/statements/<month:month>.pdf",
        views.statement_pdf,
        name="statement_pdf",
    ),
    path("", include("repayments.contracts.urls")),
    path("", include("repayments.plans.urls")),
    path("", include("repayments.payments.urls")),
    path("", include("repayments.contacts.urls")),
    path("", include("repayments.cases.urls")),
]
