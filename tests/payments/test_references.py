"""References that payers copy: a wrong one is noticed; how it is written does not matter."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.payments.references import ALPHABET, find_ranges, loan_reference

LOAN = UUID("3f1c9a52-77de-4b0a-9b4e-2f6d1c0a8e11")
REFERENCE = loan_reference(LOAN)


def names(text: str, loan: UUID = LOAN) -> bool:
    return any(first <= loan <= last for first, last in find_ranges(text))


@given(st.uuids())
def test_a_reference_leads_to_its_loan(loan: UUID) -> None:
    assert names(loan_reference(loan), loan)


@given(st.uuids(), st.integers(0, 11), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(loan: UUID, place: int, char: str) -> None:
    plain = loan_reference(loan).replace("-", "")
    wrong = plain[:place] + char + plain[place + 1 :]

    assert bool(find_ranges(wrong)) is (wrong == plain)


@given(st.uuids(), st.integers(0, 11), st.integers(0, 11))
def test_two_exchanged_characters_are_always_noticed(loan: UUID, one: int, other: int) -> None:
    plain = list(loan_reference(loan).replace("-", ""))
    wrong = list(plain)
    wrong[one], wrong[other] = wrong[other], wrong[one]

    assert bool(find_ranges("".join(wrong))) is (wrong == plain)


@pytest.mark.parametrize(
    "written",
    [
        REFERENCE,
        REFERENCE.lower(),
        REFERENCE.replace("-", ""),
        REFERENCE.replace("-", " "),
        f"  Miete/loan: {REFERENCE}, danke!",
        f"还款 {REFERENCE} 林夏",
        REFERENCE.replace("0", "O"),
        REFERENCE.replace("0", "o").replace("1", "l"),
        REFERENCE.replace("1", "I"),
        "".join(chr(ord(char) + 0xFEE0) if char != "-" else char for char in REFERENCE),
        "\u200b".join(REFERENCE),
    ],
)
def test_how_it_is_written_does_not_matter(written: str) -> None:
    assert names(written)


@pytest.mark.parametrize("text", ["", "rent", REFERENCE[:-1], "U".join(REFERENCE), "还款"])
def test_what_is_no_reference_names_nothing(text: str) -> None:
    assert find_ranges(text) == []


def test_a_reference_is_twelve_characters_in_groups_of_four() -> None:
    assert len(REFERENCE) == 14
    assert [len(part) for part in REFERENCE.split("-")] == [4, 4, 4]
    assert not set("ILOU") & set("".join(loan_reference(uuid4()) for _ in range(200)))
