"""The search for card data finds what it must, in each place, and nothing else."""

import base64
import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from tests.card_data import find_in_bytes, find_in_database, find_in_files, find_in_text

PAN = "4242424242424242"


@pytest.mark.parametrize(
    "text",
    [
        PAN,
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "paid 12 4242 4242 4242 4242 10",
        f'{{"number": "{PAN}"}}',
        f"first line\\n{PAN}",
        "card[number]=5555555555554444&",
        "378282246310005",
        "6200000000000005",
        "30569309025904",
        "4222222222222",
    ],
)
def test_a_card_number_is_found_however_it_is_written_fault_48(text: str) -> None:
    assert [found.kind for found in find_in_text(text)] == ["number"]


@pytest.mark.parametrize(
    "text",
    ["cvc=123", '"cvc": "1234"', '{\\"cvv\\":\\"123\\"}', "card[cvc]=123", "card%5Bcvc%5D=123"]
    + ["security code: 123", "安全码 123"],
)
def test_a_security_code_is_found_next_to_its_word_fault_48(text: str) -> None:
    assert [found.kind for found in find_in_text(text)] == ["code"]


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # fails Luhn
        "1764070000000",  # a moment in milliseconds
        "2026-12-01 2026-12-02 2026-12-03",
        "ab4242424242424242cd",  # inside a hash
        "0.4242424242424242",
        "42424242-4242-4242-8242-424242424242",
        '"cvc_check": "pass"',
        "last4 4242, order 123",
        "the code 123456",
    ],
)
def test_what_only_looks_like_card_data_is_left_alone(text: str) -> None:
    assert find_in_text(text) == []


def test_a_finding_does_not_tell_the_number() -> None:
    assert PAN not in repr(find_in_text(PAN))


@pytest.mark.parametrize("column", ["note", "body", "data"])
def test_each_kind_of_column_is_searched_fault_48(tmp_path: Path, column: str) -> None:
    path = tmp_path / "planted.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE kept (note TEXT, body BLOB, data JSON)")
        database.execute("INSERT INTO kept VALUES ('a', x'00', '{}')")
        value = PAN.encode() if column == "body" else f'["{PAN}"]'
        database.execute(f"INSERT INTO kept ({column}) VALUES (?)", [value])  # noqa: S608
        database.commit()

    [found] = find_in_database(f"sqlite:///{path}")

    assert (found.place, found.ending) == (f"kept.{column}", "4242")


def test_a_message_to_a_worker_is_opened_fault_48(tmp_path: Path) -> None:
    body = base64.b64encode(json.dumps([[], {"number": PAN}, {}]).encode()).decode()
    path = tmp_path / "1.celery.msg"
    path.write_text(json.dumps({"body": body, "content-encoding": "utf-8"}))

    assert [found.place for found in find_in_files([path])] == ["1.celery.msg"]


@pytest.mark.parametrize("is_compressed", [True, False])
def test_what_a_pdf_attaches_is_opened_fault_48(is_compressed: bool) -> None:
    attached = json.dumps({"note": f"paid by {PAN}"}).encode()
    stream = zlib.compress(attached) if is_compressed else attached
    pdf = b"%PDF-1.7\n1 0 obj\n<<>>\nstream\n" + stream + b"\nendstream\nendobj\n"

    assert [found.ending for found in find_in_bytes(pdf)] == ["4242"]


def test_a_message_that_is_taken_away_meanwhile_is_no_error(tmp_path: Path) -> None:
    assert find_in_files([tmp_path / "gone.msg"]) == []
