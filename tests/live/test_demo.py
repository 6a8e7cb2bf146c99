"""The demo is made beside running processes, whose sweeps find nothing of it to end."""

from tests.live.stack import Stack

STATUSES = "SELECT status, COUNT(*) AS count FROM contracts_contract GROUP BY status"


def test_the_demo_is_made_while_sweeps_run_each_second(stack: Stack) -> None:
    stack.move_to("2026-12-01T10:00")

    stack.manage("seed_demo")

    # Three are sealed by then, one waits for its borrower; two sweeps later that is still so.
    swept = stack.log("worker").count("sweep_contracts")
    stack.wait_until(lambda: stack.log("worker").count("sweep_contracts") > swept + 4)
    found = {row["status"]: row["count"] for row in stack.rows(STATUSES)}
    assert found == {"completed": 3, "sent": 1}
    assert stack.rows("SELECT id FROM cases_case WHERE kind = 'contract_exception'") == []
    stack.manage("verify_invariants")
    stack.manage("verify_ledger")
