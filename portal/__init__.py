"""Wiring only: settings, URLs, Celery and the WSGI entry. No rule of the business lives here."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
