from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "repayments.payments"
    label = "payments"
