from django.apps import AppConfig


class RemindersConfig(AppConfig):
    name = "repayments.reminders"
    label = "reminders"
