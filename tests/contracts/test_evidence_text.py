"""What the evidence file says: everything it must, in both languages, with a zone at each time."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from repayments.audit.models import Event
from repayments.contracts import (
    documents,
    evidence_wording,
    services,
    stored,
)
from repayments.contracts.event_wording import DETAILS, EVENTS, VALUES, describe, sentence_of
from repayments.contracts.evidence_paper import mask
from repayments.contracts.kit import build_kit
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.contracts.qr import draw_matrix
from tests.cases.test_timeline import recorded_codes
from tests.contracts.evidence import data_of, make, text_of
from tests.factories.contracts import (
    NOW,
    ORIGIN,
    consent,
    make_contract,
    make_person,
    make_signed,
    pass_code,
    sent_code,
    sign,
    signer_of,
)

ZONED = re.compile(r"\d{2}:\d{2}:\d{2} (UTC|Asia/Shanghai)")
TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")


def test_it_says_everything_the_page_asks_for(evidenced: Contract) -> None:
    said = json.dumps(data_of(evidenced), ensure_ascii=False)
    borrower, lender = evidenced.signatures.order_by("order")

    for told in (
        evidenced.reference,
        evidenced.verify_code,
        evidenced.terms_sha256,
        stored.get_frozen_sha256(evidenced),
        evidenced.revisions.get(kind="final").blob_id,
        "loan_contract v1",
        evidenced.template_version.body_sha256,
        "王镕",
        evidenced.terms["lender_name"],
        "s***@example.com",
        borrower.consent_version,
        borrower.consent_text_sha256,
        borrower.cert_fingerprint,
        lender.cert_fingerprint,
        "CN=Lender seal (development)",
        "CN=Borrower signing seal (development)",
        "Time stamp authority (development)",
        "2026-12-01 01:30:00 UTC · 2026-12-01 09:30:00 Asia/Shanghai",
        "203.0.113.7",
        "Tests/1.0",
        "可靠电子签名",
    ):
        assert told in said, told
    for entry in evidenced.consents:
        if "text" in entry:
            assert entry["text"] in said
            assert entry["text_sha256"] in said


def test_every_event_is_in_it_and_the_last_ones_hash(evidenced: Contract) -> None:
    data = data_of(evidenced)
    events = Event.objects.filter(stream=evidenced.stream).exclude(action="contracts.evidence_made")

    rows = data["events"]["rows"]
    assert [row["number"] for row in rows] == [str(event.seq) for event in events.order_by("seq")]
    facts = data["chain"]["groups"][0]["facts"]
    assert facts[1]["value"] == events.latest("seq").hash


def test_an_address_in_the_picture_leads_to_the_check(
    evidenced: Contract, client: Client, settings: Any
) -> None:
    address = f"{settings.SITE_URL}/verify/?code={evidenced.verify_code}"
    assert data_of(evidenced)["check"]["qr"] == draw_matrix(address)

    page = client.get(address.removeprefix(settings.SITE_URL))
    assert evidenced.verify_code in page.content.decode()


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_case_39_every_time_in_the_file_carries_its_zone(
    room: None, tmp_path: Path, language: str
) -> None:
    contract = make_signed(make_person("王镕", language=language))
    services.seal_contract(contract_id=contract.pk, now=NOW)
    make(contract)

    text = text_of(contract, tmp_path)

    assert len(ZONED.findall(text)) >= 2 * Event.objects.filter(stream=contract.stream).count() - 2
    assert TIME.findall(ZONED.sub("", text)) == []


@pytest.mark.parametrize("address", ["evidence", "detail"])
def test_case_39_every_time_on_the_page_carries_its_zone(
    evidenced: Contract, client: Client, address: str
) -> None:
    client.force_login(signer_of(evidenced))

    page = client.get(reverse(f"contracts:{address}", args=[evidenced.public_id]))

    zoned = re.compile(r"\d{1,2}:\d{2}(:\d{2})? ?( UTC| Asia/Shanghai|\(China Time\)|（中国时间）)")
    text = re.sub(r"<[^>]+>", " ", page.content.decode())
    assert zoned.search(text)
    assert TIME.findall(zoned.sub("", text)) == []


def test_case_40_no_code_and_no_full_number_in_evidence_and_kit(
    room: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    contract = make_contract(make_person("王镕", reference="330106199001011234"))
    consent(contract)
    pass_code(contract)
    code = sent_code(contract)
    sign(contract)
    services.seal_contract(contract_id=contract.pk, now=NOW)
    make(contract)
    client.force_login(signer_of(contract))
    client.get(reverse("contracts:kit", args=[contract.public_id]))

    events = build_kit(contract)["events.jsonl"].decode()
    told = {
        "evidence": json.dumps(data_of(contract)),
        "payloads": json.dumps([json.loads(line)["payload"] for line in events.splitlines()]),
        "log": caplog.text,
        "subjects": " ".join(str(message.subject) for message in mail.outbox),
    }
    address = signer_of(contract).email
    for where, text in told.items():
        # Hashes are hex: a code stands alone, not inside one.
        assert not re.search(rf"(?<![0-9a-f]){code}(?![0-9a-f])", text), where
        assert "330106199001011234" not in text, where
        assert address not in text, where
    assert "33***34" in told["evidence"]


def test_what_cannot_be_printed_does_not_stop_the_evidence(complete: Contract) -> None:
    odd = Origin("203.0.113.9", "Browser 𠮷 \u202e#set page()[$x$] <b>", "u" * 64)
    services.record_download(
        contract=complete,
        sha256="0" * 64,
        kind="final",
        actor=signer_of(complete),
        origin=odd,
        now=NOW,
    )

    assert make(complete)

    rows = data_of(complete)["origins"]["rows"]
    assert rows[-1][2] == "Browser  #set page()[$x$] <b>"


def test_every_signature_row_is_told_also_a_third_one(complete: Contract) -> None:
    """A third signer, whatever the party is called, has a place of their own in the file."""
    lender = complete.signatures.get(party="lender")
    complete.signatures.create(
        party="guarantor",
        order=3,
        mode="typed",
        name="李喆",
        doc_sha256=lender.doc_sha256,
        signed_at=NOW,
    )

    assert make(complete)

    groups = data_of(complete)["sections"][3]["groups"]
    assert [group["heading"] for group in groups][2] == "3. 签署人（guarantor）：李喆"


def test_staff_and_others_are_named_beside_their_deeds(complete: Contract) -> None:
    staff = User.objects.create_user("officer@example.com", "correct horse", is_staff=True)
    services.record_kit_export(contract=complete, actor=staff, origin=ORIGIN, now=NOW)
    assert make(complete)

    row = data_of(complete)["events"]["rows"][-1]
    assert row["text"] == "提供独立核验文件包"
    assert row["who"] == f"出借人工作人员（{staff.pk} 号） · 来源 A"


def test_every_event_of_a_contract_has_a_sentence_in_both_languages() -> None:
    # A letter's events stand in its loan's stream, a late head's in that of the heads, those of
    # words in their template's.
    others = re.compile(r"contracts\.(letter_.*|template_.*|issue_refused|head_late)")
    recorded = {code for code in recorded_codes() if code.startswith("contracts.")}
    recorded = {code for code in recorded if not others.fullmatch(code)}

    assert recorded == set(EVENTS)
    assert sentence_of("contracts.unheard_of", "en") == "contracts.unheard_of"


def test_every_word_is_there_in_both_languages() -> None:
    chinese, english = (evidence_wording.WORDS[locale] for locale in ("zh-hans", "en"))
    assert chinese.keys() == english.keys()
    fields = re.compile(r"\{(\w+)\}")
    for key in english:
        assert set(fields.findall(chinese[key])) == set(fields.findall(english[key])), key
    pairs = [*EVENTS.values(), *DETAILS.values(), *(w for v in VALUES.values() for w in v.values())]
    for in_english, in_chinese in pairs:
        assert in_english.isascii()
        assert not in_chinese.isascii() or in_chinese == in_english
    everything = "".join([*chinese.values(), *english.values(), *(p for two in pairs for p in two)])
    assert documents.find_unprintable(everything) == []


def test_what_an_event_holds_is_told_whole() -> None:
    payload = {
        "reference": "LC-1",
        "dwell_ms": 12_345,
        "reached_end": False,
        "method": "otp",
        "expires_at": "2026-12-31T09:30:00+08:00",
        "later_invention": [1, 2],
        "consents": [{"key": "terms", "version": "2026-11-01", "text_sha256": "ab" * 32}],
    }
    assert describe(payload, "en") == [
        ("To be signed by", "2026-12-31 01:30:00 UTC"),
        ("Page open for", "12.3 seconds"),
        ("End of the text came into view", "no"),
        ("Method", "one-time code"),
        ("later_invention", "1, 2"),
        ("Consent", "terms · 2026-11-01"),
        ("Text, SHA-256", "ab" * 32),
    ]


@pytest.mark.parametrize(
    ("number", "masked"), [("SB-00017", "SB***17"), ("12345", "***"), ("", "***")]
)
def test_numbers_are_masked(number: str, masked: str) -> None:
    assert mask(number) == masked
