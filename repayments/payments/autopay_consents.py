"""What a borrower agrees to with automatic payment; the words are part of the mandate.

A change of words is a new version. A mandate keeps version, hash and language, and a copy of the
words is sent (US-21). Old versions stay, so that a mandate's words can always be shown.
"""

import hashlib

from django.utils.translation import get_language

CONSENT_VERSION = "2026-11-25"

_TEXTS: dict[str, dict[str, str]] = {
    "2026-11-25": {
        "en": (
            "I allow the lender to charge my saved card for what is due on this loan on each due "
            "date: the installment of that day, with fees and anything still unpaid from before. "
            "If a due date falls on a day without charges, the card is charged on the last day "
            "before it; if another payment of mine is still under way, up to 3 days after it. "
            "Before each charge I get an e-mail with the day and the amount. I am never charged "
            "more than that amount, and less if I have paid a part myself. If a charge does not "
            "go through, it may be tried again on the days I am told. I can skip a charge or stop "
            "automatic payment at any time on this page or by telephone; up to 3 working days "
            "before a charge this is sure to take effect. My loan does not depend on this."
        ),
        "zh-hans": (
            "我同意贷款机构在每个还款日从我保存的银行卡扣取本笔借款当日应还的款项："
            "当期应还款，以及费用和之前尚未还清的部分。如果还款日是不扣款的日子，则在之前最近"
            "的可扣款日扣款；如果我的另一笔付款仍在处理中，最多推迟3天扣款。每次扣款前，我会收到"
            "一封写明日期和金额的邮件。扣款不会超过该金额；如果我已自行支付一部分，则只扣剩余部分。"
            "扣款未成功时，可能会在通知我的日期再次尝试。我可以随时在本页面或通过电话跳过某次扣款"
            "或停止自动还款；在扣款前3个工作日提出，一定会生效。我的借款不以此为条件。"
        ),
    }
}


def consent_language() -> str:
    """The language of the page, as consents know it: "zh-hans" or "en"."""
    return "zh-hans" if (get_language() or "").startswith("zh") else "en"


def text_of(language: str, version: str = CONSENT_VERSION) -> str:
    """Give the words of a version. Raises: KeyError for one that never was."""
    return _TEXTS[version]["zh-hans" if language.startswith("zh") else "en"]


def text_sha256(language: str, version: str = CONSENT_VERSION) -> str:
    return hashlib.sha256(text_of(language, version).encode()).hexdigest()
