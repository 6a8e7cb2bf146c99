from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "repayments.ledger"
    label = "ledger"
