"""Where every page is: staff pages, sign-in, and the rooms' own lists."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
handler500 = "portal.busy.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    # The address on record is changed with the lender, not here.
    path("accounts/email/", RedirectView.as_view(pattern_name="accounts:profile")),
    path("accounts/signup/", RedirectView.as_view(pattern_name="account_login")),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("accounts.urls")),
    path("", include("repayments.urls")),
]
