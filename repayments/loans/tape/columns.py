"""The columns of a loan tape and of its file of rows (design page, section 7)."""

REQUIRED = (
    "loan_number",
    "borrower_reference",
    "borrower_kind",
    "legal_name",
    "email",
    "phone",
    "language",
    "time_zone",
    "jurisdiction",
    "currency",
    "principal",
    "annual_rate",
    "installments",
    "every",
    "unit",
    "disbursed_on",
    "first_due_on",
    "amortization",
    "interest_method",
    "interest_period",
    "day_count",
    "rounding",
    "installment_multiple",
)
OPTIONAL = (
    "paid_installments",
    "penalty_rate",
    "grace_days",
    "product",
    "installment_amount",
    "status",
)

ROW_REQUIRED = (
    "loan_number",
    "number",
    "due_date",
    "principal_due",
    "interest_due",
    "fee_due",
    "principal_paid",
    "interest_paid",
    "fee_paid",
)
