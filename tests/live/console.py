"""Runs inside the product what a live test sends, line by line, for as long as its stack lives.

Starting Django costs a second or two of a core; a test asks a dozen times. Each line of standard
input is a piece of Python as JSON; each line of output what it put in `result`, or how it failed.
"""

import json
import os
import sys
import traceback
from typing import Any


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django
    from django.db import close_old_connections
    from django.utils import translation

    django.setup()
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        names: dict[str, Any] = {}
        try:
            close_old_connections()
            translation.deactivate()
            exec(json.loads(line), names)  # noqa: S102 - what the tests themselves send
            answer = {"result": names["result"]}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, default=str), file=answers, flush=True)


if __name__ == "__main__":
    main()
