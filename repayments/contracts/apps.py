from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContractsConfig(AppConfig):
    name = "repayments.contracts"
    label = "contracts"
    verbose_name = _("contracts")

    def ready(self) -> None:
        from repayments.contracts import kinds, receivers

        kinds.register("loan", on_signed=receivers.activate_signed_loan)
