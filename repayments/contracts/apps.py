from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "repayments.contracts"
    label = "contracts"
