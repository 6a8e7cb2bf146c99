"""News of this room, sent once the transaction is committed; a receiver only hastens a sweep.

``payment_settled(payment_id)``: money was received and posted.
``payment_exception(payment_id, suspense_id)``: money needs a person, for it rests unmatched
(``suspense_id``), came after its payment had ended, or an answer of the gateway is not clear.
"""

from django.dispatch import Signal

payment_settled = Signal()
payment_exception = Signal()
