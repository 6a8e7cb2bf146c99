from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlansConfig(AppConfig):
    name = "repayments.plans"
    label = "plans"
    verbose_name = _("installment plans")

    def ready(self) -> None:
        from repayments.contracts import kinds
        from repayments.contracts.signals import contract_ended
        from repayments.loans.signals import loan_settled, payment_posted
        from repayments.plans import receivers
        from repayments.plans.services import activate_signed_plan, reissue_agreement

        kinds.register("plan", on_signed=activate_signed_plan, reissue=reissue_agreement)
        payment_posted.connect(receivers.hear_payment, dispatch_uid="plans.hear_payment")
        loan_settled.connect(receivers.hear_settled, dispatch_uid="plans.hear_settled")
        contract_ended.connect(
            receivers.hear_contract_ended, dispatch_uid="plans.hear_contract_ended"
        )
