"""A file imports from its own room and from rooms in rows above: the table of the house."""

import ast
from pathlib import Path

import pytest

import ganblocks

PACKAGE = Path(ganblocks.__file__).parent

ROWS = {
    "_version": 0,
    "errors": 0,
    "spec": 1,
    "plugins": 1,
    "registry": 1,
    "pictures": 1,
    "reference_weights": 1,
    "blocks": 2,
    "rf": 3,
    "augment": 3,
    "generators": 4,
    "discriminators": 4,
    "losses": 4,
    "data": 5,
    "metrics": 5,
    "checkpoints": 5,
    "training": 6,
    "inference": 7,
    "testing": 8,
    "cli": 8,
    "__init__": 8,
    "commands": 9,
    "__main__": 10,
}
# Rooms that may import other than all rows above their own.
ONLY = {
    "registry": {"errors", "spec", "plugins"},
    "reference_weights": {"errors", "registry"},
    "rf": {"errors", "registry", "pictures"},
    "augment": {"errors", "registry"},
    "losses": {"errors", "registry", "augment"},
    "data": {"errors", "registry", "pictures"},
    "checkpoints": {"errors", "registry", "pictures", "reference_weights"},
}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name == "ganblocks":
                yield "__init__"
            elif name.startswith("ganblocks."):
                yield name.split(".")[1]


def violations(room, source):
    allowed = ONLY.get(room, {other for other, row in ROWS.items() if row < ROWS[room]})
    return sorted(set(imported_rooms(source)) - allowed - {room})


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_a_file_imports_only_from_rooms_above(path):
    assert violations(room_of(path), path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("blocks", "from ganblocks.generators import UNetGenerator"),
        ("errors", "import ganblocks.registry"),
        ("rf", "from ganblocks.blocks import ConvBlock"),
        ("training", "from ganblocks import load"),
    ],
)
def test_a_forbidden_import_is_found(room, source):
    assert violations(room, source)


def test_every_room_has_a_row():
    assert {room_of(path) for path in PACKAGE.rglob("*.py")} <= set(ROWS)


def test_small_files():
    long = [p.name for p in PACKAGE.rglob("*.py") if len(p.read_text("utf-8").splitlines()) > 400]
    assert long == []
