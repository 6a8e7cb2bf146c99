"""Changes a forger could make to a finished contract, drawn from a seed, and what became of them.

``python -m tests.contracts.tampering --count 20000`` plays as many as wished. A change that passes
by the rule must be one that no reader can see: within the room of a signature, with every byte the
signatures cover as it was.
"""

import argparse
import hashlib
import io
import logging
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.embed import EmbeddedFileObject, FileSpec, embed_file
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from repayments.contracts import certificates, documents, inspecting, sealing, verification
from repayments.contracts.sealing import SealingKit
from tests.contracts.samples import NOW, SealedContract, contract_data, seal

name = generic.pdf_name
number = generic.NumberObject


@dataclass(frozen=True)
class Finished:
    """A sealed contract, where in it things are, and a forgery of it made with our own keys."""

    contract: SealedContract
    reference: str
    forged: bytes

    @property
    def pdf(self) -> bytes:
        return self.contract.final.pdf

    @property
    def rooms(self) -> list[tuple[int, int]]:
        """From the opening to the closing bracket of each signature, the brackets left out."""
        return [match.span(1) for match in re.finditer(rb"/Contents <([0-9A-F]{2000,})>", self.pdf)]


def make_finished(kit: SealingKit, drawing: bytes) -> list[Finished]:
    """A Chinese contract of 60 rows, an English one, and an English one with a drawn name.

    Two forgeries are of the same reference on other terms; in the third, each seal was made with
    the key of the other one.
    """
    made = []
    swapped = replace(kit, borrower=kit.lender, lender=kit.borrower)
    for at, (locale, rows, image, is_crossed) in enumerate(
        [("zh-hans", 60, b"", False), ("en", 12, b"", True), ("en", 6, drawing, False)]
    ):
        reference = f"L-2026-10000{at}"
        frozen = _render(locale, rows, reference)
        contract = seal(frozen, kit, image=image)
        expected = replace(contract.expected, reference=reference)
        forgery = seal(frozen, swapped) if is_crossed else seal(_render("en", 5, reference), kit)
        made.append(Finished(replace(contract, expected=expected), reference, forgery.final.pdf))
    return made


def _render(locale: str, rows: int, reference: str) -> bytes:
    return documents.render_contract(
        contract_data(locale, rows=rows, reference=reference), timestamp=NOW
    )


Change = Callable[[random.Random, Finished, Finished], bytes]


def _flip(pdf: bytes, at: int, bit: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ (1 << bit)]) + pdf[at + 1 :]


def flip_anywhere(dice: random.Random, one: Finished, other: Finished) -> bytes:
    return _flip(one.pdf, dice.randrange(len(one.pdf)), dice.randrange(8))


def flip_in_structure(dice: random.Random, one: Finished, other: Finished) -> bytes:
    """A bit of what holds a file together; random bits rarely meet it."""
    marks = [rb"/ByteRange \[", rb"\nxref\n", rb"startxref\n", rb"trailer", rb"%%EOF", rb"/Root "]
    spots = [match.start() for mark in marks for match in re.finditer(mark, one.pdf)]
    spots += [start for start, _end in one.rooms]
    at = min(dice.choice(spots) + dice.randrange(60), len(one.pdf) - 1)
    return _flip(one.pdf, at, dice.randrange(8))


def flip_after_freezing(dice: random.Random, one: Finished, other: Finished) -> bytes:
    """A bit of what was appended by the seals: the frozen part alone does not tell."""
    start = len(one.contract.frozen)
    return _flip(one.pdf, dice.randrange(start, len(one.pdf)), dice.randrange(8))


def truncate(dice: random.Random, one: Finished, other: Finished) -> bytes:
    return one.pdf[: dice.randrange(len(one.pdf))]


def truncate_to_a_revision(dice: random.Random, one: Finished, other: Finished) -> bytes:
    ends = [match.end() for match in re.finditer(rb"%%EOF\n?", one.pdf)][:-1]
    return one.pdf[: dice.choice(ends)]


def append(dice: random.Random, one: Finished, other: Finished) -> bytes:
    tail = dice.choice(
        [
            b"\n",
            b" ",
            b"\0",
            b"%",
            b"\n%%EOF\n",
            b"startxref\n0\n%%EOF\n",
            b"PK\x05\x06" + bytes(18),
        ]
    )
    return one.pdf + tail + dice.randbytes(dice.choice([0, 0, 1, 50, 5000]))


