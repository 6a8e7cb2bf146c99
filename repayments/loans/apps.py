from django.apps import AppConfig


class LoansConfig(AppConfig):
    name = "repayments.loans"
    label = "loans"
