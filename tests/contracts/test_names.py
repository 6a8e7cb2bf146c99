"""Any name that can be typed prints, and reads back out of the PDF, or is refused at entry."""

import shutil
import subprocess
import tempfile
import unicodedata
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.names import check_name, find_unprintable, is_unseen, show_characters
from repayments.contracts import documents, services
from tests.contracts.samples import NOW, contract_data, with_borrower
from tests.factories.contracts import make_person

needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="poppler's pdftotext is not installed"
)
# A character of the font, one of the whole of Unicode, or one that has made trouble elsewhere.
PRINTED = sorted(documents._covered())
CHARACTERS = st.one_of(
    st.sampled_from(PRINTED).map(chr),
    st.characters(),
    st.sampled_from([*"#$<>{}@\\*_`~[]/\"'&%", "\u200f", "\u200e", "\u202e", "\u0301", "𠮷", "😀"]),
)
NAMES = st.lists(st.text(CHARACTERS, min_size=1, max_size=12), min_size=1, max_size=12)


def plain(text: str) -> str:
    """What is seen of a text: without marks of direction, joiners, blanks and kinds of width."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(
        char for char in normal if unicodedata.category(char) not in {"Cf", "Cc", "Zs", "Zl", "Zp"}
    )


def read(pdf: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.pdf"
        path.write_bytes(pdf)
        return subprocess.run(  # noqa: S603 - a fixed command
            ["pdftotext", "-raw", str(path), "-"],  # noqa: S607 - as installed
            capture_output=True,
            check=True,
        ).stdout.decode()


def enter(name: str) -> None:
    try:
        check_name(name)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error


@needs_poppler
@settings(max_examples=30)
@given(NAMES)
@example(["Wang\u200f Rong 100", "#panic()", "$x^2$", "<b>王</b>", "{amount}", "@a", "\\ // /*"])
def test_case_1_a_name_is_printed_and_read_back_or_refused_at_entry(names: list[str]) -> None:
    taken = []
    for name in names:
        unprintable = find_unprintable(name)
        if unprintable or is_unseen(name):
            with pytest.raises(ValueError, match=r".") as refusal:
                enter(name)
            assert show_characters(unprintable) in str(refusal.value)
            # And where nobody looked, the paper is not made: no gap, no box.
            for char in unprintable:
                if unicodedata.category(char) not in {"Cc", "Zl", "Zp"}:
                    with pytest.raises(documents.MissingGlyph):
                        documents.render_contract(with_borrower(char), timestamp=NOW)
        else:
            enter(name)
            taken.append(name)

    data = contract_data("en", rows=1)
    data["key_terms"] = [
        {"label": f"Q{number:02d}", "value": f"<{name}>"} for number, name in enumerate(taken)
    ]
    printed = plain(read(documents.render_contract(data, timestamp=NOW)))
    for name in taken:
        assert plain(f"<{name}>") in printed, ascii(name)


@needs_poppler
def test_case_1_every_character_of_the_font_is_printed_and_read_back() -> None:
    """All of them in one document: what is let in at entry has never been seen to fail later."""
    whole = "".join(map(chr, PRINTED))
    refused = set(find_unprintable(whole))
    let_in = [char for char in whole if char not in refused]
    assert len(let_in) > 30_000
    data = contract_data("en", rows=1)
    data["key_terms"] = [
        {"label": f"{start}", "value": "".join(let_in[start : start + 500])}
        for start in range(0, len(let_in), 500)
    ]

    printed = set(plain(read(documents.render_contract(data, timestamp=NOW))))

    assert set(plain("".join(let_in))) - printed == set()


@needs_poppler
@pytest.mark.parametrize("name", ["Wang\u200f Rong", "#1 $x$ <b>", "{borrower_name}", "王 #王"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_case_2_markup_and_marks_of_direction_print_literally(name: str, language: str) -> None:
    printed = plain(read(documents.render_contract(with_borrower(name, language), timestamp=NOW)))

    assert plain(name) in printed


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(
    ("typed", "shown"), [("Wang 𠮷", "“𠮷” (U+20BB7)"), ("Wang \u202eRong", "U+202E")]
)
def test_case_1_signing_names_the_character_before_anything_is_signed(
    typed: str, shown: str
) -> None:
    borrower = make_person("晴川制造有限公司", kind="business")

    with pytest.raises(services.NameRefused) as refusal:
        services.check_name(name=typed, borrower=borrower)

    assert shown in str(refusal.value)


@pytest.mark.usefixtures("room")
def test_case_1_a_name_that_prints_as_nothing_is_no_name() -> None:
    borrower = make_person("晴川制造有限公司", kind="business")

    with pytest.raises(services.NameRefused):
        services.check_name(name="\u200f\u200e\u200f", borrower=borrower)
