from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CasesConfig(AppConfig):
    name = "repayments.cases"
    label = "cases"
    verbose_name = _("cases")

    def ready(self) -> None:
        from repayments.cases import receivers, roles

        receivers.connect()
        # This room is the last to be migrated: every permission a role needs is there by then.
        post_migrate.connect(roles.lay_roles, sender=self, dispatch_uid="cases.lay_roles")


class StaffPagesConfig(AdminConfig):
    """Django's admin, with the work queue beside it and counts on its first page."""

    default_site = "repayments.cases.sites.StaffSite"
