"""How long statements may run: a page's limits stand with the connection, the night has none."""

from django.db import connection


def lift_time_limit() -> None:
    """Let this transaction's statements run, and wait for rows, as long as a large book needs.

    The caller has a transaction open; the limits come back with its end.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL lock_timeout = '60s'")
