"""From a snapshot of terms to the document that is frozen: every value in words, in one language.

The words of a paper are part of it and not of the site's translation: a frozen contract must not
change when a translator rewords a page. The module reads a snapshot and a template alone; it
refuses to know live rows, clocks and what a signature brings about.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

from repayments.contracts.documents import (
    ClauseText,
    ContractData,
    CostItem,
    CostTable,
    LabelValue,
    ScheduleTable,
    SignatureBlock,
    fill_clauses,
    labels_for,
)
from repayments.contracts.placeholders import CONTRACT
from repayments.contracts.wording import WORDS, Words
from repayments.money import format_money, parse_amount

# What a template may ask for; a name outside this list is refused at publishing and at freezing.
PLACEHOLDERS = frozenset(CONTRACT)


def build_contract_data(
    *,
    kind: str,
    reference: str,
    verify_code: str,
    portal_address: str,
    locale: str,
    title: str,
    governing_language: str,
    body: Sequence[Mapping[str, object]],
    terms: Mapping[str, str],
    schedule: Sequence[Mapping[str, str]],
    extra: Mapping[str, str] | None = None,
    replaces: str = "",
) -> ContractData:
    """Put a contract into words.

    Args:
        kind: "loan" or "plan".
        locale: "zh-hans" or "en", as the template's.
        body: the template's clauses.
        terms, schedule: as `terms.take_snapshot` writes them.
        extra: more values for the template's placeholders, finished text.
        replaces: reference of the signed contract in whose place this one comes; empty for none.
    Raises: documents.ClauseError for a placeholder outside the allow-list or without a value.
    """
    words = WORDS[locale]
    paper = _Paper(words, terms, schedule, locale, kind)
    values = {**paper.all_values(reference, portal_address), **(extra or {})}
    return {
        "reference": reference,
        "kind": kind,
        "locale": locale,
        "title": title,
        "subtitle": words["subtitle"].format(number=terms["loan_number"]),
        "governing_language": governing_language,
        "lender": {
            "name": terms["lender_name"],
            "lines": [
                {"label": words["phone"], "value": terms["lender_phone"]},
                {"label": words["email"], "value": terms["lender_email"]},
            ],
        },
        "borrower": {
            "name": terms["borrower_name"],
            "reference": terms["borrower_reference"],
            "lines": [
                {"label": words["borrower_reference"], "value": terms["borrower_reference"]},
                {"label": words["loan_number"], "value": terms["loan_number"]},
            ],
        },
        "key_terms": paper.key_terms(),
        "cost_table": paper.cost_table(),
        "clauses": fill_clauses(
            cast("Sequence[ClauseText]", body), values, PLACEHOLDERS, locale=locale
        ),
        "schedule": paper.schedule_table(),
        "signature_block": paper.signature_block(reference, verify_code, portal_address, replaces),
        "labels": labels_for(locale),
    }


def placeholder_values(
    *,
    kind: str,
    reference: str,
    portal_address: str,
    locale: str,
    terms: Mapping[str, str],
    schedule: Sequence[Mapping[str, str]],
) -> dict[str, str]:
    """Give the text of every placeholder; arguments as of `build_contract_data`."""
    paper = _Paper(WORDS[locale], terms, schedule, locale, kind)
    return paper.all_values(reference, portal_address)


def written_date(iso: str, locale: str) -> str:
    """Write a day out: "5 January 2027", "2027年1月5日"."""
    day = date.fromisoformat(iso)
    if locale.startswith("zh"):
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {WORDS['en'][f'month_{day.month}']} {day.year}"


class _Paper:
    """The figures of one snapshot in the words of one language."""

    def __init__(
        self,
        words: Words,
        terms: Mapping[str, str],
        schedule: Sequence[Mapping[str, str]],
        locale: str,
        kind: str,
    ) -> None:
        self.words, self.terms, self.schedule = words, terms, schedule
        self.locale, self.kind = locale, kind

    def money(self, text: str) -> str:
        currency = self.terms["currency"]
        return format_money(parse_amount(text, currency, allow_zero=True), currency, self.locale)

    def day(self, name: str) -> str:
        return written_date(self.terms[name], self.locale)

    def annual_cost(self) -> str:
        simple, compound = self.terms["annual_cost_simple"], self.terms["annual_cost_compound"]
        if not simple:
            return self.words["no_annual_cost"]
        return self.words["annual_cost"].format(simple=simple, compound=compound or simple)

    def has_penalty(self) -> bool:
        return self.terms["penalty_rate"] != "0"

    def late_terms(self) -> str:
        key = "late_with_penalty" if self.has_penalty() else "late_without_penalty"
        text = self.words[key].format(rate=self.terms["penalty_rate"])
        if self.terms["grace_days"] != "0":
            text += self.words["late_grace"].format(days=self.terms["grace_days"])
        return text

    def interest_basis(self) -> str:
        if self.kind == "plan" or self.terms["amortization"] == "custom":
            return self.words["interest_listed"]
        if self.terms["interest_method"] == "flat":
            return self.words["interest_flat"].format(rate=self.terms["annual_rate"])
        key = f"interest_{self.terms['interest_period']}"
        return self.words[key].format(
            rate=self.terms["annual_rate"], day_count=self.terms["day_count"].replace("_", "/")
        )

    def payments_in_words(self) -> str:
        level = self.terms["level_installment"]
        key = "payments_level" if level else "payments_varied"
        if len(self.schedule) == 1:
            key = "payments_single"
        elif level == self.schedule[-1]["total"]:
            key = "payments_equal"
        return self.words[key].format(
            count=self.terms["installments"],
            amount=self.money(level or self.terms["first_installment"]),
            last=self.money(self.schedule[-1]["total"]),
            first_due=self.day("first_due_on"),
            last_due=self.day("last_due_on"),
        )

    def all_values(self, reference: str, portal_address: str) -> dict[str, str]:
        return {
            **self.values(),
            "contract_reference": reference,
            "portal_address": portal_address,
        }

    def values(self) -> dict[str, str]:
        terms = self.terms
        horizontal = terms["allocation_strategy"] == "horizontal"
        return {
            "allocation_order": self.words[
                "allocation_horizontal" if horizontal else "allocation_oldest_first"
            ],
            "amount": self.money(terms["principal"]),
            "annual_cost": self.annual_cost(),
            "annual_rate": self.words["rate"].format(rate=terms["annual_rate"]),
            "borrower_name": terms["borrower_name"],
            "borrower_reference": terms["borrower_reference"],
            "break_grace_days": terms.get("break_grace_days", "7"),
            "complaint_contact": self.words["complaint_contact"].format(
                phone=terms["lender_phone"], email=terms["lender_email"]
            ),
            "disbursed_on": self.day("disbursed_on"),
            "first_due_on": self.day("first_due_on"),
            "grace_days": terms["grace_days"],
            "installments": terms["installments"],
            "interest_basis": self.interest_basis(),
            "last_due_on": self.day("last_due_on"),
            "late_terms": self.late_terms(),
            "lender_email": terms["lender_email"],
            "lender_name": terms["lender_name"],
            "lender_phone": terms["lender_phone"],
            "loan_number": terms["loan_number"],
            "payments_in_words": self.payments_in_words(),
            "penalty_rate": self.words["rate"].format(rate=terms["penalty_rate"]),
            "sign_by": self.day("sign_by"),
            "total_due": self.money(terms["total_due"]),
            "total_fees": self.money(terms["total_fees"]),
            "total_interest": self.money(terms["total_interest"]),
        }

    def key_terms(self) -> list[LabelValue]:
        words, terms = self.words, self.terms
        amount_label = words["plan_amount" if self.kind == "plan" else "loan_amount"]
        rows = [
            (amount_label, self.money(terms["principal"])),
            (words["payments"], self.payments_in_words()),
            (words["in_all"], self.money(terms["total_due"])),
            (words["all_in_cost"], self.annual_cost()),
            (words["if_late"], self.late_terms()),
            (words["early"], words["early_free"]),
        ]
        return [{"label": label, "value": value} for label, value in rows]

    def cost_table(self) -> CostTable:
        words, terms = self.words, self.terms
        lender = terms["lender_name"]
        rate = words["rate"].format(rate=terms["annual_rate"])
        interest_rate = words["as_scheduled"] if self.kind == "plan" else rate
        items: list[CostItem] = [
            {
                "item": words["interest"],
                "method": words["with_each_payment"],
                "rate": f"{interest_rate} · {self.money(terms['total_interest'])}",
                "collector": lender,
            }
        ]
        fees = self.money(terms["total_fees"])
        charged = parse_amount(terms["total_fees"], terms["currency"], allow_zero=True) > 0
        items.append(
            {
                "item": words["carried_fees" if self.kind == "plan" else "fees"],
                "method": words["with_each_payment"] if charged else words["not_charged"],
                "rate": fees,
                "collector": lender,
            }
        )
        default_costs: list[CostItem] = [
            {
                "item": words["penalty"],
                "method": words["penalty_method"] if self.has_penalty() else words["not_charged"],
                "rate": words["rate"].format(rate=terms["penalty_rate"]),
                "collector": lender,
            }
        ]
        return {
            "title": words["cost_title_plan" if self.kind == "plan" else "cost_title"],
            "principal": {"label": words["principal"], "value": self.money(terms["principal"])},
            "items": items,
            "all_in_cost": {"label": words["all_in_cost"], "value": self.annual_cost()},
            "basis": words["basis"].format(day=self.day("effective_on")),
            "default_costs": default_costs,
            "no_other_charges": words["no_other_charges"],
        }

    def schedule_table(self) -> ScheduleTable:
        words = self.words
        with_fees = any(
            parse_amount(r["fee"], self.terms["currency"], allow_zero=True) for r in self.schedule
        )
        names = ["principal", "interest", *(["fee"] if with_fees else []), "total"]
        labels = [words[f"column_{name}"] for name in names]
        unit = words["column_unit"].format(currency=self.terms["currency"])
        sums = {
            "principal": "principal",
            "interest": "total_interest",
            "fee": "total_fees",
            "total": "total_due",
        }
        return {
            "title": words["schedule"],
            "columns": [words["column_number"], words["column_due"], *labels],
            "align": ["left", "left", *["right"] * len(names)],
            "rows": [
                [row["number"], row["due_date"], *(self.money(row[name]) for name in names)]
                for row in self.schedule
            ],
            "total": ["", words["column_sum"], *(self.money(self.terms[sums[n]]) for n in names)],
            "note": f"{unit} {words['schedule_note']}",
        }

    def signature_block(
        self, reference: str, code: str, address: str, replaces: str
    ) -> SignatureBlock:
        words = self.words
        first = [words["replaces"].format(reference=replaces)] if replaces else []
        return {
            "intro": words["signing_intro"],
            "facts": [
                {"label": words["contract"], "value": reference},
                {"label": words["in_all"], "value": self.money(self.terms["total_due"])},
                {"label": words["sign_by"], "value": self.day("sign_by")},
            ],
            "notes": [
                *first,
                words["signature_level"],
                words["check_here"].format(address=address, code=code),
            ],
        }
