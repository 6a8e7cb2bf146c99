"""The first loan contract and plan agreement, published in both languages under one number.

A change of words is a new number, never an edit of these rows. Seeds have neither author nor
approver: they came with the product.
"""

import hashlib
import json
from datetime import UTC, datetime

from django.db import migrations

from repayments.contracts.documents import ENGINE_VERSION, font_set_sha256

PUBLISHED_AT = datetime(2026, 11, 1, tzinfo=UTC)


def clause(heading, *paragraphs):
    return {"heading": heading, "paragraphs": list(paragraphs)}


CONTACT_EN = clause(
    "How we contact you",
    "We contact you about this loan through this portal, by e-mail, text message, phone or letter, "
    "and never between 22:00 and 8:00 (Beijing time) unless you agreed to it. You can change the "
    "times and means in your account.",
    "We say who we are, we do not threaten or insult, and we do not speak about your debt with "
    "others. If an agency works for us, we tell you its name, and the same rules bind it.",
)
CONTACT_ZH = clause(
    "联系方式与文明催收",
    "出借人通过本平台、电子邮件、短信、电话或信函就本合同与借款人联系，未经借款人同意，"
    "不在每日22:00至次日8:00（北京时间）之间联系。借款人可在账户中调整联系时间和方式。",
    "出借人联系借款人时表明身份，不威胁、不侮辱，不向无关第三人透露债务。"
    "委托第三方机构的，出借人告知机构名称，该机构遵守同样的规则。",
)
DISPUTE_EN = clause(
    "Questions, complaints and disputes",
    "If you think something is wrong, tell us in the portal under Help, or at {complaint_contact}. "
    "We answer a complaint within 15 days; a complex one may take 30. While a disputed amount is "
    "being looked into, we do not press you for it.",
    "This agreement is under the laws of the People's Republic of China. If we cannot agree, either "
    "side may go to the people's court that has jurisdiction by law. You may also turn to the "
    "authority that supervises us.",
)
DISPUTE_ZH = clause(
    "咨询、投诉与争议解决",
    "借款人认为有误的，可在平台“帮助”页面或通过{complaint_contact}提出。投诉自收到之日起15日内答复，"
    "情况复杂的可在30日内答复。争议金额核查期间，出借人不就该金额催收。",
    "本合同适用中华人民共和国法律。协商不成的，任何一方可向依法有管辖权的人民法院提起诉讼，"
    "借款人也可向监管部门反映。",
)
DATA_EN = clause(
    "Your personal data",
    "We use your data to make, keep and prove this contract, to work out what is due, to reach you, "
    "and where the law asks for it. Who helps us with this (payment, messages, an agency) gets only "
    "what the task needs, under contract.",
    "You may see, correct and copy your data, and ask us to delete what we no longer need. Signed "
    "contracts are kept at least five years after the loan has ended.",
)
DATA_ZH = clause(
    "个人信息保护",
    "出借人处理借款人的个人信息，用于订立、履行和证明本合同，计算应还款项，与借款人联系，"
    "以及履行法定义务。受托方（支付、短信、催收机构等）仅按合同取得完成任务所需的信息。",
    "借款人有权查阅、更正、复制其个人信息，并要求删除不再需要的信息。"
    "已签署的合同在借款结清后至少保存五年。",
)
SIGNING_EN = clause(
    "Signing electronically",
    "Both sides agree to sign electronically, and agree that this is a reliable method between "
    "them: you sign in, read the document, enter a code that we send to your address on record and "
    "that works for this very document only, and write your name. Our seal and a time stamp are "
    "then added to the file. Both sides treat such a signature as one by hand or seal.",
    "You may ask for the contract on paper, without a fee.",
)
SIGNING_ZH = clause(
    "电子签名",
    "双方约定以电子方式签署本合同，并约定以下方式为双方认可的可靠签署方式：借款人登录平台，阅读合同，"
    "输入发送至其留存地址且仅对本文件有效的验证码，并签写姓名；其后出借人对文件加盖电子签章并附时间戳。"
    "双方认可该签名与手写签名或者盖章具有同等效力。",
    "借款人可免费索取本合同的纸质文本。",
)
COPIES_EN = clause(
    "Language, copies and changes",
    "This contract exists in Chinese and English. If they differ, the Chinese text decides. Each "
    "side keeps the sealed PDF; it is the original. You can download yours in the portal at any "
    "time, and anyone can check it at {portal_address}.",
    "A change needs the agreement of both sides in the same form. It is a new document; this one "
    "stays as it is.",
)
COPIES_ZH = clause(
    "语言、文本与变更",
    "本合同有中文和英文文本，两种文本不一致的，以中文文本为准。双方各自保存加盖电子签章的PDF文件，"
    "该文件即为原件。借款人可随时在平台下载，任何人均可在 {portal_address} 核验。",
    "变更本合同须经双方以同样形式达成一致，并另行制作文件，本文件保持不变。",
)

