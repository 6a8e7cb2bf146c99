"""Ways in for the worker to what joins all rooms: the close of a day."""

from typing import Any

from celery import shared_task

from repayments import clock, close


@shared_task(name="repayments.tasks.close_due_day")
def close_due_day(**kwargs: Any) -> None:
    """Close today, each minute until it is done; then this is one read."""
    close.close_due_day(today=clock.today(), now=clock.now())
