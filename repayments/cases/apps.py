from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "repayments.cases"
    label = "cases"
