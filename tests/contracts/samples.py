"""Documents as they come in practice, in both languages, and how they are sealed."""

import copy
import hashlib
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from repayments.contracts import sealing, verification
from repayments.contracts.documents import (
    ClauseText,
    ContractData,
    ReceiptData,
    fill_clauses,
    labels_for,
)

NOW = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)


@dataclass(frozen=True)
class SealedContract:
    frozen: bytes
    borrower: sealing.Sealed
    final: sealing.Sealed
    expected: verification.Expected


def run_tool(*command: str, cwd: Path) -> str:
    """Run a program that must succeed; return what it printed."""
    return subprocess.run(  # noqa: S603 - fixed commands of these tests
        command, cwd=cwd, capture_output=True, check=True
    ).stdout.decode()


def contract_data(locale: str = "en", *, rows: int = 12, **changes: Any) -> ContractData:
    """Return a loan contract with ``rows`` installments; keywords replace whole entries."""
    data = copy.deepcopy(_zh(rows) if locale.startswith("zh") else _en(rows))
    data.update(changes)  # type: ignore[typeddict-item]
    return data


def with_borrower(name: str, locale: str = "en", *, rows: int = 12) -> ContractData:
    data = contract_data(locale, rows=rows)
    data["borrower"]["name"] = name
    return data


def receipt_data(locale: str = "en") -> ReceiptData:
    zh = locale.startswith("zh")
    return {
        "reference": "R-2026-000318",
        "kind": "receipt",
        "locale": locale,
        "title": "还款收据" if zh else "Payment receipt",
        "lender": {"name": "晴川小额贷款有限公司" if zh else "Qingchuan Credit", "lines": []},
        "addressee": "尊敬的王镕：" if zh else "Dear Wang Rong,",
        "opening": [
            "我们已收到您的还款，感谢您。" if zh else "Your payment has arrived. Thank you."
        ],
        "total": {"label": "收到金额" if zh else "Amount received", "value": "¥8,884.88"},
        "lines": [
            {"label": "收款时间" if zh else "Received", "value": "2026-12-01 09:30 (UTC+8)"},
            {"label": "本金" if zh else "Principal", "value": "¥7,884.88"},
            {"label": "利息" if zh else "Interest", "value": "¥1,000.00"},
        ],
        "paragraphs": [
            "如对本收据有疑问，请随时联系我们。"
            if zh
            else "If anything here looks wrong, please write to us. We will look into it."
        ],
        "dated": "2026年12月1日" if zh else "December 1, 2026",
        "labels": labels_for(locale),
    }


def seal(
    frozen: bytes, kit: sealing.SealingKit, name: str = "王镕", *, image: bytes = b""
) -> SealedContract:
    borrower = sealing.seal_as_borrower(
        sealing.add_signature_fields(frozen),
        kit=kit,
        appearance=sealing.Appearance(
            name, "电子签名", ["2026-12-01 09:30:00 (UTC+8)"], image=image
        ),
        now=NOW,
    )
    final = sealing.seal_as_lender(
        borrower.pdf,
        kit=kit,
        appearance=sealing.Appearance("晴川小额贷款有限公司", "电子签章", ["2026-12-01 (UTC+8)"]),
        now=NOW,
    )
    expected = verification.Expected(
        signatures=(
            verification.ExpectedSignature(sealing.BORROWER_FIELD, borrower.cert_fingerprint),
            verification.ExpectedSignature(sealing.LENDER_FIELD, final.cert_fingerprint),
        ),
        frozen_sha256=hashlib.sha256(frozen).hexdigest(),
        frozen_size=len(frozen),
        reference="L-2026-000042",
    )
    return SealedContract(frozen, borrower, final, expected)


def _rows(count: int) -> list[list[str]]:
    return [
        [
            str(i + 1),
            f"{2027 + i // 12}-{i % 12 + 1:02d}-05",
            f"{7_884.88 + i:,.2f}",
            f"{1_000 - i:,.2f}",
            "8,884.88",
        ]
        for i in range(count)
    ]


