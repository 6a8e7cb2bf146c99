"""The lender's bank as the simulator's own rows: each credit, which were told, what was sent."""

from dataclasses import dataclass
from datetime import date

from repayments.payments.statement import line_key

DECIMALS = {"CNY": 2, "USD": 2, "JPY": 0, "EUR": 2}
COLUMNS = ("booked_on", "amount", "currency", "text", "payer", "line_id")


@dataclass(frozen=True)
class BankCredit:
    """Money on the lender's account. ``loan``: whom its text names for certain, None for nobody."""

    number: int
    booked_on: date
    amount: int
    currency: str
    text: str
    payer: str
    line_id: str
    loan: int | None

    @property
    def key(self) -> str:
        return line_key(
            booked_on=self.booked_on,
            amount=self.amount,
            currency=self.currency,
            payer=self.payer,
            text=self.text,
            name=self.line_id,
        )

    def row(self) -> list[str]:
        return [
            self.booked_on.isoformat(),
            written(self.amount, self.currency),
            self.currency,
            self.text,
            self.payer,
            self.line_id,
        ]


class Bank:
    """The lender's account. ``names_lines``: whether this bank gives each line a name."""

    def __init__(self, *, names_lines: bool) -> None:
        self.names_lines = names_lines
        self.credits: list[BankCredit] = []
        self.told: set[str] = set()
        self.sent: dict[str, int] = {}

    def received(self) -> dict[str, int]:
        """What the portal was told of, less what went back, by currency."""
        sums = {currency: -amount for currency, amount in self.sent.items()}
        for credit in self.credits:
            if credit.key in self.told:
                sums[credit.currency] = sums.get(credit.currency, 0) + credit.amount
        return sums


def written(amount: int, currency: str) -> str:
    places = DECIMALS[currency]
    text = str(amount).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}" if places else text
