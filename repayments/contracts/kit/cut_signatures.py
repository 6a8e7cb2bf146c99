"""Cut the signatures out of sealed PDFs, so that openssl can check each by itself.

    python3 cut_signatures.py contract.pdf evidence.pdf

Signature 1 of contract.pdf becomes a folder contract-1 with sig.p7 (the signature),
signed-range.bin (the bytes it covers), sig.val (its raw value), sig.tst (the time stamp over that
value) and time.txt (the stamp's moment, in seconds since 1970). Exits 1 unless the last signature
of every file covers it to its last byte. Needs Python 3 and nothing else; it refuses to know
whether a signature is valid.
"""

import re
import sys
from datetime import datetime
from pathlib import Path

RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
TIME_STAMP = bytes.fromhex("060b2a864886f70d010910020e")  # id-aa-signatureTimeStampToken, in DER


def read(der: bytes, at: int = 0) -> tuple[int, bytes, bytes]:
    """Read one DER value: where it ends, the whole of it, and its content."""
    length, body = der[at + 1], at + 2
    if length & 0x80:
        body += length & 0x7F
        length = int.from_bytes(der[at + 2 : body], "big")
    return body + length, der[at : body + length], der[body : body + length]


def parts(content: bytes) -> list[tuple[bytes, bytes]]:
    """List the values inside a constructed one, each as (whole, content)."""
    at, found = 0, []
    while at < len(content):
        at, whole, inner = read(content, at)
        found.append((whole, inner))
    return found


def cut(pdf: bytes) -> list[tuple[bytes, bytes, bytes, bytes, int]]:
    """Give (p7, signed range, raw value, time stamp, last byte covered) of each signature."""
    found = []
    for first, length, second, rest in (map(int, m.groups()) for m in RANGE.finditer(pdf)):
        gap = pdf[first + length : second]
        _end, p7, info = read(bytes.fromhex(gap.strip(b"<>").decode("ascii")))
        signed_data = parts(parts(parts(info)[1][1])[0][1])
        signer = parts(parts(signed_data[-1][1])[0][1])
        value = next(inner for whole, inner in signer if whole[0] == 0x04)
        unsigned = next((inner for whole, inner in signer if whole[0] == 0xA1), b"")
        stamps = [parts(a)[1][1] for _w, a in parts(unsigned) if parts(a)[0][0] == TIME_STAMP]
        signed = pdf[first : first + length] + pdf[second : second + rest]
        found.append((p7, signed, value, stamps[0] if stamps else b"", second + rest))
    return sorted(found, key=lambda item: item[-1])


def moment_of(stamp: bytes) -> int:
    """Read the moment out of a time stamp."""
    signed_data = parts(parts(parts(read(stamp)[2])[1][1])[0][1])
    content = parts(parts(signed_data[2][1])[1][1])[0][1]
    written = next(inner for whole, inner in parts(read(content)[2]) if whole[0] == 0x18)
    moment = datetime.strptime(written[:14].decode("ascii") + "+0000", "%Y%m%d%H%M%S%z")
    return int(moment.timestamp())


def main(names: list[str]) -> None:
    for name in names:
        pdf = Path(name).read_bytes()
        signatures = cut(pdf)
        for number, (p7, signed, value, stamp, _end) in enumerate(signatures, 1):
            folder = Path(f"{Path(name).stem}-{number}")
            folder.mkdir(exist_ok=True)
            (folder / "sig.p7").write_bytes(p7)
            (folder / "signed-range.bin").write_bytes(signed)
            (folder / "sig.val").write_bytes(value)
            (folder / "sig.tst").write_bytes(stamp)
            (folder / "time.txt").write_text(str(moment_of(stamp)), encoding="ascii")
        if not signatures or signatures[-1][-1] != len(pdf):
            sys.exit(f"{name}: NOT covered to its end by its last signature")
        print(f"{name}: {len(signatures)} signature(s), the last one covers the whole file")


if __name__ == "__main__":
    main(sys.argv[1:])
