"""The portal's first words: each kind of message in Chinese and English.

Kind, short, dated, without blame; no amount and no word of debt in a subject or a text message.
The lender edits them as new versions, which a second person publishes.
"""

from datetime import UTC, datetime

from django.db import migrations

PUBLISHED_AT = datetime(2020, 1, 1, tzinfo=UTC)

# key: (class, subject zh, subject en, text zh, text en)
EMAILS = {
    "invitation": (
        "account",
        "{lender}：请开通您的账户",
        "{lender}: please open your account",
        "{name}，您好：\n\n{lender}为您准备了在线账户，您可以在那里查看约定、付款，也可以在有困难时与我们商量。\n\n请在{date}前通过此链接开通：\n{link}\n\n链接只能使用一次，请不要转发给他人。",
        "Hello {name},\n\n{lender} has set up an online account for you. There you can see your agreement, pay, and talk to us if something is difficult.\n\nPlease open it by {date} with this link:\n{link}\n\nThe link works once. Please do not pass it on.",
    ),
    "sign_in_code": (
        "account",
        "您的登录验证码",
        "Your sign-in code",
        "您的登录验证码是：\n\n{code}\n\n5分钟内有效。如果不是您本人在登录，请忽略这封邮件，没有验证码任何人都无法进入。我们的工作人员不会向您索要验证码。\n\n{lender}",
        "Your sign-in code is:\n\n{code}\n\nIt works for 5 minutes. If you are not signing in, ignore this e-mail: nobody gets in without the code. Our staff never ask for it.\n\n{lender}",
    ),
    "password_reset": (
        "account",
        "设置新密码",
        "Set a new password",
        "有人（应该是您本人）申请为您在{lender}的账户设置新密码。请打开此链接：\n{link}\n\n如果不是您本人，请忽略这封邮件，您的密码不会改变。",
        "Someone, most likely you, asked for a new password for your account at {lender}. Open this link to set it:\n{link}\n\nIf it was not you, ignore this e-mail: your password stays as it is.",
    ),
    "security_notice": (
        "account",
        "您的账户安全设置有变动",
        "Your account's security settings changed",
        "{date}，您在{lender}的账户安全设置（密码、通行密钥或双重验证）有变动。\n\n如果是您本人操作，无需处理。如果不是，请马上致电{phone}。",
        "On {date} the security settings of your account at {lender} changed: a password, a passkey or the second step.\n\nIf that was you, there is nothing to do. If not, please call {phone} at once.",
    ),
    "email_changed": (
        "account",
        "您的账户邮箱有变动",
        "The e-mail address of your account changed",
        "{date}，您在{lender}的账户所用邮箱有变动。\n\n如果是您本人操作，无需处理。如果不是，请马上致电{phone}。",
        "On {date} the e-mail address of your account at {lender} changed.\n\nIf that was you, there is nothing to do. If not, please call {phone} at once.",
    ),
    "signing_code": (
        "account",
        "您的签署验证码",
        "Your signing code",
        "您的签署验证码是：\n\n{code}\n\n5分钟内有效，只用于您正在阅读的这份文件。如果不是您本人在签署，请不要告诉任何人，并致电{phone}。\n\n{lender}",
        "Your signing code is:\n\n{code}\n\nIt works for 5 minutes and only for the document you are reading. If you are not signing, tell it to nobody and call {phone}.\n\n{lender}",
    ),
    "contract_to_sign": (
        "account",
        "有一份文件等您签署",
        "A document is ready for you to sign",
        "{name}，您好：\n\n{lender}有一份文件等您阅读和签署，大约需要几分钟：\n{link}\n\n签署前您可以慢慢看，也可以先问我们。",
        "Hello {name},\n\n{lender} has a document for you to read and sign. It takes a few minutes:\n{link}\n\nTake your time, and ask us anything before you sign.",
    ),
    "contract_completed": (
        "account",
        "您签署的文件已完成",
        "Your signed document is complete",
        "{name}，您好：\n\n您签署的文件已由{lender}盖章完成。您可以随时下载，也可以验证真伪：\n{link}",
        "Hello {name},\n\nThe document you signed is now sealed by {lender}. You can download it at any time, and anyone can check that it is genuine:\n{link}",
    ),
    "payment_received": (
        "account",
        "您的收据",
        "Your receipt",
        "{name}，您好：\n\n{lender}已收到您的付款，谢谢。收据和这笔款项的用途在这里：\n{link}",
        "Hello {name},\n\n{lender} has received your payment. Thank you. The receipt, and where the money went, is here:\n{link}",
    ),
    "payment_failed": (
        "account",
        "您的操作没有完成",
        "Something you started was not completed",
        "{name}，您好：\n\n您刚才的付款没有成功，{lender}没有收到款项。您可以再试一次，或换一种方式：\n{link}",
        "Hello {name},\n\nThe payment you started did not go through, and {lender} received nothing. You can try again, or pay another way:\n{link}",
    ),
    "plan_accepted": (
        "account",
        "您的方案有答复了",
        "There is an answer to your proposal",
        "{name}，您好：\n\n{lender}同意了您提出的分期方案。签署后它就会生效：\n{link}",
        "Hello {name},\n\n{lender} accepts the installment plan you proposed. It starts once you sign it:\n{link}",
    ),
    "plan_countered": (
        "account",
        "您的方案有答复了",
        "There is an answer to your proposal",
        "{name}，您好：\n\n对您提出的分期方案，{lender}有另一个建议。您可以对比两个方案，看看哪些地方不同：\n{link}",
        "Hello {name},\n\n{lender} has a different suggestion for your installment plan. You can compare the two and see what differs:\n{link}",
    ),
    "plan_declined": (
        "account",
        "您的方案有答复了",
        "There is an answer to your proposal",
        "{name}，您好：\n\n这一次{lender}没有办法接受您提出的分期方案。原因和其他办法在这里：\n{link}\n\n您也可以致电{phone}，我们一起想办法。",
        "Hello {name},\n\nThis time {lender} cannot accept the installment plan you proposed. The reason, and what else is possible, is here:\n{link}\n\nYou can also call {phone}, and we look for a way together.",
    ),
    "plan_referred": (
        "account",
        "我们收到了您的方案",
        "We have your proposal",
        "{name}，您好：\n\n{lender}的工作人员会亲自看您提出的分期方案，并给您答复。最迟的答复日期在这里：\n{link}",
        "Hello {name},\n\nA person at {lender} looks at the installment plan you proposed and answers you. The day of the answer, at the latest, is here:\n{link}",
    ),
    "help_received": (
        "account",
        "我们收到了您的来信",
        "We have your message",
        "{name}，您好：\n\n{lender}收到了您的来信，会有专人处理并给您答复。进展在这里：\n{link}",
        "Hello {name},\n\n{lender} has your message. A person takes care of it and answers you. You can follow it here:\n{link}",
    ),
    "reminder_before": (
        "due_notice",
        "来自{lender}的温馨提示",
        "A friendly note from {lender}",
        "{name}，您好：\n\n您的下一期款项将于{date}到期。金额和付款方式请登录查看：\n{link}\n\n如果这次有困难，可以在同一页面提出适合您的方案。\n\n{lender}",
        "Hello {name},\n\nYour next installment is due on {date}. Sign in to see the amount and to pay:\n{link}\n\nIf it is difficult this time, you can suggest a plan that fits you on the same page.\n\n{lender}",
    ),
    "reminder_due": (
        "due_notice",
        "来自{lender}的温馨提示",
        "A friendly note from {lender}",
        "{name}，您好：\n\n您有一期款项于{date}到期。金额和付款方式请登录查看：\n{link}\n\n如果已经付款，谢谢您，请忽略这封邮件。如果有困难，可以在同一页面提出适合您的方案。\n\n{lender}",
        "Hello {name},\n\nYou have an installment due on {date}. Sign in to see the amount and to pay:\n{link}\n\nIf you have paid, thank you, and please ignore this e-mail. If it is difficult, you can suggest a plan that fits you on the same page.\n\n{lender}",
    ),
    "reminder_late_1": (
        "reminder",
        "来自{lender}的温馨提示",
        "A friendly note from {lender}",
        "{name}，您好：\n\n{date}到期的一期款项我们还没有收到，可能只是忘了。金额和付款方式请登录查看：\n{link}\n\n如果已经付款，谢谢您，请忽略这封邮件。如果有困难，可以在同一页面提出适合您的方案。\n\n{lender}",
        "Hello {name},\n\nThe installment due on {date} has not reached us yet. It may simply have slipped your mind. Sign in to see the amount and to pay:\n{link}\n\nIf you have paid, thank you, and please ignore this e-mail. If it is difficult, you can suggest a plan that fits you on the same page.\n\n{lender}",
    ),
    "reminder_late_7": (
        "reminder",
        "来自{lender}的消息",
        "A message from {lender}",
        "{name}，您好：\n\n{date}到期的一期款项我们还没有收到。现在有几种办法：付清、付一部分，或者提出适合您的分期方案。每种办法的结果请登录查看：\n{link}\n\n如果已经付款，谢谢您，请忽略这封邮件。\n\n{lender}",
        "Hello {name},\n\nThe installment due on {date} has not reached us yet. You can pay it, pay a part, or suggest a plan that fits you. Sign in to see what each of them does:\n{link}\n\nIf you have paid, thank you, and please ignore this e-mail.\n\n{lender}",
    ),
    "reminder_late_15": (
        "reminder",
        "来自{lender}的消息",
        "A message from {lender}",
        "{name}，您好：\n\n{date}到期的一期款项我们还没有收到，我们想和您一起找到办法。接下来会发生什么、哪一天、怎样可以改变，请登录查看：\n{link}\n\n您也可以致电{phone}，直接和我们的工作人员商量。\n\n{lender}",
        "Hello {name},\n\nThe installment due on {date} has not reached us yet, and we would like to find a way with you. Sign in to see what happens next, on which day, and what changes it:\n{link}\n\nYou can also call {phone} and talk to one of us.\n\n{lender}",
    ),
}
CODE_ZH = "【{lender}】验证码{code}，5分钟内有效，请勿告诉他人。"
CODE_EN = "{lender}: your code is {code}. It works for 5 minutes. Tell it to nobody."
NOTE_ZH = "【{lender}】您的账户有一条新消息，请登录查看：{link} 退订：{stop_link}"
NOTE_EN = "{lender}: there is news in your account. Sign in to see it: {link} Stop texts: {stop_link}"
TEXT_MESSAGES = {
    "sign_in_code": ("account", CODE_ZH, CODE_EN),
    "signing_code": ("account", CODE_ZH, CODE_EN),
    "reminder_before": ("due_notice", NOTE_ZH, NOTE_EN),
    "reminder_due": ("due_notice", NOTE_ZH, NOTE_EN),
    "reminder_late_1": ("reminder", NOTE_ZH, NOTE_EN),
    "reminder_late_7": ("reminder", NOTE_ZH, NOTE_EN),
    "reminder_late_15": ("reminder", NOTE_ZH, NOTE_EN),
}


def add_templates(apps, schema_editor):
    for key, (message_class, subject_zh, subject_en, text_zh, text_en) in EMAILS.items():
        _add(apps, key, "email", message_class, subject_zh, subject_en, text_zh, text_en)
    for key, (message_class, text_zh, text_en) in TEXT_MESSAGES.items():
        _add(apps, key, "sms", message_class, "", "", text_zh, text_en)


def _add(apps, key, channel, message_class, subject_zh, subject_en, text_zh, text_en):
    template, _created = apps.get_model("contacts", "MessageTemplate").objects.get_or_create(
        key=key, channel=channel, defaults={"message_class": message_class}
    )
    apps.get_model("contacts", "MessageTemplateVersion").objects.get_or_create(
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


def remove_templates(apps, schema_editor):
    versions = apps.get_model("contacts", "MessageTemplateVersion").objects
    templates = apps.get_model("contacts", "MessageTemplate").objects
    versions.filter(number=1, author=None).delete()
    templates.filter(versions=None).delete()


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_seed_conduct_profiles")]
    operations = [migrations.RunPython(add_templates, remove_templates)]
