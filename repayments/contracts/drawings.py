"""Tells a drawn name from a blank sheet or a dot: reads a small PNG down to its pixels.

Only what a drawing pad sends: 8 bits a channel, not interlaced, at most 200 kB and 2000 pixels a
side. It refuses to judge whether the strokes are a name.
"""

import struct
import zlib

from django.utils.translation import gettext_lazy as _

from repayments.contracts.documents import DRAWING_MAX_BYTES, DRAWING_MAX_SIDE

MIN_INKED_PIXELS = 60
# A dot or a smear is small; a name reaches across at least this much of the sheet, in pixels.
MIN_INK_WIDTH = 24
# More takes seconds to look at; the pad sends a fifth of it.
MAX_PIXELS = 600_000

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


class DrawingRefused(ValueError):
    """The drawing cannot stand for a name; the message says what to do.

    Attributes:
        code: "too_large", "not_a_png" or "blank".
    """

    MESSAGES = {  # noqa: RUF012 - never changed
        "too_large": _("The drawing is too large. Please clear it and draw your name again."),
        "not_a_png": _("The drawing could not be read. Please draw again or type your name."),
        "blank": _("There is no name in the drawing yet. Please draw your name or type it."),
    }

    def __init__(self, code: str) -> None:
        super().__init__(self.MESSAGES[code])
        self.code = code


def check_drawing(png: bytes) -> None:
    """Refuse what is no drawn name. Raises: DrawingRefused."""
    if len(png) > DRAWING_MAX_BYTES:
        raise DrawingRefused("too_large")
    columns, inked = _ink(png)
    width = max(columns) - min(columns) + 1 if columns else 0
    if inked < MIN_INKED_PIXELS or width < MIN_INK_WIDTH:
        raise DrawingRefused("blank")


def _ink(png: bytes) -> tuple[set[int], int]:
    """Return the columns that hold ink and how many pixels do.

    Ink is what is both visible and dark; a transparent or white sheet has none.
    """
    try:
        width, height, channels, color, raw = _unpack(png)
    except (struct.error, zlib.error, IndexError, KeyError, ValueError) as error:
        raise DrawingRefused("not_a_png") from error
    columns: set[int] = set()
    inked = 0
    line_length = width * channels
    above = bytearray(line_length)
    for row in range(height):
        start = row * (line_length + 1)
        line = _unfiltered(
            raw[start], bytearray(raw[start + 1 : start + 1 + line_length]), above, channels
        )
        for column in range(width):
            pixel = line[column * channels : (column + 1) * channels]
            visible = pixel[-1] > 64 if color in (4, 6) else True
            if visible and pixel[0] < 160:
                columns.add(column)
                inked += 1
        above = line
    return columns, inked


def _unpack(png: bytes) -> tuple[int, int, int, int, bytes]:
    if not png.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    at, data, head = len(_SIGNATURE), b"", b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        if crc != zlib.crc32(kind + body):
            raise ValueError("damaged")
        if kind == b"IHDR":
            head = body
        elif kind == b"IDAT":
            data += body
        elif kind == b"IEND":
            break
        at += 12 + length
    width, height, depth, color, _compression, _filter, interlaced = struct.unpack(">IIBBBBB", head)
    sides_fit = 0 < width <= DRAWING_MAX_SIDE and 0 < height <= DRAWING_MAX_SIDE
    if depth != 8 or interlaced or not sides_fit or width * height > MAX_PIXELS:
        raise ValueError("not what a drawing pad sends")
    channels = _CHANNELS[color]
    size = height * (width * channels + 1)
    # Never more than the picture needs: a few bytes can unpack to gigabytes.
    raw = zlib.decompressobj().decompress(data, size)
    if len(raw) != size:
        raise ValueError("cut short")
    return width, height, channels, color, raw


def _unfiltered(kind: int, line: bytearray, above: bytearray, channels: int) -> bytearray:
    """Undo one of the five filters of PNG (ISO/IEC 15948, 9)."""
    if kind == 0:
        return line
    if kind > 4:
        raise DrawingRefused("not_a_png")
    for at, value in enumerate(line):
        left = line[at - channels] if at >= channels else 0
        up = above[at]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            corner = above[at - channels] if at >= channels else 0
            guess = _paeth(left, up, corner)
        line[at] = (value + guess) & 255
    return line


def _paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    by_left, by_up, by_corner = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner
