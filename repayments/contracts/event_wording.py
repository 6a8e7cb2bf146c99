"""What happened to a contract, event by event, as the evidence file says it, in both languages.

Part of the paper, like a contract's words: a file that was made must not change when a translator
rewords a page. A test holds ``EVENTS`` against every code this room records. Who acted stands in a
column of its own, so no sentence names an actor.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

EVENTS: dict[str, tuple[str, str]] = {
    "contracts.drafted": ("Contract drawn up", "合同已拟定"),
    "contracts.frozen": (
        "Document made final; it cannot change from here on",
        "文件定稿，此后不可更改",
    ),
    "contracts.sent": ("Document put forward to be signed", "文件已提交签署"),
    "contracts.opened": ("Document opened", "打开文件"),
    "contracts.resumed": ("Came back to the document in a new session", "在新的会话中继续"),
    "contracts.costs_confirmed": ("Costs confirmed as read", "确认已阅读各项成本"),
    "contracts.read": ("Document gone through", "阅读文件"),
    "contracts.consented": ("Consents given", "作出同意"),
    "contracts.code_sent": ("Code to sign with sent", "签署验证码已发送"),
    "contracts.code_passed": ("Right code entered", "验证码输入正确"),
    "contracts.code_failed": ("Code entered that does not count", "验证码无效"),
    "contracts.signed": ("Signed", "签署"),
    "contracts.borrower_sealed": (
        "Borrower's seal and time stamp added",
        "加盖借款人签名印章和时间戳",
    ),
    "contracts.seal_failed": ("Seal not added; tried again later", "签章未成功，稍后重试"),
    "contracts.alarm": ("Staff alerted", "提醒工作人员"),
    "contracts.completed": (
        "Lender's seal and time stamp added; complete",
        "加盖出借人签章和时间戳，签署完成",
    ),
    "contracts.downloaded": ("Document downloaded", "下载文件"),
    "contracts.declined": ("Declined", "拒绝签署"),
    "contracts.voided": ("Made void", "作废"),
    "contracts.expired": ("Time to sign ran out", "签署期限已过"),
    "contracts.expiry_changed": ("Time to sign changed", "更改签署期限"),
    "contracts.superseded": ("Replaced by a newer contract", "由新合同取代"),
    "contracts.reissued": ("Issued anew", "重新出具"),
    "contracts.pointed_on": ("A newer contract comes in its place", "另有新合同替代"),
    "contracts.held": ("Placed under a legal hold", "设为法律保留"),
    "contracts.hold_lifted": ("Legal hold lifted", "解除法律保留"),
    "contracts.purged": ("Content removed; its time was over", "保存期满，内容已删除"),
    "contracts.drawing_erased": ("Drawn name erased", "手写签名已删除"),
    "contracts.evidence_made": ("Evidence file made", "生成存证文件"),
    "contracts.evidence_failed": (
        "Evidence file not made; tried again later",
        "存证文件未生成，稍后重试",
    ),
    "contracts.evidence_downloaded": ("Evidence file downloaded", "下载存证文件"),
    "contracts.kit_exported": ("Files for an independent check handed out", "提供独立核验文件包"),
}

# What an event holds, and how it is called. In this order on paper; what is not named here is
# printed last, under its own name: nothing is left out.
DETAILS: dict[str, tuple[str, str]] = {
    "document_sha256": ("Document, SHA-256", "文件 SHA-256"),
    "terms_sha256": ("Terms, SHA-256", "条款数据 SHA-256"),
    "template": ("Template", "合同模板"),
    "locale": ("Language", "语言"),
    "body_sha256": ("Template text, SHA-256", "模板正文 SHA-256"),
    "font_set_sha256": ("Fonts and layout, SHA-256", "字体与版式 SHA-256"),
    "engine": ("Typesetting", "排版引擎"),
    "kind": ("Kind", "类型"),
    "expires_at": ("To be signed by", "签署期限"),
    "expired_at_before": ("Before", "原签署期限"),
    "key": ("Consent", "同意事项"),
    "version": ("Version", "版本"),
    "consent_version": ("Consent version", "同意书版本"),
    "text_sha256": ("Text, SHA-256", "文本 SHA-256"),
    "consent_text_sha256": ("Consent texts, SHA-256", "同意书文本 SHA-256"),
    "dwell_ms": ("Page open for", "页面停留"),
    "reached_end": ("End of the text came into view", "已显示至文末"),
    "method": ("Method", "验证方式"),
    "sent_to": ("Sent to", "发送至"),
    "tries_left": ("Tries left", "剩余次数"),
    "mode": ("Name", "签名方式"),
    "image_sha256": ("Drawing, SHA-256", "手写图像 SHA-256"),
    "level": ("Signature level", "签名级别"),
    "certificate": ("Certificate, SHA-256", "证书 SHA-256"),
    "tsa_time": ("Time stamp", "时间戳"),
    "attempt": ("Try", "尝试次数"),
    "reason": ("Reason", "原因"),
    "code": ("About", "事项"),
    "detail": ("Detail", "说明"),
    "by": ("By", "取代合同"),
    "revision": ("File", "文件版本"),
    "events": ("Events in it", "所含事件数"),
}

# Values that are codes of ours, in words.
VALUES: dict[str, dict[str, tuple[str, str]]] = {
    "locale": {"en": ("English", "英文"), "zh-hans": ("Chinese", "中文")},
    "kind": {"loan": ("loan contract", "借款合同"), "plan": ("plan agreement", "分期还款协议")},
    "method": {"otp": ("one-time code", "一次性验证码"), "passkey": ("passkey", "通行密钥")},
    "mode": {"typed": ("typed", "输入"), "drawn": ("drawn", "手写")},
    "level": {"agreed_method": ("by the method agreed in the contract", "合同约定的方式")},
    "key": {
        "costs": ("costs", "成本"),
        "electronic": ("electronic documents", "电子文件"),
        "terms": ("terms", "条款"),
    },
    "revision": {
        "unsigned": ("as shown, not signed", "签署前版本"),
        "borrower": ("with the borrower's seal", "含借款人签章"),
        "final": ("signed and sealed", "签署完成版本"),
        "evidence": ("evidence", "存证文件"),
    },
    "reason": {
        "wrong": ("not the right code", "验证码错误"),
        "not_usable": ("no code open to enter", "没有可用的验证码"),
    },
}
MOMENTS = frozenset({"expired_at_before", "expires_at", "tsa_time"})
# Said elsewhere in the file, or in the event's own columns.
_ELSEWHERE = frozenset({"reference", "at", "ip", "user_agent", "session", "consents"})


def sentence_of(action: str, locale: str) -> str:
    """Say what happened; an unknown code stands for itself."""
    return EVENTS.get(action, (action, action))[locale.startswith("zh")]


def describe(payload: Mapping[str, Any], locale: str) -> list[tuple[str, str]]:
    """Put what an event holds into words, as (label, value); every moment with its zone, in UTC."""
    known = [key for key in DETAILS if key in payload]
    others = sorted(set(payload) - set(DETAILS) - _ELSEWHERE)
    lines = [
        (_label(key, locale), _value(key, payload[key], locale))
        for key in [*known, *others]
        if payload[key] not in ("", None)
    ]
    for consent in payload.get("consents", ()):
        given = _value("key", consent["key"], locale)
        lines.append((_label("key", locale), f"{given} · {consent['version']}"))
        lines.append((_label("text_sha256", locale), consent["text_sha256"]))
    return lines


def _label(key: str, locale: str) -> str:
    return DETAILS.get(key, (key, key))[locale.startswith("zh")]


def _value(key: str, value: Any, locale: str) -> str:
    zh = locale.startswith("zh")
    if key in MOMENTS:
        return write_utc(datetime.fromisoformat(value))
    if key == "dwell_ms":
        seconds = int(value) / 1000
        return f"{seconds:.1f}秒" if zh else f"{seconds:.1f} seconds"
    if isinstance(value, bool):
        return ("是" if value else "否") if zh else ("yes" if value else "no")
    words = VALUES.get(key, {}).get(str(value))
    if words:
        return words[zh]
    return (
        ", ".join(map(str, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def write_utc(moment: datetime) -> str:
    """Write a moment as "2026-12-01 01:30:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
