"""Ways in that allauth does not offer, and the person's own page."""

from django.urls import URLPattern

app_name = "accounts"
urlpatterns: list[URLPattern] = []