def _en(rows: int) -> ContractData:
    values = {
        "borrower_name": "Wang Rong",
        "lender_name": "Qingchuan Credit",
        "amount": "¥100,000.00",
    }
    body: list[ClauseText] = [
        {
            "heading": "The loan",
            "paragraphs": [
                "{lender_name} lends {borrower_name} {amount}. The money is paid to the bank "
                "account the borrower named when applying.",
                "Interest is charged on the principal still in use, from the day the money "
                "arrives.",
            ],
        },
        {
            "heading": "Repayment",
            "paragraphs": [
                "The borrower repays in the installments of the schedule below. The borrower may "
                "repay early, in part or in full, at any time and without a fee."
            ],
        },
        {
            "heading": "If a payment is late",
            "paragraphs": [
                "Penalty interest is charged on the overdue principal only, for each day it is "
                "overdue. The lender tells the borrower before any further step."
            ],
        },
        {
            "heading": "Electronic signature",
            "paragraphs": [
                "Both sides agree to sign electronically: the borrower by a code or password asked "
                "for at signing, the lender by its electronic seal. Both treat such a signature as "
                "they would a signature by hand."
            ],
        },
    ]
    return {
        "reference": "L-2026-000042",
        "kind": "loan",
        "locale": "en",
        "title": "Loan contract",
        "subtitle": "Personal installment loan",
        "governing_language": "zh-hans",
        "lender": {
            "name": "Qingchuan Credit",
            "lines": [
                {"label": "Credit code", "value": "91330100MA2EXAMPLE"},
                {"label": "Address", "value": "88 Riverside Road, Hangzhou"},
            ],
        },
        "borrower": {
            "name": "Wang Rong",
            "reference": "B-000017",
            "lines": [
                {"label": "Identity card", "value": "3301**********0012"},
                {"label": "Borrower number", "value": "B-000017"},
            ],
        },
        "key_terms": [
            {"label": "Amount of the loan", "value": "¥100,000.00"},
            {"label": "Annual interest rate", "value": "12.00 % (simple, on the principal in use)"},
            {"label": "Term", "value": f"{rows} months, January 5, 2027 to December 5, 2027"},
            {"label": "Monthly payment", "value": "¥8,884.88"},
            {"label": "You repay in all", "value": "¥106,618.56"},
        ],
        "cost_table": {
            "title": "All-in cost of the loan",
            "principal": {"label": "Principal", "value": "¥100,000.00"},
            "items": [
                {
                    "item": "Interest",
                    "method": "Monthly, on the principal in use",
                    "rate": "12.00 % a year",
                    "collector": "Qingchuan Credit",
                },
                {
                    "item": "Service fee",
                    "method": "Not charged",
                    "rate": "0",
                    "collector": "Qingchuan Credit",
                },
            ],
            "all_in_cost": {"label": "Annualized all-in cost", "value": "12.00 %"},
            "basis": "Internal rate of return, monthly × 12, all payments made on time.",
            "default_costs": [
                {
                    "item": "Penalty interest",
                    "method": "Daily, on overdue principal",
                    "rate": "18.00 % a year",
                    "collector": "Qingchuan Credit",
                }
            ],
            "no_other_charges": "There are no other charges.",
        },
        "clauses": fill_clauses(body, values, values, locale="en"),
        "schedule": {
            "title": "Schedule of payments",
            "columns": ["No.", "Due date", "Principal (¥)", "Interest (¥)", "Payment (¥)"],
            "align": ["left", "left", "right", "right", "right"],
            "rows": _rows(rows),
            "total": ["", "Total", "100,000.00", "6,618.56", "106,618.56"],
            "note": "Dates are calendar days in China (UTC+8).",
        },
        "signature_block": {
            "intro": "By signing, each side agrees to the whole of this contract.",
            "facts": [
                {"label": "Contract", "value": "L-2026-000042"},
                {"label": "Amount of the loan", "value": "¥100,000.00"},
            ],
            "notes": [
                "Signature level: electronic signature by a method both sides agreed on.",
                "Anyone can check this file at portal.example/verify with the code 7K4M-Q2XD.",
            ],
        },
        "labels": labels_for("en"),
    }


def _zh(rows: int) -> ContractData:
    values = {
        "borrower_name": "王镕",
        "lender_name": "晴川小额贷款有限公司",
        "amount": "¥100,000.00",
    }
    body: list[ClauseText] = [
        {
            "heading": "借款",
            "paragraphs": [
                "{lender_name}（出借人）向{borrower_name}（借款人）出借人民币{amount}，"
                "款项划入借款人申请时指定的银行账户。",
                "利息自款项到账之日起，按实际使用的剩余本金计算。",
            ],
        },
        {
            "heading": "还款",
            "paragraphs": [
                "借款人按下列还款计划还款。借款人可随时提前归还部分或全部借款，无需支付费用。"
            ],
        },
        {
            "heading": "逾期",
            "paragraphs": [
                "逾期期间，仅就逾期本金按日计收罚息。采取进一步措施之前，出借人应先告知借款人。"
            ],
        },
        {
            "heading": "电子签名",
            "paragraphs": [
                "双方约定以电子方式签署：借款人以签署时输入的验证码或密码签名，出借人以电子签章签署。"
                "双方认可该签名与手写签名或者盖章具有同等效力。"
            ],
        },
    ]
    lender = "晴川小额贷款有限公司"
    return {
        "reference": "L-2026-000042",
        "kind": "loan",
        "locale": "zh-hans",
        "title": "个人借款合同",
        "subtitle": "分期还款",
        "governing_language": "zh-hans",
        "lender": {
            "name": lender,
            "lines": [
                {"label": "统一社会信用代码", "value": "91330100MA2EXAMPLE"},
                {"label": "地址", "value": "杭州市滨江路88号"},
            ],
        },
        "borrower": {
            "name": "王镕",
            "reference": "B-000017",
            "lines": [
                {"label": "身份证号", "value": "3301**********0012"},
                {"label": "借款人编号", "value": "B-000017"},
            ],
        },
        "key_terms": [
            {"label": "借款金额", "value": "¥100,000.00（人民币壹拾万元整）"},
            {"label": "年利率（单利）", "value": "12.00%，按剩余本金计算"},
            {"label": "借款期限", "value": f"{rows}个月，2027年1月5日至2027年12月5日"},
            {"label": "每月还款额", "value": "¥8,884.88"},
            {"label": "还款总额", "value": "¥106,618.56"},
        ],
        "cost_table": {
            "title": "综合融资成本明示表",
            "principal": {"label": "贷款本金", "value": "¥100,000.00"},
            "items": [
                {
                    "item": "利息",
                    "method": "按月收取，以剩余本金计算",
                    "rate": "年利率12.00%",
                    "collector": lender,
                },
                {"item": "服务费", "method": "不收取", "rate": "0", "collector": lender},
            ],
            "all_in_cost": {"label": "综合融资成本（年化）", "value": "12.00%"},
            "basis": "正常履约情形下，按内部收益率法（月利率×12，单利）计算。",
            "default_costs": [
                {
                    "item": "逾期罚息",
                    "method": "按日收取，以逾期本金计算",
                    "rate": "年利率18.00%",
                    "collector": lender,
                }
            ],
            "no_other_charges": "除上述明示的各项成本外，不再收取其他任何费用。",
        },
        "clauses": fill_clauses(body, values, values, locale="zh-hans"),
        "schedule": {
            "title": "还款计划表",
            "columns": ["期数", "应还日期", "本金（元）", "利息（元）", "应还金额（元）"],
            "align": ["left", "left", "right", "right", "right"],
            "rows": _rows(rows),
            "total": ["", "合计", "100,000.00", "6,618.56", "106,618.56"],
            "note": "日期均为北京时间（UTC+8）的日历日。",
        },
        "signature_block": {
            "intro": "双方签署即表示同意本合同的全部内容。",
            "facts": [
                {"label": "合同编号", "value": "L-2026-000042"},
                {"label": "借款金额", "value": "¥100,000.00"},
            ],
            "notes": [
                "签名级别：按双方约定方式作出的电子签名。",
                "任何人均可在 portal.example/verify 使用查验码 7K4M-Q2XD 核验本文件。",
            ],
        },
        "labels": labels_for("zh-hans"),
    }
