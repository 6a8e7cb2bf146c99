import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repayments.contracts import documents
from repayments.contracts.documents import ClauseError, DocumentError, MissingGlyph
from tests.contracts.samples import NOW, contract_data, receipt_data, run_tool, with_borrower

needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="poppler's pdftotext is not installed"
)


def text_of(pdf: bytes, tmp_path: Path, *options: str) -> str:
    path = tmp_path / "document.pdf"
    path.write_bytes(pdf)
    return run_tool("pdftotext", "-layout", *options, str(path), "-", cwd=tmp_path)


@pytest.mark.parametrize("locale", ["zh-hans", "en"])
def test_the_same_inputs_give_the_same_bytes_in_another_process(locale: str) -> None:
    script = (
        "import sys, hashlib; from tests.contracts.samples import *;"
        "from repayments.contracts import documents;"
        f"pdf = documents.render_contract(contract_data({locale!r}), timestamp=NOW);"
        "print(hashlib.sha256(pdf).hexdigest())"
    )
    other = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    here = documents.render_contract(contract_data(locale), timestamp=NOW)
    assert other.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_another_word_gives_other_bytes() -> None:
    one = documents.render_contract(with_borrower("王镕"), timestamp=NOW)
    other = documents.render_contract(with_borrower("王铭"), timestamp=NOW)
    assert one != other


@needs_poppler
@pytest.mark.parametrize(
    "name", ["#let x = 1", "$sum_i$ *bold*", "<b>Wang</b>", "@preview \\ [x] // y", "{reference}"]
)
def test_markup_in_a_name_is_printed_as_it_stands(name: str, tmp_path: Path) -> None:
    pdf = documents.render_contract(with_borrower(name), timestamp=NOW)
    assert name in text_of(pdf, tmp_path)
    assert documents.read_attachment(pdf)["borrower"]["name"] == name


@needs_poppler
def test_a_direction_mark_in_a_name_prints_and_turns_nothing(tmp_path: Path) -> None:
    pdf = documents.render_contract(with_borrower("Wang\u200f Rong 100"), timestamp=NOW)
    printed = text_of(pdf, tmp_path).replace("\u200f", "")
    assert "Wang Rong 100" in printed


@pytest.mark.parametrize("char", ["𠮷", "😀", "\u202e", "\ufeff", "\x01", "\ud800"])
def test_a_character_that_cannot_be_printed_is_found_and_refused(char: str) -> None:
    assert documents.find_unprintable(f"王{char}{char}明") == [char]
    with pytest.raises(MissingGlyph) as refusal:
        documents.render_contract(with_borrower(f"王{char}明"), timestamp=NOW)
    assert refusal.value.characters == [char]