def overwrite(dice: random.Random, one: Finished, other: Finished) -> bytes:
    at, size = dice.randrange(len(one.pdf)), dice.choice([1, 4, 100])
    changed = one.pdf[:at] + dice.randbytes(size) + one.pdf[at + size :]
    return changed if changed != one.pdf else one.pdf + b"\n"


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def annotate(dice: random.Random, one: Finished, other: Finished) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    reference, _resources = writer.find_page_for_modification(dice.randrange(2))
    note = generic.DictionaryObject(
        {
            name("/Type"): name("/Annot"),
            name("/Subtype"): name(dice.choice(["/FreeText", "/Square", "/Link", "/Stamp"])),
            name("/Rect"): generic.ArrayObject([number(n) for n in (10, 10, 200, 60)]),
            name("/Contents"): generic.pdf_string(f"{dice.randrange(100)} %"),
        }
    )
    page = reference.get_object()
    page["/Annots"] = generic.ArrayObject([writer.add_object(note)])
    writer.mark_update(reference)
    return _written(writer)


def turn_a_page(dice: random.Random, one: Finished, other: Finished) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    reference, _resources = writer.find_page_for_modification(dice.randrange(2))
    reference.get_object()["/Rotate"] = number(dice.choice([90, 180, 270]))
    writer.mark_update(reference)
    return _written(writer)


def write_over_a_page(dice: random.Random, one: Finished, other: Finished) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    stream = generic.StreamObject(stream_data=RawContent(b"0 0 300 300 re f").data)
    writer.add_stream_to_page(dice.randrange(2), writer.add_object(stream))
    return _written(writer)


def change_a_field(dice: random.Random, one: Finished, other: Finished) -> bytes:
    """Another value, none, or another name of one of the two fields."""
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    fields = writer.root["/AcroForm"]["/Fields"]
    at = dice.randrange(2)
    field = fields[at].get_object()
    match dice.randrange(3):
        case 0:
            field["/V"] = generic.pdf_string("paid")
        case 1:
            del field["/V"]
        case _:
            field["/T"] = generic.pdf_string("Witness")
    writer.mark_update(fields.raw_get(at).reference)
    return _written(writer)


def change_the_metadata(dice: random.Random, one: Finished, other: Finished) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    title = generic.pdf_string(f"Contract {dice.randrange(1000)}")
    writer.set_info(writer.add_object(generic.DictionaryObject({name("/Title"): title})))
    return _written(writer)


def attach_a_file(dice: random.Random, one: Finished, other: Finished) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    body = EmbeddedFileObject.from_file_data(writer, data=dice.randbytes(100))
    embed_file(writer, FileSpec(file_spec_string="terms.txt", embedded_data=body))
    return _written(writer)


def detach_the_files(dice: random.Random, one: Finished, other: Finished) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(one.pdf))
    root = writer.root
    for entry in ("/AF", "/Names"):
        if entry in root:
            del root[entry]
    writer.update_root()
    return _written(writer)


def swap_signatures(dice: random.Random, one: Finished, other: Finished) -> bytes:
    """What a signature holds, put into the place of another: of this contract or of the other."""
    mine = list(one.rooms)
    source, theirs = dice.choice([(other.pdf, other.rooms), (one.pdf, mine[::-1])])
    pdf = one.pdf
    for at in dice.choice([(0,), (1,), (0, 1)]):
        start, end = mine[at]
        value = source[slice(*theirs[at])].rstrip(b"0")
        value += b"0" * (len(value) % 2)
        pdf = pdf[:start] + value[: end - start].ljust(end - start, b"0") + pdf[end:]
    return pdf


def swap_revisions(dice: random.Random, one: Finished, other: Finished) -> bytes:
    """The seals of another contract behind this one's document, or one seal after the other's."""
    theirs = other.contract
    return dice.choice(
        [
            one.contract.frozen + other.pdf[len(theirs.frozen) :],
            one.contract.borrower.pdf + other.pdf[len(theirs.borrower.pdf) :],
            one.pdf + other.pdf,
            other.pdf + one.pdf,
            one.pdf + one.pdf[len(one.contract.borrower.pdf) :],
        ]
    )


