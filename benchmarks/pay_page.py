"""``python -m benchmarks.pay_page [--json]``: the pay page and its preview, by length of the loan.

Queries and milliseconds a request, through the whole stack but the socket, on one core; beside it
the floor measured in the same run: an empty page of the same person.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from benchmarks.scratch import scratch_database

LENGTHS = [12, 60, 360]
ROUNDS = 40


def make_loan(installments: int, day: date, now: datetime) -> Any:
    """A borrower who can sign in, and a loan of theirs two installments late."""
    from accounts.models import Borrower, User
    from repayments.loans.amortization import Terms
    from repayments.loans.models import Loan, Product
    from repayments.loans.services import create_loan

    name = f"b{installments}"
    user = User.objects.create_user(f"{name}@example.cn", name=name, language="en")
    borrower = Borrower.objects.create(
        reference=name, legal_name=name, email=user.email, language="en", user=user
    )
    return create_loan(
        borrower=borrower,
        product=Product.objects.earliest("pk"),
        number=f"L-{installments}",
        terms=Terms(
            principal=1_200_000 * installments // 12,
            disbursed_on=day - timedelta(days=70),
            currency="CNY",
            annual_rate=Decimal(12),
            installments=installments,
        ),
        status=Loan.Status.ACTIVE,
        actor=None,
        now=now - timedelta(days=70),
    )


def take(request: Callable[[], Any]) -> tuple[int, float]:
    """Queries of one request, and the middle of the milliseconds of many."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    answer = request()
    if answer.status_code != 200:
        raise SystemExit(f"The page answered {answer.status_code}.")
    with CaptureQueriesContext(connection) as captured:
        request()
    queries = len(captured)
    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        request()
        times.append(time.perf_counter() - started)
    return queries, round(sorted(times)[ROUNDS // 2] * 1000, 1)


def measure() -> dict[str, Any]:
    from django.conf import settings
    from django.test import Client
    from django.test.utils import setup_test_environment

    setup_test_environment()
    settings.SECURE_SSL_REDIRECT = False
    # No files are collected for a measurement.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    now = datetime.now(UTC)
    result: dict[str, Any] = {}
    for installments in LENGTHS:
        loan = make_loan(installments, now.date(), now)
        client = Client()
        client.force_login(loan.borrower.user)
        page = f"/loans/{loan.public_id}/pay/"
        wish = {"purpose": "other", "amount": "500", "preview": "1"}
        for name, request in (
            ("page", partial(client.get, page)),
            ("preview", partial(client.post, page, wish)),
        ):
            queries, milliseconds = take(request)
            result[f"{name}_{installments}_queries"] = queries
            result[f"{name}_{installments}_ms"] = milliseconds
        result[f"floor_{installments}_ms"] = take(partial(client.get, "/accessibility/"))[1]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pay_page", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with scratch_database():
        result = measure()
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>24}  {value}")


if __name__ == "__main__":
    main()
