"""Who approves a refund, and what a borrower is told of it, in both languages.

Every refund takes two people until the lender's staff set an amount. The messages name none: how
much it is stands behind the link, after sign-in.
"""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)
CURRENCIES = ("CNY", "USD")

# key: (subject zh, subject en, text zh, text en)
EMAILS = {
    "refund_sent": (
        "{lender}：有一笔款项退还给您",
        "{lender}: money is on its way to you",
        "{name}，您好：\n\n{lender}已于{date}把一笔款项退回您付款时使用的账户。到账通常需要5到10个工作日，取决于您的银行。金额和明细在这里：\n{link}\n\n如有疑问，请致电{phone}。",
        "Hello {name},\n\non {date} {lender} sent money back to the account you had paid from. It usually arrives within 5 to 10 working days; that depends on your bank. How much it is, and why, is here:\n{link}\n\nIf something looks wrong, call {phone}.",
    ),
    "refund_failed": (
        "{lender}：退款没有成功",
        "{lender}: we could not send you money",
        "{name}，您好：\n\n{lender}没能把一笔款项退给您，退款没有被接受。这笔钱没有丢失，仍记在您的账户上。我们的工作人员会与您联系；您也可以致电{phone}。明细在这里：\n{link}",
        "Hello {name},\n\n{lender} could not send money back to you: it was not accepted. The money is not lost, it counts on your account as before. One of us gets in touch with you; you can also call {phone}. The details are here:\n{link}",
    ),
    "refund_declined": (
        "{lender}：对您请求的答复",
        "{lender}: an answer to your request",
        "{name}，您好：\n\n您请{lender}退回多付的款项，我们这次没有退。这笔钱仍记在您的账户上。原因和明细在这里：\n{link}\n\n如果您不同意，请致电{phone}。",
        "Hello {name},\n\nyou asked {lender} to send back what you had paid over, and this time we did not. The money counts on your account as before. The reason and the details are here:\n{link}\n\nIf you do not agree, call {phone}.",
    ),
}


def add_policies(apps, schema_editor):
    policies = apps.get_model("payments", "RefundPolicy").objects
    for currency in CURRENCIES:
        policies.get_or_create(currency=currency, defaults={"approve_above": 0})


def remove_policies(apps, schema_editor):
    policies = apps.get_model("payments", "RefundPolicy").objects
    policies.filter(currency__in=CURRENCIES, approve_above=0).delete()


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
        ("payments", "0005_hold_back_unmatched_money"),
        ("contacts", "0007_seed_help_answered"),
    ]
    operations = [
        migrations.RunPython(add_policies, remove_policies),
        # Published words stay: the database refuses to let go of them.
        migrations.RunPython(add_templates, migrations.RunPython.noop),
    ]
