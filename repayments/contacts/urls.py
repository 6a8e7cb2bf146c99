"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path

from repayments.contacts import views

app_name = "contacts"
urlpatterns = [
    path("messages/stop/<str:token>/", views.stop, name="stop"),
    path("dev/outbox/", views.outbox, name="outbox"),
]
