"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path

from repayments.plans import views

app_name = "plans"
urlpatterns = [
    path("loans/<uuid:public_id>/plan/", views.propose, name="propose"),
    path("plans/<uuid:public_id>/", views.detail, name="detail"),
    path("plans/<uuid:public_id>/accept/", views.accept, name="accept"),
    path("plans/<uuid:public_id>/person/", views.ask_person, name="ask_person"),
    path("plans/<uuid:public_id>/withdraw/", views.withdraw, name="withdraw"),
    path("plans/<uuid:public_id>/cancel/", views.cancel, name="cancel"),
]
