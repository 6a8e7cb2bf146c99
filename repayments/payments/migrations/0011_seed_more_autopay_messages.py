"""Two more things a borrower is told of automatic payment, in both languages.

That a charge was left out because they asked for it by telephone, and that their card's bank asks
for them every time, so that nothing goes round and round in silence.
"""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)

# key: (subject zh, subject en, text zh, text en)
EMAILS = {
    "autopay_left_out": (
        "{lender}：一次自动付款已按您的要求跳过",
        "{lender}: an automatic payment is left out, as you asked",
        "{name}，您好：\n\n按您的要求，{lender}不会进行原定于{date}的自动付款，不收取任何款项。到期的款项仍然到期，请您自行付款。接下来的扣款请看：\n{link}\n\n如果这不是您要求的，请致电{phone}。",
        "Hello {name},\n\nas you asked us to, {lender} does not make the automatic payment announced for {date}, and takes no money. What is due stays due: please pay it yourself. What is charged after it is here:\n{link}\n\nIf you did not ask for this, call {phone}.",
    ),
    "autopay_asks": (
        "{lender}：您的银行每次都要求您确认付款",
        "{lender}: your bank asks you to confirm each payment",
        "{name}，您好：\n\n您的银行连续两次要求您本人确认自动付款，所以{lender}这次也没有收取任何款项。看来这张卡不能自动扣款。\n\n这一次，请在这里付款并按银行的提示确认：\n{link}\n\n为了不再每次如此，您可以在“自动还款”页面换一张卡，或停止自动付款：之后我们在到期前提醒您，由您自行付款。",
        "Hello {name},\n\nyour bank has asked you twice in a row to confirm the automatic payment yourself, so {lender} has taken no money this time either. It seems that this card cannot be charged by itself.\n\nThis time please pay here and confirm as your bank asks:\n{link}\n\nSo that it does not go on like this, you can use another card on the page of automatic payment, or stop it there: then we remind you before each due date and you pay yourself.",
    ),
}


def add_templates(apps, schema_editor):
    templates = apps.get_model("contacts", "MessageTemplate").objects
    versions = apps.get_model("contacts", "MessageTemplateVersion").objects
    for key, (subject_zh, subject_en, text_zh, text_en) in EMAILS.items():
        template, _created = templates.get_or_create(
            key=key, channel="email", defaults={"message_class": "account"}
        )
        versions.get_or_create(
            template=template,
            number=1,
            defaults={
                "subject_zh": subject_zh,
                "subject_en": subject_en,
                "text_zh": text_zh,
                "text_en": text_en,
                "status": "published",
                "published_at": PUBLISHED_AT,
            },
        )


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0010_name_what_is_withdrawn_or_stopped_by_staff"),
        ("contacts", "0007_seed_help_answered"),
    ]
    # Published words are never taken away; without the code that sends them they do nothing.
    operations = [migrations.RunPython(add_templates, migrations.RunPython.noop)]
