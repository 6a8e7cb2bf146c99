from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "repayments.payments"
    label = "payments"
    verbose_name = _("payments")

    def ready(self) -> None:
        from repayments.payments import checks, receivers  # noqa: F401 - registered by import

        receivers.connect()
