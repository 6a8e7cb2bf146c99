from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContractsConfig(AppConfig):
    name = "repayments.contracts"
    label = "contracts"
    verbose_name = _("contracts")

    def ready(self) -> None:
        from repayments.contacts import rechecks
        from repayments.contracts import kinds, receivers, services
        from repayments.contracts.signals import contract_signed, letter_made
        from repayments.loans.signals import loan_reopened, loan_settled

        kinds.register(
            "loan",
            on_signed=receivers.activate_signed_loan,
            reissue=services.reissue_loan_contract,
        )
        rechecks.register("contract_to_sign", receivers.is_contract_still_to_sign)
        rechecks.register("sign_reminder", receivers.is_sign_reminder_still_wanted)
        rechecks.register("signing_code", receivers.is_code_still_open)
        rechecks.register("settlement_letter", receivers.is_letter_still_true)
        loan_settled.connect(receivers.hasten_letter, dispatch_uid="contracts.hasten_letter")
        loan_reopened.connect(receivers.hasten_voiding, dispatch_uid="contracts.hasten_voiding")
        letter_made.connect(
            receivers.hasten_letter_seal, dispatch_uid="contracts.hasten_letter_seal"
        )
        contract_signed.connect(receivers.hasten_sealing, dispatch_uid="contracts.hasten_sealing")
