from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "repayments.audit"
    label = "audit"
