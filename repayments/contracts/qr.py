"""A QR code as rows of dark and light, for the document engine to draw."""

import qrcode


def draw_matrix(text: str) -> list[str]:
    """Return a square of rows of "1" (dark) and "0"; without a margin.

    A quarter of it may be smudged and it can still be read.
    """
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=0)
    code.add_data(text)
    code.make(fit=True)
    return ["".join("1" if dark else "0" for dark in row) for row in code.get_matrix()]
