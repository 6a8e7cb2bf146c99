"""Ways in that allauth does not offer, and the person's own page."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("activate/", views.activate, name="activate"),
    path("activate/<str:token>/", views.open_invitation, name="open_invitation"),
    path("account/", views.profile, name="profile"),
]
