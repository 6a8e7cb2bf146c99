"""The words that remind a borrower of a document to sign, in both languages.

Not a word of what the document is about: mail is read by others too.
"""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)
TEXT_ZH = (
    "{name}，您好：\n\n{lender}给您的一份文件还没有签署。签署期限为 {until}（含当天）：\n{link}\n\n"
    "如果您不想签，在同一页面告诉我们即可，我们不会再提醒。有疑问请先问我们。"
)
TEXT_EN = (
    "Hello {name},\n\nA document from {lender} still waits for your signature. You can sign it up "
    "to and including {until}:\n{link}\n\nIf you do not want to sign, say so on the same page and "
    "we send no more reminders. If something is unclear, ask us first."
)


def add_template(apps, schema_editor):
    template, _created = apps.get_model("contacts", "MessageTemplate").objects.get_or_create(
        key="sign_reminder", channel="email", defaults={"message_class": "due_notice"}
    )
    apps.get_model("contacts", "MessageTemplateVersion").objects.get_or_create(
        template=template,
        number=1,
        defaults={
            "subject_zh": "有一份文件等您签署",
            "subject_en": "A document waits for your signature",
            "text_zh": TEXT_ZH,
            "text_en": TEXT_EN,
            "status": "published",
            "published_at": PUBLISHED_AT,
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("contracts", "0009_protect_daily_heads"),
        ("contacts", "0008_compare_all_of_published_words"),
    ]
    # Published words are never taken away; without the code that sends them they do nothing.
    operations = [migrations.RunPython(add_template, migrations.RunPython.noop)]
