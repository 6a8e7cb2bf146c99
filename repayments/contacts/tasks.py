"""Ways in for the worker: the minute's sweep and the unit that sends one message."""

from typing import Any

from celery import shared_task

from repayments import clock
from repayments.contacts import services


@shared_task(name="repayments.contacts.tasks.send_message")
def send_message(*, message_id: int, **kwargs: Any) -> None:
    services.send_message(message_id=message_id, now=clock.now())


@shared_task(name="repayments.contacts.tasks.sweep_messages")
def sweep_messages(**kwargs: Any) -> None:
    """Bring back what a dead worker left, empty old secrets, enqueue an id for each due row."""
    now = clock.now()
    services.return_stale_messages(now=now)
    services.wipe_secrets(now=now)
    for message_id in services.list_due_messages(now=now):
        send_message.delay_on_commit(message_id=message_id)
