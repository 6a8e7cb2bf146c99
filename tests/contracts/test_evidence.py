"""The evidence file: made once, sealed, telling everything, and handed to whom it concerns."""

import json
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contracts import (
    blobs,
    documents,
    evidence_wording,
    failpoints,
    sealing,
    services,
    stored,
    tasks,
)
from repayments.contracts.event_wording import DETAILS, EVENTS, VALUES, describe, sentence_of
from repayments.contracts.evidence_paper import mask
from repayments.contracts.kit import build_kit
from repayments.contracts.models import Contract, Evidence
from repayments.contracts.origin import Origin
from repayments.contracts.qr import draw_matrix
from repayments.contracts.queries import get_verdict
from repayments.contracts.services import evidence as making
from tests.cases.test_timeline import recorded_codes
from tests.contracts.samples import run_tool
from tests.contracts.test_seal import Crash, crash
from tests.factories.cases import make_colleague, sign_in_staff
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

LATER = NOW + timedelta(hours=2)
ZONED = re.compile(r"\d{2}:\d{2}:\d{2} (UTC|Asia/Shanghai)")
TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")


@pytest.fixture
def complete(signed: Contract) -> Contract:
    """A sealed contract whose evidence waits to be made."""
    assert services.seal_contract(contract_id=signed.pk, now=NOW)
    signed.refresh_from_db()
    return signed


@pytest.fixture
def evidenced(complete: Contract) -> Contract:
    assert make(complete)
    return complete


def make(contract: Contract, **changes: Any) -> bool:
    return services.make_evidence(contract_id=contract.pk, now=changes.get("now", NOW))


def pdf_of(contract: Contract) -> bytes:
    return blobs.read(contract.revisions.get(kind="evidence").blob_id)


def data_of(contract: Contract) -> dict[str, Any]:
    return documents.read_attachment(pdf_of(contract))


def text_of(contract: Contract, folder: Path) -> str:
    (folder / "evidence.pdf").write_bytes(pdf_of(contract))
    return run_tool("pdftotext", "-layout", "evidence.pdf", "-", cwd=folder)


# --- Making -------------------------------------------------------------------------------------


def test_a_completed_contract_gets_its_evidence(complete: Contract) -> None:
    assert services.list_without_evidence(now=NOW) == [complete.pk]

    assert make(complete)

    kinds = list(complete.revisions.order_by("n").values_list("n", "kind"))
    assert kinds == [(1, "unsigned"), (2, "borrower"), (3, "final"), (4, "evidence")]
    assert services.list_without_evidence(now=LATER) == []
    assert not make(complete, now=LATER)
    event = Event.objects.get(action="contracts.evidence_made")
    assert event.payload["document_sha256"] == complete.revisions.get(kind="evidence").blob_id
    assert event.payload["events"] == event.seq - 1
    assert verify_audit(streams=[complete.stream]) is None


