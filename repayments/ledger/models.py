"""The books: double entry, one book a loan, append-only.

Sign convention: an amount is signed whole minor units of the book's currency, debit positive; the
postings of an entry sum to zero. Entries and postings are never changed or deleted (triggers on
both engines); a mistake is a reversing entry. ``Balance`` is a cache written in the transaction of
the posting, and checked nightly. The room refuses to know what a loan, a plan or a payment is.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from repayments.fields import MoneyField


class Account(models.TextChoices):
    """The chart. Receivables and expenses stand in debit, income and ``unapplied`` in credit."""

    PRINCIPAL_RECEIVABLE = "principal_receivable", _("principal owed")
    INTEREST_RECEIVABLE = "interest_receivable", _("interest owed")
    FEE_RECEIVABLE = "fee_receivable", _("fees owed")
    PENALTY_RECEIVABLE = "penalty_receivable", _("penalty interest owed")
    CLEARING = "clearing", _("money on its way")
    UNAPPLIED = "unapplied", _("not yet applied")
    SUSPENSE = "suspense", _("suspense")
    INTEREST_INCOME = "interest_income", _("interest income")
    FEE_INCOME = "fee_income", _("fee income")
    WAIVER_EXPENSE = "waiver_expense", _("waived")
    WRITE_OFF_EXPENSE = "write_off_expense", _("written off")
    OPENING = "opening", _("opening")


class Book(models.Model):
    currency = models.CharField(_("currency"), max_length=3)
    last_seq = models.PositiveIntegerField(
        default=0, help_text=_("Number of the newest entry; entries of a book have no gaps.")
    )

    class Meta:
        verbose_name = _("book")
        verbose_name_plural = _("books")

    def __str__(self) -> str:
        return f"{self.pk} {self.currency}"


class JournalEntry(models.Model):
    class Kind(models.TextChoices):
        OPENING = "opening", _("opening balance")
        DISBURSEMENT = "disbursement", _("paid out")
        INTEREST = "interest", _("interest billed")
        FEE = "fee", _("fee")
        PENALTY = "penalty", _("penalty interest")
        PAYMENT = "payment", _("payment")
        APPLICATION = "application", _("money applied")
        REALLOCATION = "reallocation", _("money applied in order of dates")
        RECLASS = "reclass", _("moved into the new schedule")
        WAIVER = "waiver", _("waived")
        WRITE_OFF = "write_off", _("written off")
        REFUND = "refund", _("refund")
        CHARGEBACK = "chargeback", _("chargeback")
        REVERSAL = "reversal", _("reversal")

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="entries")
    seq = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    effective_date = models.DateField(_("effective on"))
    posted_at = models.DateTimeField(_("posted at"))
    reference = models.CharField(_("reference"), max_length=120)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: the portal itself."),
    )

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        constraints = [
            models.UniqueConstraint(
                fields=["book", "kind", "reference"], name="ledger_entry_book_kind_reference_unique"
            ),
            models.UniqueConstraint(fields=["book", "seq"], name="ledger_entry_book_seq_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.book_id} #{self.seq} {self.kind} {self.reference}"


class Posting(models.Model):
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="postings")
    account = models.CharField(_("account"), max_length=24, choices=Account.choices)
    amount = MoneyField(_("amount"))

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        constraints = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="ledger_posting_not_zero"),
            models.UniqueConstraint(
                fields=["entry", "account"], name="ledger_posting_entry_account_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.account} {self.amount}"


class Balance(models.Model):
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="balances")
    account = models.CharField(_("account"), max_length=24, choices=Account.choices)
    amount = MoneyField(_("amount"), default=0)

    class Meta:
        verbose_name = _("balance")
        verbose_name_plural = _("balances")
        constraints = [
            models.UniqueConstraint(
                fields=["book", "account"], name="ledger_balance_book_account_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.book_id} {self.account} {self.amount}"
