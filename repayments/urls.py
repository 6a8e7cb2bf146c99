"""The borrower's home and the pages of every room."""

from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("", include("repayments.loans.urls")),
    path("", include("repayments.contracts.urls")),
    path("", include("repayments.plans.urls")),
    path("", include("repayments.payments.urls")),
    path("", include("repayments.contacts.urls")),
    path("", include("repayments.cases.urls")),
    path("offline/", TemplateView.as_view(template_name="offline.html"), name="offline"),
]
