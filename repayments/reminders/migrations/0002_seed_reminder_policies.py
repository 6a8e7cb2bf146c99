"""The first policy: three days before, on the day, and 1, 7 and 15 days after; rows that staff edit."""

from django.db import migrations

POLICIES = [
    ("before_3", -3, "reminder_before"),
    ("due_day", 0, "reminder_due"),
    ("late_1", 1, "reminder_late_1"),
    ("late_7", 7, "reminder_late_7"),
    ("late_15", 15, "reminder_late_15"),
]


def add_policies(apps, schema_editor):
    rows = apps.get_model("reminders", "ReminderPolicy").objects
    for kind, offset_days, template_key in POLICIES:
        rows.get_or_create(
            kind=kind,
            defaults={
                "offset_days": offset_days,
                "channel": "email",
                "template_key": template_key,
                "is_active": True,
            },
        )


def remove_policies(apps, schema_editor):
    rows = apps.get_model("reminders", "ReminderPolicy").objects
    rows.filter(kind__in=[kind for kind, _offset, _key in POLICIES], reminders=None).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("reminders", "0001_initial"),
        ("contacts", "0004_seed_message_templates"),
    ]
    operations = [migrations.RunPython(add_policies, remove_policies)]
