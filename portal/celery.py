"""The Celery application. What it does is said in settings (``CELERY_…``) and in the rooms' tasks;
tasks themselves use ``shared_task`` and never import this module."""

import os
from typing import Any

from celery import Celery, signals

from portal import broker
from portal.logs import current_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.register()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_prerun.connect
def name_log_lines(task_id: str, **kwargs: Any) -> None:
    """Let each log line of a task carry the task's id."""
    current_id.set(task_id)


@signals.task_postrun.connect
def stop_naming(**kwargs: Any) -> None:
    current_id.set("")
