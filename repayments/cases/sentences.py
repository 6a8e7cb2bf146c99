"""Audit events of all rooms, and what messages are for, put into sentences: here and nowhere else.

A test holds ``SENTENCES`` against every code the project records.
"""

from datetime import datetime
from typing import Any

from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from repayments.cases.models import Case, CaseKind
from repayments.cases.reasons import hold_name
from repayments.money import format_money

# What is recorded, and how it reads. Values in %(…)s come from the event, put into words.
SENTENCES: dict[str, Any] = {
    "cases.opened": gettext_lazy("Case opened (%(kind)s)"),
    "cases.claimed": gettext_lazy("Case claimed"),
    "cases.released": gettext_lazy("Case given back"),
    "cases.waiting": gettext_lazy("Waiting until %(until)s"),
    "cases.noted": gettext_lazy("Note"),
    "cases.reassigned": gettext_lazy("Case handed to %(to)s"),
    "cases.called": gettext_lazy("Call"),
    "cases.closed": gettext_lazy("Case closed: %(reason)s"),
    "cases.reopened": gettext_lazy("Case opened again"),
    "cases.viewed": gettext_lazy("Case looked at"),
    "cases.queue_viewed": gettext_lazy("Queue looked at"),
    "cases.policy_changed": gettext_lazy("Policy for cases changed"),
    "contacts.hold_placed": gettext_lazy("Hold placed: %(hold)s"),
    "contacts.hold_lifted": gettext_lazy("Hold lifted: %(hold)s"),
    "contacts.message_marked_sent": gettext_lazy("A message was marked as sent by hand"),
    "contacts.message_sent_again": gettext_lazy("A message was sent again by hand"),
    "contacts.messages_stopped": gettext_lazy("The borrower stopped messages"),
    "contacts.messages_started": gettext_lazy("The borrower takes messages again"),
    "contacts.template_drafted": gettext_lazy("Words of a message drafted"),
    "contacts.template_edited": gettext_lazy("Words of a message edited"),
    "contacts.template_published": gettext_lazy("Words of a message published"),
    "loans.created": gettext_lazy("Loan recorded"),
    "loans.activated": gettext_lazy("Loan active"),
    "loans.tape_imported": gettext_lazy("Loan tape imported"),
    "loans.borrower_changed": gettext_lazy("Details of the borrower changed by the tape"),
    "loans.payment_recorded": gettext_lazy("%(amount)s posted to the loan"),
    "loans.payment_reversed": gettext_lazy("A payment was taken back"),
    "loans.money_returned": gettext_lazy("%(amount)s of a payment went back"),
    "loans.money_restored": gettext_lazy("Money that went back came again"),
    "loans.credit_applied": gettext_lazy("%(amount)s that was kept was applied"),
    "loans.fee_charged": gettext_lazy("Fee of %(amount)s charged"),
    "loans.charge_waived": gettext_lazy("%(amount)s waived"),
    "loans.schedule_replaced": gettext_lazy("New schedule, version %(version)s"),
    "loans.payoff_quoted": gettext_lazy(
        "Payoff of %(total)s quoted, good through %(good_through)s"
    ),
    "contracts.drafted": gettext_lazy("Contract %(reference)s drafted"),
    "contracts.frozen": gettext_lazy("Contract %(reference)s made final for signing"),
    "contracts.sent": gettext_lazy("Contract %(reference)s sent to be signed"),
    "contracts.issue_refused": gettext_lazy("A contract could not be issued"),
    "contracts.opened": gettext_lazy("The borrower opened contract %(reference)s"),
    "contracts.resumed": gettext_lazy("The borrower came back to contract %(reference)s"),
    "contracts.costs_confirmed": gettext_lazy("The borrower confirmed the costs of %(reference)s"),
    "contracts.read": gettext_lazy("The borrower read contract %(reference)s"),
    "contracts.consented": gettext_lazy("The borrower consented to contract %(reference)s"),
    "contracts.code_sent": gettext_lazy("Code to sign contract %(reference)s sent"),
    "contracts.code_passed": gettext_lazy("Code to sign contract %(reference)s right"),
    "contracts.code_failed": gettext_lazy("Code to sign contract %(reference)s wrong"),
    "contracts.signed": gettext_lazy("Contract %(reference)s signed"),
    "contracts.borrower_sealed": gettext_lazy("Contract %(reference)s sealed for the borrower"),
    "contracts.completed": gettext_lazy("Contract %(reference)s sealed and complete"),
    "contracts.seal_failed": gettext_lazy("Contract %(reference)s could not be sealed"),
    "contracts.alarm": gettext_lazy("Contract %(reference)s needs a look"),
    "contracts.downloaded": gettext_lazy("The borrower downloaded contract %(reference)s"),
    "contracts.declined": gettext_lazy("The borrower declined contract %(reference)s"),
    "contracts.voided": gettext_lazy("Contract %(reference)s made void"),
    "contracts.expired": gettext_lazy("Contract %(reference)s expired unsigned"),
    "contracts.expiry_changed": gettext_lazy("%(reference)s may be signed until %(expires_at)s"),
    "contracts.letter_made": gettext_lazy("Settlement letter %(reference)s made"),
    "contracts.letter_issued": gettext_lazy("Settlement letter %(reference)s sealed and issued"),
    "contracts.letter_voided": gettext_lazy("Settlement letter %(reference)s made void"),
    "contracts.evidence_made": gettext_lazy("Record of signing of %(reference)s made"),
    "contracts.evidence_failed": gettext_lazy(
        "Record of signing of %(reference)s could not be made"
    ),
    "contracts.evidence_downloaded": gettext_lazy("Record of signing of %(reference)s downloaded"),
    "contracts.kit_exported": gettext_lazy(
        "Files for an independent check of %(reference)s downloaded"
    ),
    "contracts.head_late": gettext_lazy("The daily head of %(day)s has no time stamp"),
    "contracts.template_drafted": gettext_lazy("Words of a contract drafted"),
    "contracts.template_edited": gettext_lazy("Words of a contract edited"),
    "contracts.template_published": gettext_lazy("Words of a contract published"),
    "contracts.template_retired": gettext_lazy("Words of a contract retired"),
    "contracts.reissued": gettext_lazy("Contract %(reference)s issued anew as %(by)s"),
    "contracts.pointed_on": gettext_lazy("%(by)s comes in the place of contract %(reference)s"),
    "contracts.held": gettext_lazy("Contract %(reference)s placed under a legal hold"),
    "contracts.hold_lifted": gettext_lazy("Legal hold on contract %(reference)s lifted"),
    "contracts.purged": gettext_lazy(
        "Content of contract %(reference)s removed: its time to be kept is over"
    ),
    "contracts.drawing_erased": gettext_lazy("Drawn name of contract %(reference)s erased"),
    "contracts.superseded": gettext_lazy("Contract %(reference)s replaced by a newer one"),
    "plans.proposed": gettext_lazy("Plan proposed"),
    "plans.referred": gettext_lazy("Plan given to a person (rule: %(rule)s)"),
    "plans.accepted": gettext_lazy("Plan accepted"),
    "plans.countered": gettext_lazy("Plan answered with another offer"),
    "plans.declined": gettext_lazy("Plan declined"),
    "plans.withdrawn": gettext_lazy("Plan withdrawn by the borrower"),
    "plans.offer_taken": gettext_lazy("The borrower took the offer"),
    "plans.offer_turned_down": gettext_lazy("The borrower turned the offer down"),
    "plans.expired": gettext_lazy("Plan expired"),
    "plans.agreement_issued": gettext_lazy("Plan agreement issued"),
    "plans.agreement_renewed": gettext_lazy("Plan agreement issued anew"),
    "plans.worked_out_anew": gettext_lazy("Plan worked out anew"),
    "plans.activated": gettext_lazy("Plan active"),
    "plans.replaced": gettext_lazy("Plan replaced"),
    "plans.canceled": gettext_lazy("Plan canceled"),
    "plans.broken": gettext_lazy("Plan not kept"),
    "plans.kept": gettext_lazy("Plan kept to the end"),
    "plans.viewed_by_staff": gettext_lazy("Plan looked at"),
    "plans.policy_changed": gettext_lazy("Policy for plans changed"),
    "payments.started": gettext_lazy("Payment of %(amount)s begun"),
    "payments.redirected": gettext_lazy("The borrower went to the gateway's page"),
    "payments.succeeded": gettext_lazy("Payment of %(amount)s received"),
    "payments.declined": gettext_lazy("A payment was declined"),
    "payments.canceled": gettext_lazy("A payment was canceled"),
    "payments.unknown": gettext_lazy("It is not known yet whether a charge was made"),
    "payments.autopay_agreed": gettext_lazy("The borrower agreed to automatic payment"),
    "payments.autopay_started": gettext_lazy("Automatic payment begun"),
    "payments.autopay_ended": gettext_lazy("Automatic payment ended"),
    "payments.charge_announced": gettext_lazy("Automatic charge of %(amount)s announced"),
    "payments.charge_claimed": gettext_lazy("Automatic charge of %(amount)s begun"),
    "payments.charge_retried": gettext_lazy("Another try of an automatic charge planned"),
    "payments.charge_skipped": gettext_lazy("An automatic charge was left out"),
    "payments.charge_refused": gettext_lazy("An automatic charge was not allowed"),
    "payments.card_removed": gettext_lazy("The borrower removed a saved card"),
    "payments.ambiguous": gettext_lazy("The gateway's answer to a payment is not clear"),
    "payments.refund_proposed": gettext_lazy("Refund of %(amount)s proposed"),
    "payments.refund_approved": gettext_lazy("Refund of %(amount)s approved"),
    "payments.refund_declined": gettext_lazy("Refund of %(amount)s declined"),
    "payments.refund_withdrawn": gettext_lazy("Refund of %(amount)s withdrawn by who proposed it"),
    "payments.refund_unknown": gettext_lazy("Whether a refund of %(amount)s was sent is not known"),
    "payments.refund_pending": gettext_lazy("Refund of %(amount)s on its way"),
    "payments.refund_succeeded": gettext_lazy("Refund of %(amount)s sent"),
    "payments.refund_sent_by_bank": gettext_lazy(
        "Refund of %(amount)s sent by bank: %(reference)s"
    ),
    "payments.refund_failed": gettext_lazy("Refund of %(amount)s failed: %(failure)s"),
    "payments.refund_canceled": gettext_lazy("Refund of %(amount)s canceled"),
    "payments.refund_exceeds": gettext_lazy("%(amount)s went back that the books do not hold"),
    "payments.return_completed": gettext_lazy(
        "%(amount)s more is taken out of the books, as it went back before"
    ),
    "payments.fraud_warning": gettext_lazy("A bank reports a payment as fraud (%(kind)s)"),
    "payments.refund_policy_changed": gettext_lazy("Policy for refunds changed"),
    "payments.credit_chosen": gettext_lazy(
        "The borrower chose what to do with %(amount)s left over"
    ),
    "payments.dispute_opened": gettext_lazy("The payer's bank questions %(amount)s"),
    "payments.dispute_changed": gettext_lazy("The bank's question about %(amount)s: %(status)s"),
    "payments.dispute_closed": gettext_lazy("The bank has decided about %(amount)s: %(status)s"),
    "payments.dispute_withdrawn": gettext_lazy("The payer's bank took %(amount)s back"),
    "payments.dispute_reinstated": gettext_lazy("The payer's bank returned %(amount)s"),
    "payments.dispute_exceeds": gettext_lazy("The bank took %(amount)s more than was left"),
    "payments.dispute_part_returned": gettext_lazy("The bank returned only %(amount)s"),
    "payments.promised": gettext_lazy("%(amount)s promised by %(promised_for)s"),
    "payments.promise_kept": gettext_lazy("The promise of %(amount)s was kept"),
    "payments.promise_broken": gettext_lazy("The promise of %(amount)s was not kept"),
    "payments.promise_withdrawn": gettext_lazy("The promise of %(amount)s was taken back"),
    "payments.suspense_assigned": gettext_lazy("Unmatched money given to somebody to place"),
    "payments.suspense_viewed": gettext_lazy("Unmatched money looked at"),
    "payments.suspense_posted": gettext_lazy("%(amount)s that was unmatched posted to this loan"),
    "payments.transfer_recorded": gettext_lazy("A transfer of %(amount)s recorded"),
    "payments.statement_imported": gettext_lazy("Bank statement taken in"),
    "payments.suspended": gettext_lazy("%(amount)s came in that fits nothing"),
    "reminders.policy_changed": gettext_lazy("Policy for reminders changed"),
}


