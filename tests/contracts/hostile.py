"""Files made to hurt who reads them: to crash, to fill memory or disk, to run what they bring.

Built in code, each from nothing or from a sealed contract.
"""

import io
import re
import zlib
from collections.abc import Callable

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

name = generic.pdf_name


def bomb() -> bytes:
    """Under two kilobytes that unfold to 300 megabytes, as a table that the reader must open."""
    body = zlib.compress(zlib.compress(bytes(300_000_000), 1), 9)
    head = b"%PDF-1.7\n"
    obj = (
        b"1 0 obj\n<</Type/XRef/Size 2/W[1 2 1]/Root 1 0 R"
        b"/Filter[/FlateDecode/FlateDecode]/Length %d>>\nstream\n" % len(body)
    )
    return head + obj + body + b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"


def many_objects(count: int = 10_000) -> bytes:
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.7\n")
    for n in range(1, count + 1):
        offsets.append(out.tell())
        kind = b"<</Type/Catalog/AcroForm 2 0 R>>" if n == 1 else b"[%d 0 R]" % (n % count + 1)
        out.write(b"%d 0 obj\n%s\nendobj\n" % (n, kind))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (count + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count + 1, start))
    return out.getvalue()


TEXTS = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html><script>alert(1)</script>",
    "header only": b"%PDF-1.7\n",
    "no table": b"%PDF-1.7\nstartxref\n99999999\n%%EOF\n",
    "self reference": b"%PDF-1.7\nstartxref\n0\n%%EOF\n",
    "looping table": b"%PDF-1.7\nxref\n0 0\ntrailer\n<</Size 1/Root 1 0 R/Prev 9>>\n"
    b"startxref\n9\n%%EOF\n",
    "deep nesting": b"%PDF-1.7\nxref\n0 0\ntrailer\n" + b"[" * 200_000 + b"\nstartxref\n9\n%%EOF\n",
    "encrypted": b"%PDF-1.7\nxref\n0 0\ntrailer\n<</Size 1/Root 1 0 R/Encrypt<</Filter/Standard/V 1"
    b"/R 2/O(x)/U(y)/P -4>>/ID[(a)(a)]>>\nstartxref\n9\n%%EOF\n",
    "binary": b"%PDF-1.7\n" + bytes(range(256)) * 4000,
}


