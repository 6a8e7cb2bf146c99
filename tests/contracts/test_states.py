import itertools

import pytest

from repayments.contracts.models import Contract
from repayments.contracts.services.states import ContractMovedOn, move

PAIRS = list(itertools.product(Contract.Status.values, repeat=2))


def test_a_move_happens_where_the_table_allows_it_and_nowhere_else(sent: Contract) -> None:
    assert len(PAIRS) == 13 * 13
    for start, end in PAIRS:
        Contract.objects.filter(pk=sent.pk).update(status=start)
        allowed = start in Contract.TRANSITIONS[end]

        if allowed:
            move(sent, end)
        else:
            with pytest.raises(ContractMovedOn):
                move(sent, end)

        sent.refresh_from_db()
        assert sent.status == (end if allowed else start), (start, end)


def test_what_is_complete_or_ended_leads_nowhere() -> None:
    ends = {"completed", "declined", "expired", "voided", "superseded"}

    assert not ends & set(itertools.chain.from_iterable(Contract.TRANSITIONS.values()))
