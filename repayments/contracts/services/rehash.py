"""Stored files hashed anew, a part each night, each within a month (ES-3).

A file that is gone or changed is marked; the sweep of cases gives it to a person by the mark. The
hash is taken with no transaction open, and what was purged meanwhile is let be.
"""

import logging
from collections import defaultdict
from datetime import datetime, timedelta

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from repayments.contracts import blobs
from repayments.contracts.models import Blob

CHECK_WITHIN_DAYS = 30
# One that was found damaged is looked at daily: it may have been restored.
LOOK_AGAIN_HOURS = 20
LIMIT = 500

logger = logging.getLogger(__name__)


def check_files(*, now: datetime, limit: int = LIMIT) -> int:
    """Hash the files that were longest unchecked; return how many are gone or changed."""
    over = now - timedelta(days=CHECK_WITHIN_DAYS)
    again = now - timedelta(hours=LOOK_AGAIN_HOURS)
    due = Blob.objects.filter(purged_at__isnull=True).filter(
        Q(checked_at=None) | Q(checked_at__lte=over) | ~Q(fault="") & Q(checked_at__lte=again)
    )
    oldest_first = due.order_by(F("checked_at").asc(nulls_first=True), "pk")
    found: dict[str, list[str]] = defaultdict(list)
    for sha256 in list(oldest_first.values_list("pk", flat=True)[:limit]):
        found[blobs.find_fault(sha256)].append(sha256)
    for fault, sha256s in found.items():
        rows = Blob.objects.filter(pk__in=sha256s, purged_at__isnull=True)
        if not fault:
            rows.update(checked_at=now, fault="", fault_since=None)
            continue
        rows.update(checked_at=now, fault=fault, fault_since=Coalesce(F("fault_since"), Value(now)))
        logger.error("stored files are %s: %s", fault, ", ".join(sha256s))
    return sum(len(sha256s) for fault, sha256s in found.items() if fault)
