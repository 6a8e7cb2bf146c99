#!/usr/bin/env python
"""Django's command line for the portal.

A checkout to which nobody gave settings is a developer's: its commands work on its own SQLite file,
and say so. Web, worker and beat never guess; without SECRET_KEY they do not start.
"""

import os
import sys
from pathlib import Path

SETTINGS_GIVEN_BY = {"SECRET_KEY", "SECRET_KEY_FILE", "DEBUG"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if not SETTINGS_GIVEN_BY & os.environ.keys() and not Path(__file__).with_name(".env").exists():
        os.environ["DEBUG"] = "1"
        print("No settings are given: this works as DEBUG=1, for development.", file=sys.stderr)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
