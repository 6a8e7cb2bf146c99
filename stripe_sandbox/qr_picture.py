"""A picture that stands where WeChat's QR code would: a pattern of the code, nothing to scan.

Drawn without a library: as SVG for the page, as PNG for whoever asks for one.
"""

import hashlib
import struct
import zlib

SIZE = 21
SCALE = 8


def pattern(code: str) -> list[list[bool]]:
    """Dark and light modules, with the three corner marks of a QR code."""
    bits = b"".join(hashlib.sha256(f"{code}{row}".encode()).digest() for row in range(2))
    rows = [
        [bool(bits[(row * SIZE + column) // 8] >> (row * SIZE + column) % 8 & 1)
         for column in range(SIZE)]
        for row in range(SIZE)
    ]  # fmt: skip
    for top, left in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):
        for row in range(7):
            for column in range(7):
                ring = max(abs(row - 3), abs(column - 3))
                rows[top + row][left + column] = ring != 2
    return rows


def as_svg(code: str) -> bytes:
    """The picture as SVG, one square a module."""
    squares = "".join(
        f"M{column},{row}h1v1h-1z"
        for row, modules in enumerate(pattern(code))
        for column, dark in enumerate(modules)
        if dark
    )
    box = f"-2 -2 {SIZE + 4} {SIZE + 4}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="200" height="200">'
        f'<rect x="-2" y="-2" width="{SIZE + 4}" height="{SIZE + 4}" fill="#fff"/>'
        f'<path d="{squares}"/></svg>'
    ).encode()


def as_png(code: str) -> bytes:
    """The picture as a gray PNG."""
    lines = [
        b"\0" + b"".join((b"\0" if dark else b"\xff") * SCALE for dark in modules)
        for modules in pattern(code)
        for _ in range(SCALE)
    ]
    header = struct.pack(">IIBBBBB", SIZE * SCALE, SIZE * SCALE, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
