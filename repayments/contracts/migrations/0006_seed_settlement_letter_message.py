"""The words that tell a borrower that the settlement letter is there, in both languages."""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)
TEXT_ZH = (
    "{name}，您好：\n\n{lender}已为您出具结清证明，文件盖有电子签章，您可以随时下载并妥善保存：\n"
    "{link}\n\n任何人都可以在我们的网站上查验它的真伪。感谢您按约还清。"
)
TEXT_EN = (
    "Hello {name},\n\n{lender} has issued your settlement letter. It bears our electronic seal; you "
    "can download it at any time. Please keep it:\n{link}\n\nAnyone can check on our site whether "
    "it is genuine. Thank you for paying as agreed."
)


def add_template(apps, schema_editor):
    template, _created = apps.get_model("contacts", "MessageTemplate").objects.get_or_create(
        key="settlement_letter", channel="email", defaults={"message_class": "account"}
    )
    apps.get_model("contacts", "MessageTemplateVersion").objects.get_or_create(
        template=template,
        number=1,
        defaults={
            "subject_zh": "您的证明文件已出具",
            "subject_en": "Your letter is ready",
            "text_zh": TEXT_ZH,
            "text_en": TEXT_EN,
            "status": "published",
            "published_at": PUBLISHED_AT,
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("contracts", "0005_let_loans_have_settlement_letters"),
        ("contacts", "0007_seed_help_answered"),
    ]
    # Published words are never taken away; without the code that sends them they do nothing.
    operations = [migrations.RunPython(add_template, migrations.RunPython.noop)]
