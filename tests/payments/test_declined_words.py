"""What a borrower reads after a card was declined: the cause as far as it may be told, and what to
do next, in both languages, with nobody to blame."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments.declines import describe_decline
from repayments.payments.models import Payment
from repayments.payments.services import resolve_payment
from stripe_sandbox.cards import DECLINES
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

# Last digits of a test card, then what is read after it was used for a one-time payment.
WORDS = {
    "0002": (
        "Your bank did not allow this payment. Try another card, or ask your bank.",
        "您的银行没有批准这笔付款。请换一张卡，或咨询您的银行。",
    ),
    "9995": (
        "There was not enough money on the card. Try another card or amount.",
        "卡内余额不足。请换一张卡或减少金额。",
    ),
    "0069": (
        "The card has expired. Use another card.",
        "卡已过期。请使用另一张卡。",
    ),
    "0127": (
        "The security code was not right. Check the digits on the card.",
        "安全码不正确。请核对卡上的数字。",
    ),
    "0119": (
        "Something went wrong while the card was charged. Please try again.",
        "扣款时出现问题。请再试一次。",
    ),
    # Nobody is told that a card was reported lost or stolen: the bank tells its holder.
    "9987": (
        "Your bank did not allow this payment. Try another card, or ask your bank.",
        "您的银行没有批准这笔付款。请换一张卡，或咨询您的银行。",
    ),
    "9979": (
        "Your bank did not allow this payment. Try another card, or ask your bank.",
        "您的银行没有批准这笔付款。请换一张卡，或咨询您的银行。",
    ),
    "3155": (
        "The payment was not confirmed with your bank. Try again, or use another card.",
        "付款未经您的银行确认。请再试一次，或使用另一张卡。",
    ),
}
NO_MONEY = {
    "en": "The payment page is still open. No money has been taken.",
    "zh-hans": "支付页面仍然打开，没有扣款。",
}
BLAME = re.compile(
    r"fail|lost|stolen|fraud|suspic|reject|denied|invalid|illegal|your fault|you did|"
    r"挂失|被盗|欺诈|可疑|拒绝|违规|非法|失败|您没有"
)
WHAT_TO_DO = re.compile(r"\b(try|use|check|ask)\b|请", re.IGNORECASE)


def read(client: Client, url: str, language: str, **asked: str) -> str:
    client.cookies["django_language"] = language
    page = client.get(url, asked).content.decode().partition("<main")[2].partition("</main")[0]
    return " ".join(re.sub("<[^>]+>", " ", page).split())


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("card", WORDS)
def test_fault_17_the_page_of_a_declined_payment_says_why_and_what_to_do(
    sandbox: Sandbox, pay: Pay, loan: Loan, client: Client, card: str, language: str
) -> None:
    asked: dict[str, Any] = {"three_d_secure": "fail"} if card == "3155" else {}
    payment = pay(50_000, card=card)
    if asked:
        sandbox.control(f"sessions/{payment.session_id}/pay", card=card, **asked)
    resolve_payment(payment_id=payment.pk, now=now())
    assert loan.borrower.user
    client.force_login(loan.borrower.user)
    words = WORDS[card][language != "en"]

    page = read(client, payment.get_absolute_url(), language)
    back = read(client, f"/loans/{loan.public_id}/pay/", language, canceled=str(payment.public_id))

    assert words in page
    assert NO_MONEY[language] in page
    assert words in back
    assert Payment.objects.get().entry is None


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("decline", [*DECLINES.values()], ids=[*DECLINES])
def test_no_words_of_a_decline_blame_and_all_say_what_to_do(decline: Any, language: str) -> None:
    with translation.override(language):
        words = describe_decline(decline.code, decline.decline_code)

    assert not BLAME.search(words)
    assert WHAT_TO_DO.search(words)
    assert bool(re.search("[\u4e00-\u9fff]", words)) == (language != "en")


@pytest.mark.parametrize(
    "words", ["Your card was reported stolen. Try another card.", "该卡已挂失。请换一张卡。"]
)
def test_blame_would_be_found(words: str) -> None:
    assert BLAME.search(words)
