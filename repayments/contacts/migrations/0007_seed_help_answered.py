"""The words that tell a borrower of a person's answer; the answer itself stays in the portal."""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)
TEXT_ZH = (
    "{name}，您好：\n\n{lender}的工作人员答复了您的来信。请登录查看：\n{link}\n\n"
    "如果您还有问题，可以在同一页面再写给我们。"
)
TEXT_EN = (
    "Hello {name},\n\nA person at {lender} has answered your message. Sign in to read the answer:\n"
    "{link}\n\nIf something is still open, you can write to us again on the same page."
)


def add_template(apps, schema_editor):
    template, _created = apps.get_model("contacts", "MessageTemplate").objects.get_or_create(
        key="help_answered", channel="email", defaults={"message_class": "account"}
    )
    apps.get_model("contacts", "MessageTemplateVersion").objects.get_or_create(
        template=template,
        number=1,
        defaults={
            "subject_zh": "我们答复了您的来信",
            "subject_en": "An answer to your message",
            "text_zh": TEXT_ZH,
            "text_en": TEXT_EN,
            "status": "published",
            "published_at": PUBLISHED_AT,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("contacts", "0006_index_secrets_to_wipe")]
    # Published words are never taken away; without the code that sends them they do nothing.
    operations = [migrations.RunPython(add_template, migrations.RunPython.noop)]