LOAN_EN = [
    clause(
        "This contract",
        "“We” are {lender_name}, the lender. “You” are {borrower_name}, borrower number "
        "{borrower_reference}. This is contract {contract_reference} on loan {loan_number}. The key "
        "terms, the cost table and the schedule are part of it.",
    ),
    clause(
        "The loan",
        "We lend you {amount}. It is paid out on {disbursed_on} to the account you named when you "
        "applied, in full: nothing is taken off beforehand.",
        "You use the loan for the purpose you named, and not for anything the law forbids.",
    ),
    clause(
        "Interest and costs",
        "{interest_basis} Interest runs from the day the money is paid out. Over the whole term it "
        "comes to {total_interest}, if every payment is made on its day.",
        "The all-in cost of the loan is {annual_cost} a year. The cost table lists each item. There "
        "are no other charges.",
    ),
    clause(
        "What you pay and when",
        "{payments_in_words}. In all you pay {total_due}. The schedule shows each payment and its "
        "parts.",
        "You pay in the portal or by any means we both agree on. A payment counts on the day it "
        "reaches us. We give a receipt for each.",
    ),
    clause(
        "How payments are used",
        "{allocation_order} You and we agree on this order, as Article 561 of the Civil Code "
        "allows.",
        "What you pay beyond what is due stays yours and is used for the next installment, unless "
        "you ask us to repay principal with it.",
    ),
    clause(
        "Paying early",
        "You may repay all or part of the loan early, at any time and without a fee. You then pay "
        "interest only up to that day. The portal shows what settles the loan on a given day.",
    ),
    clause(
        "If you pay late",
        "{late_terms}",
        "If a payment is late we remind you, and we look for a way together, for example an "
        "installment plan. If payments of three months are open and no plan is agreed, we may ask "
        "for the whole loan back. We tell you in writing at least 15 days before.",
    ),
    CONTACT_EN,
    clause(
        "If you are in difficulty",
        "If you cannot pay, because of illness, lost work, disaster or another serious reason, tell "
        "us as early as you can. You can propose a plan in the portal at any time. We answer every "
        "request, and while we look at it we do not pass your case to others.",
    ),
    DISPUTE_EN,
    DATA_EN,
    SIGNING_EN,
    COPIES_EN,
]
LOAN_ZH = [
    clause(
        "合同主体",
        "出借人：{lender_name}。借款人：{borrower_name}（借款人编号{borrower_reference}）。"
        "本合同编号{contract_reference}，对应借款编号{loan_number}。主要条款、综合融资成本明示表和"
        "还款计划表是本合同的组成部分。",
    ),
    clause(
        "借款",
        "出借人向借款人出借{amount}，于{disbursed_on}足额划入借款人申请时指定的账户，不预先扣除任何费用。",
        "借款人按申请的用途使用借款，不得用于法律禁止的用途。",
    ),
    clause(
        "利息与费用",
        "{interest_basis}利息自放款之日起计算。全部按期还款的，利息合计{total_interest}。",
        "本借款的综合融资成本（年化）为{annual_cost}，各项成本见综合融资成本明示表，"
        "除此之外不再收取其他任何费用。",
    ),
    clause(
        "还款",
        "{payments_in_words}。还款总额{total_due}。每期还款及其构成见还款计划表。",
        "借款人通过平台或者双方约定的其他方式还款，款项到达出借人之日为还款日。每笔还款均出具收据。",
    ),
    clause(
        "还款抵充顺序",
        "{allocation_order}双方依据《民法典》第五百六十一条作出上述约定。",
        "超出到期应还金额的部分仍归借款人所有，用于下一期还款；借款人要求的，用于提前归还本金。",
    ),
    clause(
        "提前还款",
        "借款人可随时提前归还部分或全部借款，无需支付任何费用，利息只计算至还款之日。"
        "平台可查看指定日期的结清金额。",
    ),
    clause(
        "逾期还款",
        "{late_terms}",
        "发生逾期的，出借人予以提醒，并与借款人协商解决办法，例如分期还款计划。"
        "累计三个月的款项未还且未达成计划的，出借人可要求提前归还全部借款，但应至少提前15日书面通知借款人。",
    ),
    CONTACT_ZH,
    clause(
        "还款困难",
        "借款人因疾病、失业、灾害或其他重大原因无法还款的，请尽早告知出借人。"
        "借款人可随时在平台提出分期还款计划。出借人对每项申请均予答复，处理期间不将案件转交他人。",
    ),
    DISPUTE_ZH,
    DATA_ZH,
    SIGNING_ZH,
    COPIES_ZH,
]
PLAN_EN = [
    clause(
        "This agreement",
        "“We” are {lender_name}, the lender. “You” are {borrower_name}, borrower number "
        "{borrower_reference}. This is plan agreement {contract_reference} on loan {loan_number}. "
        "It changes when you pay. What it does not mention stays as your loan contract says.",
    ),
    clause(
        "What the plan covers",
        "The plan covers the whole of what you owe on this loan: {amount} of principal, "
        "{total_interest} of interest, and {total_fees} of fees and penalty interest that are "
        "already due.",
    ),
    clause(
        "What you pay and when",
        "{payments_in_words}. In all you pay {total_due}. The schedule shows each payment and its "
        "parts. Once you have signed, it takes the place of the earlier schedule.",
    ),
    clause(
        "Interest and costs",
        "{interest_basis} The all-in cost of the plan is {annual_cost} a year. The cost table lists "
        "each item. The plan itself costs no fee, and there are no other charges.",
    ),
    clause(
        "How payments are used",
        "{allocation_order} You and we agree on this order, as Article 561 of the Civil Code "
        "allows.",
    ),
    clause(
        "Paying early",
        "You may repay all or part early, at any time and without a fee. You then pay interest only "
        "up to that day.",
    ),
    clause(
        "While you keep the plan",
        "As long as you keep the plan we do not press you for this debt, we do not pass it to an "
        "agency, and we do not go to court over it. We only tell you before a payment falls due.",
    ),
    clause(
        "If you pay late",
        "{late_terms}",
        "If a payment is more than {break_grace_days} days late, the plan may end. We tell you "
        "before it does. What you paid stays paid; what is left is then due as the schedule says. "
        "You can propose another plan.",
    ),
    CONTACT_EN,
    clause(
        "If you are in difficulty",
        "If you cannot keep the plan, tell us as early as you can, best before the payment is due. "
        "We look for a way together. We answer every request.",
    ),
    DISPUTE_EN,
    DATA_EN,
    SIGNING_EN,
    COPIES_EN,
]
PLAN_ZH = [
    clause(
        "协议主体",
        "出借人：{lender_name}。借款人：{borrower_name}（借款人编号{borrower_reference}）。"
        "本分期还款协议编号{contract_reference}，对应借款编号{loan_number}，变更还款时间安排；"
        "本协议未提及的事项，仍按原借款合同执行。",
    ),
    clause(
        "计划涵盖的款项",
        "本计划涵盖借款人在该笔借款下的全部欠款：本金{amount}，利息{total_interest}，"
        "以及已产生的费用和罚息{total_fees}。",
    ),
    clause(
        "还款",
        "{payments_in_words}。还款总额{total_due}。每期还款及其构成见还款计划表。"
        "借款人签署后，本计划表取代此前的还款计划表。",
    ),
    clause(
        "利息与费用",
        "{interest_basis}本计划的综合融资成本（年化）为{annual_cost}，各项成本见明示表。"
        "办理本计划不收取费用，除明示的成本外不再收取其他任何费用。",
    ),
    clause(
        "还款抵充顺序",
        "{allocation_order}双方依据《民法典》第五百六十一条作出上述约定。",
    ),
    clause(
        "提前还款",
        "借款人可随时提前归还部分或全部欠款，无需支付任何费用，利息只计算至还款之日。",
    ),
    clause(
        "履行计划期间",
        "借款人按计划还款期间，出借人不催收该笔欠款，不委托第三方机构，不就此提起诉讼，仅在还款日前发送通知。",
    ),
    clause(
        "逾期还款",
        "{late_terms}",
        "任何一期逾期超过{break_grace_days}日的，本计划可能终止，出借人事先告知借款人。"
        "已还款项继续有效，未还款项按还款计划表到期。借款人可重新提出计划。",
    ),
    CONTACT_ZH,
    clause(
        "还款困难",
        "借款人无法按计划还款的，请尽早告知出借人，最好在还款日之前。双方协商解决办法，"
        "出借人对每项申请均予答复。",
    ),
    DISPUTE_ZH,
    DATA_ZH,
    SIGNING_ZH,
    COPIES_ZH,
]
TEMPLATES = [
    ("loan_contract", "loan", "en", "Loan contract", LOAN_EN),
    ("loan_contract", "loan", "zh-hans", "借款合同", LOAN_ZH),
    ("plan_agreement", "plan", "en", "Installment plan agreement", PLAN_EN),
    ("plan_agreement", "plan", "zh-hans", "分期还款协议", PLAN_ZH),
]


def add_templates(apps, schema_editor):
    templates = apps.get_model("contracts", "ContractTemplate").objects
    versions = apps.get_model("contracts", "TemplateVersion").objects
    # What the words looked like is part of what was published; later versions note their own.
    fonts = font_set_sha256()
    for key, kind, locale, title, body in TEMPLATES:
        template, _created = templates.get_or_create(key=key, defaults={"kind": kind})
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        versions.get_or_create(
            template=template,
            number=1,
            locale=locale,
            defaults={
                "title": title,
                "body": body,
                "body_sha256": hashlib.sha256(text.encode()).hexdigest(),
                "font_set_sha256": fonts,
                "engine_version": ENGINE_VERSION,
                "governing_language": "zh-hans",
                "status": "published",
                "published_at": PUBLISHED_AT,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("contracts", "0003_protect_published_templates")]
    # Published words stay; taking the tables away takes them along.
    operations = [migrations.RunPython(add_templates, migrations.RunPython.noop)]
