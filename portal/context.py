"""What every page shows of the lender."""

from django.conf import settings
from django.http import HttpRequest


def lender(request: HttpRequest) -> dict[str, object]:
    return {
        "lender_name": settings.LENDER_NAME,
        "lender_phone": settings.LENDER_PHONE,
        "lender_email": settings.LENDER_EMAIL,
        "development_outbox": settings.DEVELOPMENT_OUTBOX,
    }
