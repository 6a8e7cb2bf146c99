"""News of plans, sent on commit. Whoever hears it only hastens what a sweep does anyway."""

from django.dispatch import Signal

plan_referred = Signal()
"""``plan_id``: a proposal waits for a person."""

plan_activated = Signal()
"""``plan_id``: a signed plan is the loan's schedule now."""

plan_broken = Signal()
"""``plan_id``: a payment of an active plan is late past its grace."""
