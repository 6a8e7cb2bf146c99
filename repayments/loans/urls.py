"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path

from repayments.loans import views

app_name = "loans"
urlpatterns = [
    path("loans/<uuid:public_id>/", views.detail, name="detail"),
    path("loans/<uuid:public_id>/payoff/", views.payoff, name="payoff"),
    path("illustration/", views.illustration, name="illustration"),
]
