"""What a borrower is told of automatic payment, in both languages.

The notice names day and amount, for that is what the law asks of it (US-21); no subject does.
"""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)

# key: (class, subject zh, subject en, text zh, text en)
EMAILS = {
    "autopay_started": (
        "account",
        "{lender}：您的自动付款已开通",
        "{lender}: automatic payment is set up",
        "{name}，您好：\n\n{lender}已为您开通自动付款。以下是您同意的内容，请留存：\n\n{document}\n\n您可以随时在这里查看接下来的扣款、跳过某一次，或停止自动付款：\n{link}",
        "Hello {name},\n\n{lender} has set up automatic payment for you. This is what you agreed to; please keep it:\n\n{document}\n\nYou can see the next charges, skip one, or stop automatic payment at any time here:\n{link}",
    ),
    "autopay_notice": (
        "statutory",
        "{lender}：自动付款预先通知",
        "{lender}: notice of your next automatic payment",
        "{name}，您好：\n\n{lender}将于{date}从您保存的银行卡扣款{amount}。扣款不会超过这个金额；如果您在此之前自行支付了一部分，扣款会相应减少。\n\n如果这一次不想扣款，或想停止自动付款，请打开：\n{link}\n\n最好在扣款前3个工作日告诉我们。",
        "Hello {name},\n\non {date} {lender} charges your saved card {amount}. It is never more than that, and less if you pay a part yourself before.\n\nTo skip this charge or to stop automatic payment, open:\n{link}\n\nPlease do so at least 3 working days before.",
    ),
    "autopay_retry": (
        "account",
        "{lender}：自动付款没有成功",
        "{lender}: an automatic payment did not go through",
        "{name}，您好：\n\n{lender}没能从您保存的银行卡扣款，没有收取任何款项。我们会在{date}再试一次，金额不变。您也可以现在自行支付，这样就不会再扣：\n{link}",
        "Hello {name},\n\n{lender} could not charge your saved card, and no money was taken. We try again on {date}, for the same amount. You can also pay now yourself; then nothing more is charged:\n{link}",
    ),
    "autopay_confirm": (
        "account",
        "{lender}：请确认一笔付款",
        "{lender}: please confirm a payment",
        "{name}，您好：\n\n您的银行要求您本人确认自动付款，所以{lender}这次没有收取任何款项，也不会自行再试。请在这里付款并按银行的提示确认：\n{link}",
        "Hello {name},\n\nyour bank asks you to confirm the automatic payment yourself. {lender} has taken no money and does not try again by itself. Please pay here and confirm as your bank asks:\n{link}",
    ),
    "autopay_ended": (
        "account",
        "{lender}：自动付款已停止",
        "{lender}: automatic payment has ended",
        "{name}，您好：\n\n{lender}为您设置的自动付款已停止。{reason}今后请自行付款；您也可以重新开通：\n{link}\n\n如有疑问，请致电{phone}。",
        "Hello {name},\n\nthe automatic payment that {lender} had set up for you has ended. {reason} From now on please pay yourself; you can also set it up again:\n{link}\n\nIf something looks wrong, call {phone}.",
    ),
    "autopay_not_taken": (
        "account",
        "{lender}：一笔自动付款没有进行",
        "{lender}: an automatic payment was not made",
        "{name}，您好：\n\n{lender}没有进行通知您的{date}的自动付款，没有收取任何款项。原因和接下来可以怎么做，请看：\n{link}\n\n如有疑问，请致电{phone}。",
        "Hello {name},\n\n{lender} did not make the automatic payment announced for {date}, and no money was taken. Why, and what you can do now, is here:\n{link}\n\nIf something looks wrong, call {phone}.",
    ),
}


def add_templates(apps, schema_editor):
    templates = apps.get_model("contacts", "MessageTemplate").objects
    versions = apps.get_model("contacts", "MessageTemplateVersion").objects
    for key, (message_class, subject_zh, subject_en, text_zh, text_en) in EMAILS.items():
        template, _created = templates.get_or_create(
            key=key, channel="email", defaults={"message_class": message_class}
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
        ("payments", "0006_seed_refund_policies_and_messages"),
        ("contacts", "0007_seed_help_answered"),
    ]
    # Published words are never taken away; without the code that sends them they do nothing.
    operations = [migrations.RunPython(add_templates, migrations.RunPython.noop)]