def with_table(objects: dict[int, bytes], trailer: bytes) -> bytes:
    """A file of these objects with a table of the old kind."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    entries = {}
    for number, body in objects.items():
        entries[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 1\n0000000000 65535 f \n")
    for number, offset in entries.items():
        out.write(b"%d 1\n%010d 00000 n \n" % (number, offset))
    size = max(objects) + 1
    out.write(b"trailer\n<</Size %d%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start))
    return out.getvalue()


def streams_within_each_other() -> bytes:
    """Two object streams, each said to lie in the other one, and the catalog in both."""
    body = zlib.compress(b"1 0 <</Type/Catalog>>")
    stream = (
        b"<</Type/ObjStm/N 1/First 4/Extends %d 0 R/Filter/FlateDecode/Length %d>>\nstream\n"
        + body
        + b"\nendstream"
    )
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offset = out.tell()
    out.write(b"2 0 obj\n" + stream % (3, len(body)) + b"\nendobj\n")
    start = out.tell()
    rows = bytes([0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 3, 0, 2, 0, 2, 0, 1, *start.to_bytes(2, "big"), 0])
    assert offset < start
    out.write(
        b"4 0 obj\n<</Type/XRef/Size 5/W[1 2 1]/Root 1 0 R/Length %d>>\nstream\n" % len(rows)
        + rows
        + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start
    )
    return out.getvalue()


def tables_in_a_ring() -> bytes:
    first = b"%PDF-1.7\n"
    table = b"xref\n0 0\ntrailer\n<</Size 1/Root 1 0 R/Prev %06d>>\n"
    one, two = len(first), len(first) + len(table % 0)
    return first + table % two + table % one + b"startxref\n%d\n%%%%EOF\n" % one


def fields_in_a_ring() -> bytes:
    return with_table(
        {
            1: b"<</Type/Catalog/AcroForm<</Fields[2 0 R]/SigFlags 3>>>>",
            2: b"<</FT/Sig/T(a)/Kids[3 0 R]>>",
            3: b"<</FT/Sig/T(b)/Parent 2 0 R/Kids[2 0 R]>>",
        },
        b"/Root 1 0 R",
    )


def deep_dictionaries() -> bytes:
    catalog = b"<</Type/Catalog/A" + b"<</A" * 100_000 + b" 1" + b">>" * 100_001
    return with_table({1: catalog}, b"/Root 1 0 R")


def long_name() -> bytes:
    """Two megabytes of one name, and a field of a name as long."""
    big = b"N" * 2_000_000
    return with_table(
        {
            1: b"<</Type/Catalog/%s 1/AcroForm<</Fields[2 0 R]>>>>" % big,
            2: b"<</FT/Sig/T(%s)/V 3 0 R>>" % big,
            3: b"<</Type/Sig/ByteRange[0 1 2 3]/Contents<30>/Filter/Adobe.PPKLite>>",
        },
        b"/Root 1 0 R",
    )


def many_beginnings() -> bytes:
    """Nine megabytes of places where our attachment might be named, and is not."""
    begun = b"/Type/Filespec/F(contract.json) " * 280_000
    return with_table({1: b"<</Type/Catalog>>", 2: b"(%s)" % begun}, b"/Root 1 0 R")


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def encrypted(sealed: bytes) -> bytes:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(sealed)))
    writer.encrypt(owner_pass="owner", user_pass="user")  # noqa: S106 - nobody's
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def thousand_signatures(sealed: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    form = writer.root["/AcroForm"]
    value = form["/Fields"][0].get_object().raw_get("/V")
    for number in range(1000):
        field = generic.DictionaryObject(
            {
                name("/FT"): name("/Sig"),
                name("/T"): generic.pdf_string(f"S{number}"),
                name("/V"): generic.IndirectObject(value.idnum, value.generation, writer),
            }
        )
        form["/Fields"].append(writer.add_object(field))
    writer.update_container(form["/Fields"])
    return _written(writer)


def acting(sealed: bytes, action: str, key: str, value: str) -> bytes:
    """A contract that does something when it is opened."""
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.root["/OpenAction"] = generic.DictionaryObject(
        {name("/S"): name(action), name(key): generic.pdf_string(value)}
    )
    writer.update_root()
    return _written(writer)


def with_byte_range(sealed: bytes, numbers: bytes) -> bytes:
    """Other numbers, in the room that the last ones have."""
    spot = list(re.finditer(rb"/ByteRange \[([^\]]+)\]", sealed))[-1]
    start, end = spot.span(1)
    assert len(numbers) <= end - start
    return sealed[:start] + numbers.ljust(end - start) + sealed[end:]


def with_contents(sealed: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Another value of the last signature, in the same room."""
    spot = list(re.finditer(rb"/Contents <([0-9A-F]{2000,})>", sealed))[-1]
    start, end = spot.span(1)
    value = change(bytes.fromhex(spot[1].decode())).hex().upper().encode()
    return sealed[:start] + value.ljust(end - start, b"0") + sealed[end:]


def half(value: bytes) -> bytes:
    return value[: len(value.rstrip(b"\0")) // 2]


# By name: of a sealed contract, such a file.
HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    **{title: (lambda sealed, text=text: text) for title, text in TEXTS.items()},  # type: ignore[misc]
    "zip bomb": lambda sealed: bomb(),
    "10,000 objects": lambda sealed: many_objects(),
    "object streams within each other": lambda sealed: streams_within_each_other(),
    "tables in a ring": lambda sealed: tables_in_a_ring(),
    "fields in a ring": lambda sealed: fields_in_a_ring(),
    "deep dictionaries": lambda sealed: deep_dictionaries(),
    "many beginnings": lambda sealed: many_beginnings(),
    "a name of 2 MB": lambda sealed: long_name(),
    "encrypted contract": encrypted,
    "1,000 signatures": thousand_signatures,
    "JavaScript": lambda sealed: acting(sealed, "/JavaScript", "/JS", "app.alert(1)"),
    "launch": lambda sealed: acting(sealed, "/Launch", "/F", "/bin/sh"),
    "huge byte range": lambda sealed: with_byte_range(sealed, b"0 9 9999999999 9"),
    "negative byte range": lambda sealed: with_byte_range(sealed, b"0 -1 -1 -99999"),
    "short byte range": lambda sealed: with_byte_range(sealed, b"0 1"),
    "truncated DER": lambda sealed: with_contents(sealed, half),
    "endless DER": lambda sealed: with_contents(sealed, lambda value: b"\x30\x80" * 2000),
    "malformed CMS": lambda sealed: with_contents(sealed, lambda value: b"\x30\x03\x02\x01\x01"),
    "PDF and zip": lambda sealed: sealed + b"PK\x05\x06" + bytes(18),
    "GIF and PDF": lambda sealed: b"GIF89a" + sealed,
}