def test_the_engine_itself_refuses_what_the_font_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin of the check at entry: with that check off, the render still fails closed."""
    monkeypatch.setattr(documents, "find_unprintable", lambda text: [])
    with pytest.raises(MissingGlyph) as refusal:
        documents.render_contract(with_borrower("王𠮷明"), timestamp=NOW)
    assert "𠮷" in refusal.value.characters


def test_rare_characters_of_real_names_are_printable() -> None:
    assert documents.find_unprintable("镕喆堃玥祎赟旻䶮𬭎 O'Brien-Ñandú ·") == []


@needs_poppler
@pytest.mark.parametrize(
    ("locale", "page", "column"),
    [
        ("en", r"Page (\d+) of (\d+)", "Due date"),
        ("zh-hans", r"第 ?(\d+) ?页，共 ?(\d+) ?页", "应还日期"),
    ],
)
def test_case_7_a_schedule_of_sixty_rows_repeats_its_header_and_counts_pages(
    locale: str, page: str, column: str, tmp_path: Path
) -> None:
    pdf = documents.render_contract(contract_data(locale, rows=60), timestamp=NOW)
    pages = text_of(pdf, tmp_path).rstrip("\f").split("\f")
    counted = [re.search(page, content) for content in pages]
    assert [match and match.groups() for match in counted] == [
        (str(n), str(len(pages))) for n in range(1, len(pages) + 1)
    ]
    with_rows = [content for content in pages if re.search(r"20(27|28|29|30|31)-\d\d-05", content)]
    assert len(with_rows) >= 2
    assert all(column in content for content in with_rows)


@pytest.mark.parametrize("rows", [1, 60])
def test_the_data_comes_out_of_the_file_as_it_went_in(rows: int) -> None:
    data = contract_data("zh-hans", rows=rows)
    assert documents.read_attachment(documents.render_contract(data, timestamp=NOW)) == data


@pytest.mark.skipif(not shutil.which("pdfdetach"), reason="poppler's pdfdetach is not installed")
def test_another_program_takes_the_data_out_too(frozen: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(frozen)
    detach = ("pdfdetach", "-savefile", "contract.json", "-o", "out.json", "c.pdf")
    run_tool(*detach, cwd=tmp_path)
    assert json.loads((tmp_path / "out.json").read_text()) == contract_data("zh-hans")


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\n%%EOF", b"not a pdf"])
def test_a_file_without_data_is_refused(pdf: bytes) -> None:
    with pytest.raises(documents.AttachmentMissing):
        documents.read_attachment(pdf)


def test_both_signatures_have_a_place_on_the_last_page(frozen: bytes) -> None:
    boxes = documents.read_attachment(frozen, documents.FIELDS_ATTACHMENT)
    borrower, lender = boxes["borrower"], boxes["lender"]
    assert borrower["page"] == lender["page"]
    assert borrower["x"] + borrower["width"] < lender["x"]
    assert borrower["height"] > 100


@needs_poppler
@pytest.mark.parametrize("locale", ["en", "zh-hans"])
def test_the_cost_table_says_all_that_the_rule_asks_for(locale: str, tmp_path: Path) -> None:
    """CN-R1: items with rate and collector, the all-in cost, default costs, no other charges."""
    data = contract_data(locale)
    printed = re.sub(r"\s", "", text_of(documents.render_contract(data, timestamp=NOW), tmp_path))
    cost = data["cost_table"]
    assert cost is not None
    for words in [
        cost["all_in_cost"]["value"],
        cost["no_other_charges"],
        data["labels"]["default_costs"],
        *(item["rate"] for item in [*cost["items"], *cost["default_costs"]]),
        *(item["collector"] for item in cost["items"]),
    ]:
        assert re.sub(r"\s", "", words) in printed


@needs_poppler
@pytest.mark.parametrize("locale", ["en", "zh-hans"])
def test_a_receipt_fits_on_one_page(locale: str, tmp_path: Path) -> None:
    printed = text_of(documents.render_receipt(receipt_data(locale), timestamp=NOW), tmp_path)
    assert printed.count("\f") == 1
    assert "¥8,884.88" in printed


def test_a_template_may_not_fetch_packages() -> None:
    with pytest.raises(DocumentError):
        documents.render(template='#import "@preview/x:1.0.0"', data={}, timestamp=NOW)


def test_a_template_cannot_read_files_outside_its_folder() -> None:
    with pytest.raises(DocumentError):
        documents.render(template='#read("/../documents.py")', data={}, timestamp=NOW)


def test_clauses_are_filled_and_numbered() -> None:
    body: list[documents.ClauseText] = [{"heading": "A {x}", "paragraphs": ["{x} and {y}"]}]
    clauses = documents.fill_clauses(body, {"x": "{y}", "y": "2"}, {"x", "y"}, locale="zh-hans")
    # A value is data: the "{y}" within it is not filled again.
    assert clauses == [{"number": "第一条", "heading": "A {y}", "paragraphs": ["{y} and 2"]}]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{secret}", {"secret": "1"}),
        ("{name}", {}),
        ("{0.__class__}", {"name": "x"}),
        ("{name!r}", {"name": "x"}),
        ("{ name }", {"name": "x"}),
        ("{{ settings.SECRET_KEY }}", {"name": "x"}),
        ("a } b", {"name": "x"}),
    ],
)
def test_an_unknown_placeholder_is_refused(text: str, values: dict[str, str]) -> None:
    with pytest.raises(ClauseError):
        documents.fill_clauses([{"heading": "h", "paragraphs": [text]}], values, {"name"})


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "第一条"), (10, "第十条"), (12, "第十二条"), (20, "第二十条"), (35, "第三十五条")],
)
def test_chinese_clauses_are_numbered_in_chinese(number: int, text: str) -> None:
    assert documents.clause_number(number, "zh-hans") == text
    assert documents.clause_number(number, "en") == f"{number}."


def test_no_two_fonts_share_family_and_weight() -> None:
    """Else the engine picks by file order, and the bytes of every document change."""
    import typst

    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(documents.FONTS)],
    ).fonts()
    seen = [(font.family, font.weight, font.style) for font in fonts]
    assert sorted(seen) == [("Noto Sans SC", 400, "normal"), ("Noto Sans SC", 700, "normal")]
