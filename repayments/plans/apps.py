from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "repayments.plans"
    label = "plans"