def sign_with_a_key_of_ours(dice: random.Random, one: Finished, other: Finished) -> bytes:
    """All as it should be but for whose key sealed what, or for what was sealed."""
    return dice.choice([one.forged, other.forged])


CHANGES: Sequence[tuple[int, Change]] = [
    (8, flip_anywhere),
    (4, flip_in_structure),
    (4, flip_after_freezing),
    (3, truncate),
    (1, truncate_to_a_revision),
    (3, append),
    (2, overwrite),
    (1, annotate),
    (1, turn_a_page),
    (1, write_over_a_page),
    (1, change_a_field),
    (1, change_the_metadata),
    (1, attach_a_file),
    (1, detach_the_files),
    (2, swap_signatures),
    (2, swap_revisions),
    (2, sign_with_a_key_of_ours),
]
_DECK = [change for weight, change in CHANGES for _copy in range(weight)]


@dataclass(frozen=True)
class Try:
    """A changed file: which change of which seed made it, and of which contract."""

    seed: int
    change: str
    original: Finished
    pdf: bytes

    @property
    def is_unseen(self) -> bool:
        """Whether every byte that a signature covers is as it was."""
        before, after = self.original.pdf, self.pdf
        if len(before) != len(after):
            return False
        for start, end in reversed(self.original.rooms):
            before, after = before[:start] + before[end:], after[:start] + after[end:]
        return before == after


def tamper(seed: int, finished: Sequence[Finished]) -> Try:
    """Draw a change and make it; the same seed makes the same one of the same files."""
    dice = random.Random(seed)
    change = change_of(seed)
    one, other = dice.sample(finished, 2)
    return Try(seed, change.__name__, one, change(dice, one, other))


def change_of(seed: int) -> Change:
    # Each of a deck in turn, so that a few hundred have them all.
    return _DECK[seed % len(_DECK)]


def play(
    count: int,
    finished: Sequence[Finished],
    trust: inspecting.Trust,
    *,
    first: int = 1,
    only: str = "",
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Make and check changed files; gives how often each ended how, and what should not pass.

    Args:
        only: the name of one change; seeds that draw others are left out.
    """
    known = {_sha256(item.pdf): "final" for item in finished}
    expected = {item.reference: item.contract.expected for item in finished}
    ended: Counter[tuple[str, str]] = Counter()
    accepted = []
    # Some seeds draw the very same file, such as one cut to its first revision: read once.
    verdicts: dict[str, verification.Verdict] = {}
    for seed in range(first, first + count):
        if only and change_of(seed).__name__ != only:
            continue
        tried = tamper(seed, finished)
        # By the page's way with its hash, and by the command's, which reads everything.
        sha256 = _sha256(tried.pdf)
        verdict = verdicts.get(sha256) or verification.verify_pdf(
            tried.pdf,
            expected=expected.get,
            trust=trust,
            known_kind=known.get,
            parse_known=True,
            isolated=False,
        )
        verdicts[sha256] = verdict
        ended[tried.change, verdict.reason] += 1
        passed = verdict.verdict == "genuine" or (
            verdict.verdict == "valid_not_final" and not tried.is_unseen
        )
        if passed:
            accepted.append(f"{tried.change}, seed {seed}: {verdict.verdict}")
    return ended, accepted


def _sha256(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.tampering")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    options = parser.parse_args()
    # Each rejected change is explained at length by the reader; the table says it shorter.
    logging.disable(logging.WARNING)
    from tests.factories.contracts import draw_png

    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder)
        certificates.create_development_ca(keys, now=NOW)
        kit = sealing.load_kit(now=NOW, directory=keys, time_stamp_url="")
        finished = make_finished(kit, draw_png())
        ended, accepted = play(
            options.count, finished, inspecting.load_trust(keys), first=options.first
        )
    for (change, reason), times in sorted(ended.items()):
        print(f"{change:24} {reason:24} {times:>6}")
    print(f"{options.count} changed files, {len(accepted)} accepted")
    for line in accepted:
        print(line)
    sys.exit(bool(accepted))


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    main()
