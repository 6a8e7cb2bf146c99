"""The policies every portal starts with; a row that is there already stays as staff left it."""

from django.db import migrations

# kind, from days late, act within days, priority. A complaint has 15 days: CN-12.
POLICIES = [
    ("hardship", None, 2, 1),
    ("payment_exception", None, 1, 1),
    ("conduct", None, 5, 1),
    ("dispute", None, 5, 2),
    ("complaint", None, 15, 2),
    ("plan_review", None, 2, 2),
    ("contract_exception", None, 1, 3),
    ("question", None, 3, 4),
    ("collections", 30, 3, 5),
]


def seed(apps, schema_editor):
    policy = apps.get_model("cases", "CasePolicy")
    for kind, from_days_late, act_within_days, priority in POLICIES:
        policy.objects.get_or_create(
            kind=kind,
            defaults={
                "from_days_late": from_days_late,
                "act_within_days": act_within_days,
                "priority": priority,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("cases", "0002_name_money_and_contracts_in_question")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop, elidable=False)]
