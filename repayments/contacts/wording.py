"""What the words of a message must not say, and what they must: the check before publishing.

Phrases of CN-8 by class, in both languages; words of debt that a bystander must not see (subjects,
text messages); placeholders outside the allow-list. A list of phrases finds what is written in so
many words: the second person who publishes reads the rest.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from repayments.contacts.models import Channel, MessageTemplateVersion
from repayments.contacts.rendering import PLACEHOLDER, PLACEHOLDERS, can_be_stopped, names_in

# Class: phrases of CN-8. English ones are matched at word boundaries, without regard to case.
PHRASES: dict[str, tuple[str, ...]] = {
    "threat": (
        "后果自负", "坐牢", "拘留", "报警抓", "上门处理", "等着瞧", "不客气", "采取措施让你",
        "go to jail", "prison", "arrest", "you will regret", "face the consequences",
        "come to your home", "or else",
    ),
    "insult": (
        "老赖", "骗子", "无赖", "不要脸", "人渣", "没有信用的人",
        "deadbeat", "liar", "thief", "crook", "shameless", "disgrace",
    ),
    "blacklist": (
        "黑名单", "征信黑户", "终身禁止", "影响子女", "限制高消费",
        "blacklist", "black list", "blocklisted for life", "your children will",
    ),
    "legal_effect": (
        "刑事责任", "诈骗罪", "立即冻结", "强制执行", "一定会被起诉", "马上起诉",
        "criminal charge", "fraud charge", "freeze your account", "seize your",
        "we will sue", "you will be sued",
    ),
    "new_borrowing": (
        "借新还旧", "先去借", "向亲友借", "其他平台借", "再贷一笔",
        "borrow from", "take out another loan", "take another loan", "ask your family for money",
    ),
    "collection_fee": (
        "催收费", "外访费", "上门费", "收取催",
        "collection fee", "visit fee", "chasing fee",
    ),
    "public_posting": (
        "公示", "曝光", "通知单位", "通知家人", "通讯录", "朋友圈", "通报村委",
        "tell your employer", "tell your family", "your contacts", "make it public",
        "post your name", "publish your name",
    ),
    "impersonation": (
        "法院传票", "公安局", "派出所", "检察院", "人民法院",
        "court order", "police", "prosecutor", "law enforcement",
    ),
}  # fmt: skip
# Words that tell a bystander of a debt.
DEBT_WORDS = (
    "欠", "债", "逾期", "催", "还款", "应还", "贷款", "借款", "违约", "到期款",
    "debt", "owe", "owed", "overdue", "past due", "late", "loan", "repay", "repayment",
    "arrears", "collection", "default", "installment", "amount due",
)  # fmt: skip
AMOUNT = re.compile(r"[¥￥$€£]\s?\d|\d[\d,.]*\s?(?:元|yuan|CNY|USD)")
SMS_LONGEST = 300


@dataclass(frozen=True)
class Fault:
    """One thing to mend: the class of the fault, where it stands, the words in question."""

    kind: str
    place: str
    words: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.words}"


def find_phrases(text: str) -> list[tuple[str, str]]:
    """List the forbidden phrases of a text as (class, phrase) (CN-8)."""
    return [
        (kind, phrase)
        for kind, phrases in PHRASES.items()
        for phrase in phrases
        if _contains(text, phrase)
    ]


def find_faults(version: MessageTemplateVersion) -> list[Fault]:
    """List all that keeps a version from being published; none is a version fit to go out."""
    template = version.template
    faults = []
    fields = ["text_zh", "text_en"]
    if template.channel == Channel.EMAIL:
        fields += ["subject_zh", "subject_en"]
    for place in fields:
        text = getattr(version, place)
        if not text.strip():
            faults.append(Fault("empty", place, _("A text is missing.")))
        faults += [Fault(kind, place, phrase) for kind, phrase in find_phrases(text)]
        faults += _placeholder_faults(place, text)
        if place.startswith("subject") or template.channel in {Channel.SMS, Channel.PUSH}:
            faults += _privacy_faults(place, text)
        if place.startswith("text"):
            faults += _duty_faults(version, place, text)
    return faults


def _placeholder_faults(place: str, text: str) -> list[Fault]:
    unknown = names_in(text) - PLACEHOLDERS
    faults = [Fault("placeholder", place, f"{{{name}}}") for name in sorted(unknown)]
    rest = PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        faults.append(Fault("placeholder", place, _("A brace that is no plain name in braces.")))
    return faults


def _privacy_faults(place: str, text: str) -> list[Fault]:
    plain = PLACEHOLDER.sub("", text)
    faults = [Fault("debt_word", place, word) for word in DEBT_WORDS if _contains(plain, word)]
    if "{amount}" in text or AMOUNT.search(plain):
        faults.append(Fault("amount", place, _("An amount that others may see.")))
    return faults


def _duty_faults(version: MessageTemplateVersion, place: str, text: str) -> list[Fault]:
    faults = []
    if "{lender}" not in text:
        faults.append(Fault("identity", place, "{lender}"))
    if version.template.channel == Channel.SMS:
        if can_be_stopped(version.template) and "{stop_link}" not in text:
            faults.append(Fault("opt_out", place, "{stop_link}"))
        if len(text) > SMS_LONGEST:
            faults.append(Fault("length", place, str(len(text))))
    return faults


def _contains(text: str, phrase: str) -> bool:
    if phrase.isascii():
        return re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE) is not None
    return phrase in text
