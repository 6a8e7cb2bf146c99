"""Where the pages of this room are; paths are whole, from the site's root."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

def _soon(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(status=503)

app_name = "contracts"
urlpatterns = [path("contracts/<uuid:public_id>/", _soon, name="detail")]
