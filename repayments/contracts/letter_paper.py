"""What a settlement letter says, in the borrower's language.

Its words are part of the paper and kept in code, as a contract's are: a letter that was made must
not change when a translator rewords a page. The module reads finished facts; it refuses to know
rows and clocks.
"""

from dataclasses import dataclass
from datetime import date

from repayments.contracts.documents import ReceiptData, drop_unprintable, labels_for
from repayments.contracts.paper import written_date
from repayments.money import format_money

WORDS: dict[str, dict[str, str]] = {
    "zh-hans": {
        "title": "结清证明",
        "subtitle": "贷款 {number}",
        "addressee": "借款人：{name}",
        "opening": "兹证明：上述借款人在{lender}的贷款{number}已于{settled}结清。",
        "owed": "截至{day}尚欠金额",
        "borrower": "借款人",
        "borrower_reference": "客户编号",
        "loan_number": "贷款编号",
        "principal": "借款金额",
        "disbursed": "放款日期",
        "settled": "结清日期",
        "nothing": (
            "截至{day}，该笔贷款的本金、利息、罚息和费用均已付清，借款人在该笔贷款项下不再欠付任何款项。"
        ),
        "if_back": (
            "若此后有还款被退回或被银行撤回，该笔贷款将恢复未结清状态，本证明随之作废；"
            "本证明是否有效，可随时按以下方式查验。"
        ),
        "check": (
            "查验方式：打开{address}，上传本文件或输入验证码{code}。本文件由出借人加盖电子签章"
            "并附可信时间戳，任何改动均可被发现。"
        ),
        "seal": "出借人电子签章",
        "seal_reference": "编号：{reference}",
        "contact": "如有疑问，请联系我们：{phone}，{email}。",
    },
    "en": {
        "title": "Settlement letter",
        "subtitle": "Loan {number}",
        "addressee": "Borrower: {name}",
        "opening": (
            "{lender} confirms that loan {number} of the borrower named above was paid off on "
            "{settled}."
        ),
        "owed": "Owed on {day}",
        "borrower": "Borrower",
        "borrower_reference": "Borrower number",
        "loan_number": "Loan number",
        "principal": "Amount borrowed",
        "disbursed": "Paid out on",
        "settled": "Paid off on",
        "nothing": (
            "As of {day}, all principal, interest, penalty interest and fees of this loan have "
            "been paid. The borrower owes nothing more on it."
        ),
        "if_back": (
            "If a payment is later refunded or taken back by a bank, the loan is open again and "
            "this letter becomes void. Whether it is in force can be checked at any time."
        ),
        "check": (
            "How to check: open {address} and choose this file, or enter the code {code}. The "
            "letter bears the lender's electronic seal and a time stamp; any change to it shows."
        ),
        "seal": "Sealed electronically by the lender",
        "seal_reference": "No. {reference}",
        "contact": "If anything here looks wrong, please tell us: {phone}, {email}.",
    },
}


@dataclass(frozen=True)
class SettlementFacts:
    """``principal`` in whole minor units; ``as_of`` is the lender's day nothing was owed on."""

    reference: str
    verify_code: str
    verify_address: str
    locale: str
    lender_name: str
    lender_phone: str
    lender_email: str
    borrower_name: str
    borrower_reference: str
    loan_number: str
    principal: int
    currency: str
    disbursed_on: date
    settled_on: date
    as_of: date


def build_letter(facts: SettlementFacts) -> ReceiptData:
    """Put the facts into words. A name loses what cannot be printed rather than its letter."""
    words = WORDS[facts.locale]

    def day(moment: date) -> str:
        # A day and its month are not torn apart at the end of a line; Chinese has no blank there.
        return written_date(moment.isoformat(), facts.locale).replace(" ", "\N{NO-BREAK SPACE}", 1)

    name, lender = drop_unprintable(facts.borrower_name), drop_unprintable(facts.lender_name)
    as_of = day(facts.as_of)
    lines = [
        (words["borrower"], name),
        (words["borrower_reference"], facts.borrower_reference),
        (words["loan_number"], facts.loan_number),
        (words["principal"], format_money(facts.principal, facts.currency, facts.locale)),
        (words["disbursed"], day(facts.disbursed_on)),
        (words["settled"], day(facts.settled_on)),
    ]
    return {
        "reference": facts.reference,
        "kind": "settlement",
        "locale": facts.locale,
        "title": words["title"],
        "subtitle": words["subtitle"].format(number=facts.loan_number),
        "lender": {"name": lender, "lines": []},
        "addressee": words["addressee"].format(name=name),
        "opening": [
            words["opening"].format(
                lender=lender, number=facts.loan_number, settled=day(facts.settled_on)
            )
        ],
        "total": {
            "label": words["owed"].format(day=as_of),
            "value": format_money(0, facts.currency, facts.locale),
        },
        "lines": [{"label": label, "value": value} for label, value in lines],
        "paragraphs": [
            words["nothing"].format(day=as_of),
            words["if_back"],
            words["check"].format(address=facts.verify_address, code=facts.verify_code),
            words["contact"].format(phone=facts.lender_phone, email=facts.lender_email),
        ],
        "dated": as_of,
        "labels": labels_for(facts.locale),
    }
