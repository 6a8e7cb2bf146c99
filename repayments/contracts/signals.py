"""News of this room, sent when the transaction has committed; a sweep would make up for each.

``contract_signed(contract_id)``: the borrower has signed. ``contract_ended(contract_id)``: it ended
without a signature: declined, expired, void. ``letter_made(letter_id)``: a settlement letter waits
for its seal.
"""

from django.dispatch import Signal

contract_signed = Signal()
contract_ended = Signal()
letter_made = Signal()
