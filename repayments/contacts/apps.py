from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "repayments.contacts"
    label = "contacts"
