"""The sweep that makes up for lost signals; thin, repeatable."""

from celery import shared_task

from repayments.cases.services import open_signaled_cases
from repayments.clock import now


@shared_task
def sweep_cases(**_kwargs: object) -> None:
    """Open the cases that signals asked for; any number of runs come to the same end."""
    open_signaled_cases(now=now())
