"""Where the borrower's help pages are; the staff's hang in the admin (``sites``, ``admin``)."""

from django.urls import path

from repayments.cases import views

app_name = "cases"
urlpatterns = [
    path("help/", views.help_index, name="help_index"),
    path("help/<uuid:loan_id>/", views.help_page, name="help"),
]
