"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path, register_converter

from repayments.loans import views
from repayments.loans.months import MonthConverter

register_converter(MonthConverter, "month")

app_name = "loans"
urlpatterns = [
    path("loans/<uuid:public_id>/", views.detail, name="detail"),
    path("loans/<uuid:public_id>/payoff/", views.payoff, name="payoff"),
    path("loans/<uuid:public_id>/statements/", views.statements, name="statements"),
    path("loans/<uuid:public_id>/statements/<month:month>/", views.statement, name="statement"),
    path(
        "loans/<uuid:public_id>/statements/<month:month>.csv",
        views.statement_csv,
        name="statement_csv",
    ),
    path("illustration/", views.illustration, name="illustration"),
]