def test_it_is_genuine_and_holds_when_read(evidenced: Contract) -> None:
    pdf = pdf_of(evidenced)

    for parse in (True, False):
        verdict = get_verdict(pdf, parse_known=parse)
        assert (verdict.verdict, verdict.reason) == ("genuine", "evidence_on_record")
    grown = get_verdict(pdf + b"\n", parse_known=False)
    assert (grown.verdict, grown.reference) == ("invalid", f"{evidenced.reference}-E")
    flipped = bytearray(pdf)
    flipped[len(pdf) // 3] ^= 1
    assert get_verdict(bytes(flipped), parse_known=False).verdict == "invalid"


def test_it_begins_with_the_file_before_the_seal(evidenced: Contract) -> None:
    frozen = evidenced.evidence.frozen
    assert frozen is not None
    assert pdf_of(evidenced).startswith(blobs.read(frozen.sha256))


@pytest.mark.parametrize("status", ["unsigned", "signed"])
def test_a_contract_that_is_not_complete_has_none(ready: Contract, status: str) -> None:
    if status == "signed":
        sign(ready)
    assert not make(ready)
    assert not Evidence.objects.exists()


POINTS = ["evidence_claimed", "evidence_sealed", "evidence_written", "evidence_storing"]


@pytest.mark.parametrize("point", POINTS)
def test_case_18_a_crash_at_any_point_leaves_one_evidence_file(
    complete: Contract, point: str
) -> None:
    failpoints.put(point, crash)
    with pytest.raises(Crash):
        make(complete)
    failpoints.clear()
    assert not complete.revisions.filter(kind="evidence").exists()
    assert services.list_without_evidence(now=NOW + timedelta(minutes=4)) == []

    assert services.list_without_evidence(now=LATER) == [complete.pk]
    assert make(complete, now=LATER)

    assert complete.revisions.filter(kind="evidence").count() == 1
    assert Event.objects.filter(action="contracts.evidence_made").count() == 1
    assert get_verdict(pdf_of(complete), parse_known=True).verdict == "genuine"


def test_two_workers_make_one(complete: Contract) -> None:
    """The second comes while the first is at it."""
    failpoints.put("evidence_sealed", lambda: second.append(make(complete)))
    second: list[bool] = []

    assert make(complete)

    assert second == [False]
    assert complete.revisions.filter(kind="evidence").count() == 1


def test_twin_without_the_claim_both_workers_make_it(
    complete: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard off: both render and seal. Only the contract's one revision of a kind is left."""
    monkeypatch.setattr(making, "_due", lambda now: Evidence.objects.all())
    sealed: list[str] = []

    def second() -> None:
        failpoints.clear()
        sealed.append("second")
        assert make(complete, now=LATER)

    failpoints.put("evidence_sealed", second)

    assert not make(complete)
    assert sealed == ["second"]
    assert complete.revisions.filter(kind="evidence").count() == 1


def test_a_worker_thought_dead_comes_too_late(complete: Contract) -> None:
    def meanwhile() -> None:
        failpoints.clear()
        assert make(complete, now=LATER)

    failpoints.put("evidence_written", meanwhile)

    assert not make(complete)

    assert complete.revisions.filter(kind="evidence").count() == 1
    complete.evidence.refresh_from_db()
    assert (complete.evidence.made_at, complete.evidence.error) == (LATER, "")


def test_a_failure_waits_and_is_told_to_staff(
    complete: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise sealing.SealingError("time_stamp_unavailable", "no answer")

    with monkeypatch.context() as broken:
        broken.setattr(sealing, "seal_document", down)
        assert not make(complete)

    evidence = Evidence.objects.get(contract=complete)
    assert (evidence.error, evidence.attempts) == ("time_stamp_unavailable", 1)
    assert evidence.try_again_at == NOW + timedelta(seconds=60)
    assert not make(complete, now=NOW + timedelta(seconds=59))
    assert make(complete, now=NOW + timedelta(seconds=60))
    texts = [row["text"] for row in data_of(complete)["events"]["rows"]]
    assert texts[-1] == "存证文件未生成，稍后重试"


def test_a_file_whose_seals_are_not_those_on_record_makes_no_evidence(complete: Contract) -> None:
    complete.signatures.filter(party="lender").update(cert_fingerprint="0" * 64)

    assert not make(complete)

    assert Evidence.objects.get(contract=complete).error == "SignaturesDiffer"


def test_the_sweep_finds_it_and_sealing_hastens_it(
    signed: Contract, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.seal_contract(contract_id=signed.pk)
    assert signed.revisions.filter(kind="evidence").exists()

    other = make_signed()
    services.seal_contract(contract_id=other.pk, now=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_contracts()
    assert other.revisions.filter(kind="evidence").exists()


def test_contracts_of_a_release_before_are_found_once_a_day(complete: Contract) -> None:
    Evidence.objects.all().delete()
    assert services.list_without_evidence(now=LATER) == []

    assert services.adopt_contracts() == 1
    assert services.adopt_contracts() == 0

    assert services.list_without_evidence(now=LATER) == [complete.pk]


# --- What it says -------------------------------------------------------------------------------


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
        "subjects": " ".join(message.subject for message in mail.outbox),
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


# --- Words --------------------------------------------------------------------------------------


def test_every_event_of_a_contract_has_a_sentence_in_both_languages() -> None:
    # A letter's events stand in its loan's stream, a late head's in that of the heads.
    others = re.compile(r"contracts\.(letter_.*|issue_refused|head_late)")
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


# --- Handing out --------------------------------------------------------------------------------

ADDRESSES = ["evidence", "evidence_pdf", "kit"]


@pytest.mark.parametrize("name", ADDRESSES)
def test_case_12_a_stranger_gets_404_and_the_anonymous_go_to_sign_in(
    evidenced: Contract, client: Client, name: str
) -> None:
    url = reverse(f"contracts:{name}", args=[evidenced.public_id])
    assert "/login/" in client.get(url).headers["Location"]
    client.force_login(signer_of(evidenced))
    assert client.post(url).status_code == 405
    stranger = make_person("李喆").user
    assert stranger is not None
    client.force_login(stranger)
    assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    ("name", "action", "media"),
    [
        ("evidence_pdf", "evidence_downloaded", "application/pdf"),
        ("kit", "kit_exported", "application/zip"),
    ],
)
def test_taking_it_away_is_an_event(
    evidenced: Contract, client: Client, name: str, action: str, media: str
) -> None:
    client.force_login(signer_of(evidenced))
    url = reverse(f"contracts:{name}", args=[evidenced.public_id])
    client.head(url)
    noted = Event.objects.filter(action=f"contracts.{action}")
    assert not noted.exists()

    answer = client.get(url)

    assert answer.headers["Content-Type"] == media
    assert evidenced.reference in answer.headers["Content-Disposition"]
    assert "王" not in answer.headers["Content-Disposition"]
    assert noted.get().actor == signer_of(evidenced)
    if name == "evidence_pdf":
        assert answer.content == pdf_of(evidenced)


def test_the_page_is_made_from_the_sealed_file(evidenced: Contract, client: Client) -> None:
    client.force_login(signer_of(evidenced))

    page = client.get(reverse("contracts:evidence", args=[evidenced.public_id])).content.decode()

    data = data_of(evidenced)
    for row in data["events"]["rows"]:
        assert row["text"] in page
    assert data["statements"][1]["lines"][0] in page
    assert page.index("本文件不能说明") < page.index("哈希链")


def test_the_page_asks_few_queries(
    evidenced: Contract, client: Client, django_assert_max_num_queries: Any
) -> None:
    """Session, user, the session's list entry, contract with loan and template, the revision."""
    client.force_login(signer_of(evidenced))
    url = reverse("contracts:evidence", args=[evidenced.public_id])
    client.get(url)
    with django_assert_max_num_queries(5):
        client.get(url)


def test_before_it_is_made_the_page_says_so_and_there_is_no_file(
    complete: Contract, client: Client
) -> None:
    client.force_login(signer_of(complete))
    page = client.get(reverse("contracts:evidence", args=[complete.public_id]))
    assert page.status_code == 200
    assert "evidence.pdf" not in page.content.decode()
    url = reverse("contracts:evidence_pdf", args=[complete.public_id])
    assert client.get(url).status_code == 404


def test_before_the_contract_is_complete_the_page_leads_back(
    signed: Contract, client: Client
) -> None:
    client.force_login(signer_of(signed))
    answer = client.get(reverse("contracts:evidence", args=[signed.public_id]))
    assert answer.headers["Location"] == signed.get_absolute_url()
    assert client.get(reverse("contracts:kit", args=[signed.public_id])).status_code == 404


@pytest.mark.parametrize("name", ["evidence", "kit"])
def test_staff_take_it_from_the_contract_and_it_is_an_event(evidenced: Contract, name: str) -> None:
    officer = make_colleague("contract_officer")
    staff = sign_in_staff(officer)
    url = reverse(f"admin:contracts_contract_{name}", args=[evidenced.pk])
    change = reverse("admin:contracts_contract_change", args=[evidenced.pk])
    assert url in staff.get(change).content.decode()

    assert staff.get(url).status_code == 200

    actions = ("contracts.evidence_downloaded", "contracts.kit_exported")
    assert Event.objects.get(action__in=actions).actor == officer


def test_staff_without_the_right_get_nothing(evidenced: Contract) -> None:
    staff = sign_in_staff(make_colleague("risk_officer"))
    for name in ("evidence", "kit"):
        url = reverse(f"admin:contracts_contract_{name}", args=[evidenced.pk])
        assert staff.get(url).status_code == 403


def test_the_lists_of_staff_open(evidenced: Contract) -> None:
    staff = sign_in_staff(make_colleague("contract_officer"))
    services.make_head(day=NOW.date(), now=NOW)
    for name in ("evidence", "dailyhead"):
        page = staff.get(reverse(f"admin:contracts_{name}_changelist"))
        assert page.status_code == 200
