from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "repayments.payments"
    label = "payments"
    verbose_name = _("payments")

    def ready(self) -> None:
        from repayments.contacts import rechecks
        from repayments.payments import checks, receivers  # noqa: F401 - registered by import
        from repayments.payments.services.autopay.notices import NOTICE, is_notice_wanted

        receivers.connect()
        rechecks.register(NOTICE, is_notice_wanted)
