"""The limits every portal starts with, for all products; a row that is there stays as it is."""

from django.db import migrations

# Amounts in minor units. Caps: CN-R5; 36 % is the ceiling of 10 USC 987 and of many states.
POLICIES = {
    "CNY": {"smallest_installment": 10_000, "annual_cost_cap": "24", "person_above": 20_000_000},
    "USD": {"smallest_installment": 2_000, "annual_cost_cap": "36", "person_above": 3_000_000},
}


def add_policies(apps, schema_editor):
    rows = apps.get_model("plans", "PlanPolicy").objects
    for currency, limits in POLICIES.items():
        rows.get_or_create(product=None, currency=currency, defaults=limits)


def remove_policies(apps, schema_editor):
    rows = apps.get_model("plans", "PlanPolicy").objects
    rows.filter(product=None, currency__in=POLICIES).delete()


class Migration(migrations.Migration):
    dependencies = [("plans", "0002_keep_the_figures_a_plan_rests_on")]
    operations = [migrations.RunPython(add_policies, remove_policies)]
