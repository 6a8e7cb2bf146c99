from django.apps import AppConfig


class RemindersConfig(AppConfig):
    name = "repayments.reminders"
    label = "reminders"

    def ready(self) -> None:
        from repayments.contacts import rechecks
        from repayments.reminders.queries import is_still_wanted

        rechecks.register("reminder", is_still_wanted)
