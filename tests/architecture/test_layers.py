"""Rooms depend on lower rooms only: by their imports, and by their foreign keys.

import-linter is blind to foreign keys named by a string, so models are walked besides.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import Field, Model

ROOT = Path(__file__).resolve().parent.parent.parent
# Low to high; labels of one line do not know each other.
ORDER = [
    {"accounts"},
    {"audit"},
    {"ledger"},
    {"contacts"},
    {"loans"},
    {"contracts"},
    {"plans", "payments"},
    {"reminders", "risk"},
    {"cases"},
]
RANK = {label: rank for rank, labels in enumerate(ORDER) for label in labels}
# What a module of this name may not import; another project's subpackages escape import-linter.
FORBIDDEN = {"services": "django.http", "queries": "django.http"}


def test_imports_keep_to_the_layers() -> None:
    finished = subprocess.run(  # noqa: S603 - our own tool, our own arguments
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout


def relations() -> Iterator[tuple[type[Model], Field]]:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in RANK:
            for field in model._meta.get_fields():
                if field.is_relation and field.concrete and field.related_model:
                    yield model, field


def points_upward(from_label: str, to_label: str) -> bool:
    if from_label == to_label or to_label not in RANK:
        return False
    return RANK[to_label] >= RANK[from_label]


def test_no_foreign_key_points_upward() -> None:
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model, field in relations()
        if points_upward(model._meta.app_label, field.related_model._meta.app_label)
    ]

    assert upward == []


def test_the_walk_sees_foreign_keys_and_knows_up_from_down() -> None:
    assert len(list(relations())) > 20
    assert points_upward("loans", "cases")
    assert points_upward("plans", "payments")
    assert not points_upward("cases", "loans")


def test_every_room_has_its_place() -> None:
    rooms = {config.label for config in apps.get_app_configs() if "repayments." in config.name}

    assert rooms <= set(RANK)


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return found


@pytest.mark.parametrize(("module", "forbidden"), FORBIDDEN.items())
def test_services_and_queries_know_nothing_of_requests(module: str, forbidden: str) -> None:
    paths = [
        path
        for top in ("accounts", "repayments")
        for pattern in (f"**/{module}.py", f"**/{module}/*.py")
        for path in (ROOT / top).glob(pattern)
    ]

    assert paths
    assert [path for path in paths if forbidden in imported(path)] == []