def event_sentence(action: str, payload: dict[str, Any], *, currency: str = "") -> str:
    """Put one audit event into words; its code where it has no sentence."""
    sentence = SENTENCES.get(action)
    if sentence is None:
        return action
    return str(sentence) % _Words(payload, currency)


class _Words(dict[str, str]):
    """The values of an event, put into words; a dash for what an older event does not hold."""

    def __init__(self, payload: dict[str, Any], currency: str) -> None:
        super().__init__()
        for key, value in payload.items():
            if isinstance(value, str | int | float):
                self[key] = _value_in_words(key, value, payload, currency)

    def __missing__(self, key: str) -> str:
        return "–"


_AMOUNTS = frozenset({"amount", "total", "principal", "received"})


def _value_in_words(key: str, value: Any, payload: dict[str, Any], currency: str) -> str:
    money_of = str(payload.get("currency") or currency)
    if key in _AMOUNTS and isinstance(value, int) and money_of:
        return format_money(value, money_of, get_language() or "en")
    if key == "hold":
        return hold_name(str(value))
    if key == "kind":
        return str(dict(CaseKind.choices).get(str(value), value))
    if key == "reason":
        return str(dict(Case.CloseReason.choices).get(str(value), value))
    if key in {"until", "expires_at"}:
        try:
            return f"{localtime(datetime.fromisoformat(str(value))):%Y-%m-%d %H:%M}"
        except ValueError:
            return str(value)
    return str(value)


