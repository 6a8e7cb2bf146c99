"""The demo is made on a fresh clone only, never on a book that could be real."""

import pytest
from django.core.management import CommandError, call_command


def test_it_is_refused_without_debug() -> None:
    with pytest.raises(CommandError, match="refused without DEBUG"):
        call_command("prepare_demo")
