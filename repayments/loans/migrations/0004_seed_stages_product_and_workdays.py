"""Lay the stages, the standard product and China's special days; what is there stays as it is."""

import holidays
from django.db import migrations

STAGES = [
    ("early", "早期", "early", 1),
    ("middle", "中期", "middle", 31),
    ("late", "后期", "late", 91),
]
YEARS = [2025, 2026, 2027]


def lay(apps, schema_editor):
    Stage = apps.get_model("loans", "Stage")
    Product = apps.get_model("loans", "Product")
    Workday = apps.get_model("loans", "Workday")
    for key, name_zh, name_en, from_day in STAGES:
        Stage.objects.get_or_create(
            key=key, defaults={"name_zh": name_zh, "name_en": name_en, "from_day": from_day}
        )
    Product.objects.get_or_create(
        key="standard",
        defaults={
            "name_zh": "标准贷款",
            "name_en": "Standard loan",
            "allocation_order": ["fees", "penalty", "interest", "principal"],
        },
    )
    published = holidays.country_holidays("CN", years=YEARS, language="zh_CN")
    moved = {day for day in published.weekend_workdays if day.year in YEARS}
    days = [(day, False, name) for day, name in published.items() if day.weekday() < 5]
    days += [(day, True, "") for day in moved]
    Workday.objects.bulk_create(
        [
            Workday(calendar="CN", date=day, is_workday=works, name=str(name)[:100])
            for day, works, name in days
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("loans", "0003_keep_what_a_schedule_replaced")]
    # Going back leaves the rows: loans may hang on them by then.
    operations = [migrations.RunPython(lay, migrations.RunPython.noop)]