def purpose_words(purpose: str) -> str:
    """Say what a message was for, fit for borrower and staff."""
    if purpose.startswith("reminder"):
        return _("what falls due")
    words = _PURPOSES.get(purpose)
    return str(words) if words else _("about your account")


_PURPOSES = {
    "help_answered": gettext_lazy("answer to your message"),
    "receipt": gettext_lazy("receipt for a payment"),
    "payment_received": gettext_lazy("receipt for a payment"),
    "payment_failed": gettext_lazy("a payment that did not go through"),
    "autopay": gettext_lazy("automatic payment"),
    "autopay_notice": gettext_lazy("notice of an automatic payment"),
    "invitation": gettext_lazy("invitation to the account"),
    "sign_in_code": gettext_lazy("code to sign in"),
    "signing_code": gettext_lazy("code to sign a document"),
    "contract_to_sign": gettext_lazy("a document to sign"),
    "sign_reminder": gettext_lazy("a document to sign"),
    "contract_withdrawn": gettext_lazy("a document taken back"),
    "contract_completed": gettext_lazy("a signed document"),
    "settlement_letter": gettext_lazy("a settlement letter"),
    "plan_accepted": gettext_lazy("answer to a plan"),
    "plan_countered": gettext_lazy("answer to a plan"),
    "plan_declined": gettext_lazy("answer to a plan"),
    "plan_referred": gettext_lazy("answer to a plan"),
    "help_received": gettext_lazy("we have your message"),
    "refund": gettext_lazy("money sent back"),
}
