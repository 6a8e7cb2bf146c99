"""The hosted page's words in English and Chinese."""

ENGLISH = {
    "language": "en",
    "test_banner": "TEST — no real money moves. Use a test card only.",
    "pay_title": "Payment",
    "setup_title": "Save a card",
    "summary": "What you pay for",
    "quantity": "Quantity",
    "total": "Total",
    "card": "Card",
    "email": "Email",
    "number": "Card number",
    "expiry": "Expiry date (MM/YY)",
    "cvc": "Security code (CVC)",
    "holder": "Name on card",
    "pay": "Pay",
    "save": "Save card",
    "cancel": "Cancel and go back",
    "test_cards": "Test cards",
    "succeeds": "succeeds",
    "declined": "declined",
    "insufficient": "insufficient funds",
    "authenticates": "asks for 3-D Secure",
    "any_other": "Any future expiry date and any security code will do.",
    "error_title": "The payment did not go through",
    "bad_number": "Your card number is invalid.",
    "bad_expiry": "Your card's expiration date is invalid.",
    "past_expiry": "Your card's expiration date is in the past.",
    "bad_cvc": "Your card's security code is incomplete.",
    "bad_holder": "Enter the name on the card.",
    "bad_email": "Enter a valid email address.",
    "authentication_title": "3-D Secure",
    "authentication_text": "Your bank asks you to confirm this payment.",
    "authentication_complete": "Complete authentication",
    "authentication_fail": "Fail authentication",
    "expired_title": "This page has expired",
    "expired_text": "Nothing was charged. Go back and start again.",
    "done_title": "This payment is done",
    "done_text": "You have already paid. There is nothing left to do here.",
    "missing_title": "Nothing here",
    "missing_text": "This address does not lead to a payment.",
    "back": "Go back",
}
CHINESE = {
    "language": "zh-Hans",
    "test_banner": "测试（TEST）——不会产生真实扣款，请只使用测试卡。",
    "pay_title": "付款",
    "setup_title": "保存银行卡",
    "summary": "付款内容",
    "quantity": "数量",
    "total": "合计",
    "card": "银行卡",
    "email": "电子邮箱",
    "number": "卡号",
    "expiry": "有效期（月/年）",
    "cvc": "安全码（CVC）",
    "holder": "持卡人姓名",
    "pay": "支付",
    "save": "保存银行卡",
    "cancel": "取消并返回",
    "test_cards": "测试卡",
    "succeeds": "付款成功",
    "declined": "被拒绝",
    "insufficient": "余额不足",
    "authenticates": "需要 3-D Secure 验证",
    "any_other": "有效期填任意将来日期，安全码任意填写即可。",
    "error_title": "付款未成功",
    "bad_number": "卡号无效。",
    "bad_expiry": "有效期无效。",
    "past_expiry": "银行卡已过有效期。",
    "bad_cvc": "安全码不完整。",
    "bad_holder": "请填写持卡人姓名。",
    "bad_email": "请填写有效的电子邮箱。",
    "authentication_title": "3-D Secure 验证",
    "authentication_text": "您的银行需要您确认这笔付款。",
    "authentication_complete": "完成验证",
    "authentication_fail": "验证失败",
    "expired_title": "页面已过期",
    "expired_text": "没有扣款。请返回后重新开始。",
    "done_title": "付款已完成",
    "done_text": "您已付款，无需再操作。",
    "missing_title": "页面不存在",
    "missing_text": "这个地址没有对应的付款。",
    "back": "返回",
}
# Refusals as the payer reads them, by decline code or error code.
DECLINES_IN_CHINESE = {
    "generic_decline": "您的银行卡被拒绝。",
    "insufficient_funds": "您的银行卡余额不足。",
    "expired_card": "您的银行卡已过期。",
    "incorrect_cvc": "您的银行卡安全码不正确。",
    "test_mode_live_card": "银行卡被拒绝：测试环境只能使用测试卡。",
    "authentication_failed": "无法验证您的付款方式，请换一种付款方式后重试。",
}
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment "
    "method and try again."
)


def choose(locale: str | None, accept_language: str) -> dict[str, str]:
    """The words for a session's locale, or for what the browser prefers."""
    wanted = locale if locale and locale != "auto" else accept_language.strip()
    return CHINESE if wanted.lower().startswith("zh") else ENGLISH


def refusal(words: dict[str, str], code: str, message: str) -> str:
    """Why a card was refused, in the page's language."""
    if words is CHINESE:
        return DECLINES_IN_CHINESE.get(code, DECLINES_IN_CHINESE["generic_decline"])
    return message
