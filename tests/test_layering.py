"""A file imports from its own room and from rooms in rows above: the table of the house."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ganblocks

PACKAGE = Path(ganblocks.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "recipes")
"""Without the recipes, which a wheel has inside and a checkout beside the package."""


ROWS = {
    "_version": 0,
    "errors": 0,
    "registry": 1,
    "arguments": 0,
    "autograd_graph": 0,
    "spec": 1,
    "description": 1,
    "plugins": 1,
    "pictures": 1,
    "randomness": 1,
    "torch_classes": 1,
    "weights": 1,
    "writing": 1,
    "blocks": 2,
    "rf": 3,
    "augment": 3,
    "generators": 4,
    "discriminators": 4,
    "losses": 4,
    "data": 5,
    "tasks": 5,
    "runs": 6,
    "distributed": 6,
    "health": 6,
    "report": 6,
    "training": 7,
    "metrics": 7,
    "inference": 8,
    "registries": 8,
    "testing": 9,
    "cli": 9,
    "demo": 9,
    "commands": 9,
    "__init__": 9,
    "__main__": 9,
}
# Rooms that may import fewer than all rows above their own.
ONLY = {
    "rf": {"arguments", "errors", "registry", "pictures", "torch_classes"},
    "data": {"arguments", "errors", "registry", "spec", "pictures", "randomness", "writing"},
}
# Rooms that may import some of their own row as well.
BESIDE = {
    "arguments": {"errors"},
    "registry": {"spec", "description", "plugins"},
    "description": {"spec"},
    "weights": {"registry", "spec"},
    "tasks": {"data"},
    "training": {"metrics"},
    "report": {"runs", "health"},
    "commands": {"cli", "demo"},
    "__main__": {"cli", "commands", "__init__"},
}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(nodes):
    """Yields (module, name) of every import among them; name is None of a plain `import`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            yield from ((node.module, alias.name) for alias in node.names)


def violations(room, source):
    rows_above = {other for other, row in ROWS.items() if row < ROWS[room]}
    allowed = ONLY.get(room, rows_above) | BESIDE.get(room, set()) | {room}
    modules = {module for module, _ in imported_names(ast.walk(ast.parse(source)))}
    rooms = {(*module.split("."), "__init__")[1] for module in modules if is_ours(module)}
    return sorted(rooms - allowed)


def is_ours(module):
    return module.split(".")[0] == "ganblocks"


def run_at_import(nodes):
    """Yields the nodes that run at import: no functions, and nothing that mypy alone sees."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from run_at_import(node.orelse)
            continue
        yield node
        yield from run_at_import(ast.iter_child_nodes(node))


def imported_files(source, modules):
    """Collects which of the modules a file names in imports that run when it is imported."""
    found = set()
    for module, name in imported_names(run_at_import(ast.parse(source).body)):
        inner = f"{module}.{name}"
        found |= {inner if inner in modules else module} & modules
    return found


def circle(sources):
    """Returns modules that import one another in a circle, if there are any."""
    graph = {
        name: imported_files(source, set(sources)) - {name} for name, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def module_of(path):
    return ".".join(("ganblocks", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_file_imports_only_from_rooms_above(path):
    assert violations(room_of(path), path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("blocks", "from ganblocks.generators import UNetGenerator"),
        ("errors", "import ganblocks.registry"),
        ("rf", "from ganblocks.blocks import ConvBlock"),
        ("data", "from ganblocks.tasks import Task"),
        ("runs", "from ganblocks.health import Finding"),
        ("health", "from ganblocks.training import Updater"),
        ("training", "from ganblocks import load"),
        ("training", "def late():\n    from ganblocks.inference import load"),
    ],
)
def test_a_forbidden_import_is_found(room, source):
    assert violations(room, source)


def test_the_table_and_the_house_have_the_same_rooms():
    assert {room_of(path) for path in FILES} == set(ROWS)


def test_no_files_import_one_another_in_a_circle():
    sources = {module_of(path): path.read_text("utf-8") for path in FILES}
    assert circle(sources) == []


def test_a_circle_is_found():
    sources = {
        "ganblocks.a": "from ganblocks import b",
        "ganblocks.b": "if True:\n    from ganblocks.c import x",
        "ganblocks.c": "import ganblocks.a",
    }
    assert set(circle(sources)) == set(sources)
    for later in ("def f():\n    import ganblocks.a", "if TYPE_CHECKING:\n    import ganblocks.a"):
        assert circle({**sources, "ganblocks.c": later}) == []


def unreached(package, sources):
    """Returns modules of a package that no import at its import leads to."""
    reached, left = set(), [package]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += imported_files(sources[name], set(sources))
    return {name for name in sources if name.startswith(f"{package}.")} - reached


def test_what_a_file_registers_is_there_when_its_room_is_imported():
    sources = {module_of(path): path.read_text("utf-8") for path in FILES}
    for room in {name.split(".")[1] for name in sources if name.count(".") > 1}:
        package = f"ganblocks.{room}"
        lost = {
            name
            for name in unreached(package, sources)
            if re.search(r"^@?[A-Z_]+\.(register|preset)\(", sources[name], re.MULTILINE)
        }
        assert lost == set(), f"import it in {package.replace('.', '/')}/__init__.py"


def test_a_file_that_no_one_imports_is_found():
    sources = {
        "ganblocks.a": "from ganblocks.a.b import x",
        "ganblocks.a.b": "",
        "ganblocks.a.lost": "from ganblocks.a.b import x",
    }
    assert unreached("ganblocks.a", sources) == {"ganblocks.a.lost"}


def test_small_files():
    long = [p.name for p in FILES if len(p.read_text("utf-8").splitlines()) > 400]
    assert long == []
