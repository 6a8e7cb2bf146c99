from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "repayments.contacts"
    label = "contacts"
    verbose_name = _("messages and contacts")

    def ready(self) -> None:
        from accounts.signals import account_mail_requested
        from repayments.contacts import receivers
        from repayments.contacts.signals import message_queued

        account_mail_requested.connect(
            receivers.store_account_mail, dispatch_uid="contacts.store_account_mail"
        )
        message_queued.connect(receivers.hasten_message, dispatch_uid="contacts.hasten_message")
