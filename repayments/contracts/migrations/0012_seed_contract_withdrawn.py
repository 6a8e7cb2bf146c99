"""The words that tell a borrower of a document taken back before it was signed."""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)
TEXT_ZH = (
    "{name}，您好：\n\n{lender}收回了之前请您签署的一份文件。文件没有生效，您不需要做任何事，"
    "这不是您的原因。\n\n如果有新的文件代替它，您可以在这里找到：\n{link}"
)
TEXT_EN = (
    "Hello {name},\n\n{lender} has taken back a document that we had asked you to sign. Nothing was "
    "signed and you need not do anything; it is not because of you.\n\nIf a new document takes its "
    "place, you find it here:\n{link}"
)


def add_template(apps, schema_editor):
    template, _created = apps.get_model("contacts", "MessageTemplate").objects.get_or_create(
        key="contract_withdrawn", channel="email", defaults={"message_class": "account"}
    )
    apps.get_model("contacts", "MessageTemplateVersion").objects.get_or_create(
        template=template,
        number=1,
        defaults={
            "subject_zh": "一份文件已收回",
            "subject_en": "We took back a document",
            "text_zh": TEXT_ZH,
            "text_en": TEXT_EN,
            "status": "published",
            "published_at": PUBLISHED_AT,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("contracts", "0011_index_last_days_to_sign")]
    # Published words are never taken away; without the code that sends them they do nothing.
    operations = [migrations.RunPython(add_template, migrations.RunPython.noop)]
