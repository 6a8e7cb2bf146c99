"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import URLPattern

app_name = "loans"
urlpatterns: list[URLPattern] = []
