"""What the borrower agrees to before signing, box by box; the words are part of the record.

A change of words is a new version. Each consent is kept with its text, version and hash.
"""

import hashlib

CONSENT_VERSION = "2026-11-01"

COSTS = "costs"
READ = "read"
# The boxes of the page, in order. None is ticked beforehand, each is needed.
REQUIRED = ("electronic", "terms")

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        COSTS: "I have read what this costs: each item, the all-in cost a year, and what paying "
        "late costs.",
        "electronic": "I agree to sign and receive this document electronically. I can download it "
        "at any time, and I can ask for it on paper without a fee.",
        "terms": "I have read the document. I understand the amount, the cost and the dates, and I "
        "agree to them.",
    },
    "zh-hans": {
        COSTS: "我已阅读各项成本、综合融资成本（年化）以及逾期还款的费用。",
        "electronic": "我同意以电子方式签署和接收本文件。我可以随时下载，也可以免费索取纸质文本。",
        "terms": "我已阅读本文件，理解金额、成本和还款日期，并同意全部条款。",
    },
}


def text_of(key: str, locale: str) -> str:
    return TEXTS["zh-hans" if locale.startswith("zh") else "en"][key]


def text_sha256(key: str, locale: str) -> str:
    return hashlib.sha256(text_of(key, locale).encode()).hexdigest()


def all_texts_sha256(locale: str) -> str:
    """Hash the texts of all required boxes together, in order."""
    joined = "\n".join(text_of(key, locale) for key in REQUIRED)
    return hashlib.sha256(joined.encode()).hexdigest()
