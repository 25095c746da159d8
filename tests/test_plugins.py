"""Plugins in this process: packages that are written by hand into a folder on sys.path."""

import importlib
import os
import subprocess
import sys

import pytest
from fake_packages import write_package

from ganblocks import Registry, spec_of
from ganblocks.errors import GanBlocksWarning, OptionError, RegistryError, SpecError

ROUND = '''
class Round:
    """A round shape."""

    def __init__(self, radius=1.0, *, color="red"):
        self.radius = radius


def oval(width=2.0, height=1.0):
    """An oval shape."""
    made = Round(width)
    made.height = height
    return made
'''


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder that packages are imported from; their modules are forgotten again."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def shapes():
    registry = Registry("flat shapes")

    @registry.register("square")
    class Square:
        """A square."""

        def __init__(self, side=1.0):
            self.side = side

    return registry


@pytest.fixture
def home(monkeypatch, shapes):
    """The module that plugins import `SHAPES` from."""
    module = type(sys)("home_of_shapes")
    module.SHAPES = shapes
    monkeypatch.setitem(sys.modules, "home_of_shapes", module)


def write_round(site):
    entries = {"flat shapes": {"round": "round_pkg:Round", "oval": "round_pkg:oval"}}
    write_package(site, "round-shapes", entries, {"round_pkg": ROUND})


def test_listing_imports_nothing(site, shapes):
    write_round(site)
    assert shapes.names() == list(shapes) == ["oval", "round", "square"]
    assert shapes.names("*o*") == ["oval", "round"]
    assert "round" in shapes
    assert "triangle" not in shapes
    with pytest.raises(RegistryError, match="did you mean 'round'"):
        shapes.build("rund")
    assert shapes.build("square").side == 1.0
    assert "round_pkg" not in sys.modules


def test_building_imports_that_one_alone(site, shapes):
    entries = {"flat shapes": {"a": "module_a:A", "b": "module_b:B"}}
    modules = {"module_a": "class A: ...", "module_b": "class B: ..."}
    write_package(site, "two", entries, modules)
    assert type(shapes.build("b")).__name__ == "B"
    assert "module_b" in sys.modules
    assert "module_a" not in sys.modules


def test_what_registers_nothing_itself_has_specs_and_checked_arguments(site, shapes):
    write_round(site)
    spec = spec_of(shapes.build("round", 3))
    assert spec == {"type": "round", "radius": 3, "color": "red"}
    assert spec_of(shapes.build(spec)) == spec
    assert spec_of(shapes.build("oval")) == {"type": "oval", "width": 2.0, "height": 1.0}
    with pytest.raises(OptionError, match="did you mean 'height'"):
        shapes.build("oval", heigth=3)
    with pytest.raises(OptionError, match="did you mean 'radius'"):
        shapes.build({"type": "round", "radios": 3})
    shapes.preset("big", {"type": "round", "radius": 9.0}, "A big one")
    assert shapes.build("big").radius == 9.0


def test_a_plugin_is_described_with_its_package(site, shapes):
    write_round(site)
    for name, line in (("round", 2), ("oval", 9)):
        card = shapes.describe(name)
        assert card.distribution == "round-shapes"
        assert (card.file, card.line) == (str(site / "round_pkg.py"), line)
        assert card.summary == f"A{'n' if name == 'oval' else ''} {name} shape."


DECORATED = '''
from home_of_shapes import SHAPES


@SHAPES.register("round")
class Round:
    """A round shape."""

    def __init__(self, radius=1.0):
        self.radius = radius


@SHAPES.register("oval")
def oval(width=2.0):
    """An oval shape."""
    return Round(width)
'''


@pytest.mark.parametrize(
    ("modules", "first"),
    [
        ({"round_pkg": DECORATED}, ""),
        ({"round_pkg": DECORATED}, "round_pkg"),
        (
            {"round_pkg/__init__": "from round_pkg.at import *", "round_pkg/at": DECORATED},
            "round_pkg.at",
        ),
        ({"round_pkg": "from other_pkg import *", "other_pkg": DECORATED}, ""),
    ],
)
def test_what_registers_itself_is_one_definition(site, shapes, home, modules, first):
    entries = {"flat shapes": {"round": "round_pkg:Round", "oval": "round_pkg:oval"}}
    write_package(site, "round-shapes", entries, modules)
    if first:
        importlib.import_module(first)
    for _ in range(2):
        for name, key in (("round", "radius"), ("oval", "width")):
            assert spec_of(shapes.build(name, 4)) == {"type": name, key: 4}
            assert shapes.describe(name).distribution == "round-shapes"
        assert shapes.names() == ["oval", "round", "square"]


def test_what_the_module_registers_by_the_name_counts(site, shapes, home):
    entries = {"flat shapes": {"round": "round_pkg:make_round"}}
    source = f"{DECORATED}\ndef make_round(size):\n    return Round(size)\n"
    write_package(site, "round-shapes", entries, {"round_pkg": source})
    for _ in range(2):
        assert spec_of(shapes.build("round", radius=4)) == {"type": "round", "radius": 4}


def test_another_name_for_a_known_component_leaves_it_its_own(site):
    write_round(site)
    from round_pkg import Round

    registry = Registry("other shapes")
    registry.register("ring")(Round)
    entries = {"other shapes": {"wheel": "round_pkg:Round"}}
    write_package(site, "wheels", entries)
    assert spec_of(registry.build("wheel"))["type"] == "ring"
    assert spec_of(registry.build("ring"))["type"] == "ring"


BROKEN = [
    ("nowhere:Norm", "", "ModuleNotFoundError: No module named 'nowhere'"),
    ("broken_pkg:Norm", "import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ("broken_pkg:Norm", "def (", "SyntaxError"),
    ("broken_pkg:Norm", "1 / 0", "ZeroDivisionError: division by zero"),
    ("broken_pkg:Norm", "raise SystemExit(3)", "SystemExit: 3"),
    (
        "broken_pkg:Norm",
        "class Skipped(BaseException): ...\nraise Skipped('not here')",
        "Skipped: not here",
    ),
    ("broken_pkg:Norm", "", "AttributeError: .*has no attribute 'Norm'"),
    ("broken_pkg:Norm", "Norm = 3", "3 is neither a class nor a function"),
    ("broken_pkg", "", "module 'broken_pkg'.*neither a class nor a function"),
    ("!!", "", "AttributeError"),
    ("broken_pkg:Norm", "Norm = int", "immutable type 'int'"),
    ("broken_pkg:Norm", "def Norm(type): ...", "the key 'type'"),
]


@pytest.mark.parametrize(("value", "source", "message"), BROKEN)
def test_a_broken_plugin_hurts_only_itself(site, shapes, value, source, message):
    write_round(site)
    entries = {"flat shapes": {"bad": value}}
    write_package(site, "bad-shapes", entries, {"broken_pkg": source}, version="0.3")
    assert shapes.names() == ["bad", "oval", "round", "square"]
    for use in (shapes.build, shapes.describe):
        with pytest.raises(RegistryError, match=message) as raised:
            use("bad")
        assert f"bad-shapes 0.3 ({value})" in str(raised.value)
    assert shapes.build("square").side == 1.0
    assert shapes.build("round").radius == 1.0


def test_ctrl_c_while_a_plugin_loads_is_no_defect_of_it(site, shapes):
    modules = {"slow_pkg": "raise KeyboardInterrupt"}
    write_package(site, "slow", {"flat shapes": {"slow": "slow_pkg:Slow"}}, modules)
    with pytest.raises(KeyboardInterrupt):
        shapes.build("slow")


def test_a_default_that_cannot_be_written_leaves_the_rest_to_be_described(site, shapes):
    source = """
class Rude:
    def __repr__(self):
        raise RuntimeError("no words")

def make(x=Rude()):
    return Rude()
"""
    write_package(site, "rude", {"flat shapes": {"rude": "rude_pkg:make"}}, {"rude_pkg": source})
    with pytest.raises(RegistryError, match=r"the flat shape 'rude' .*RuntimeError: no words"):
        shapes.describe("rude")
    assert type(shapes.build("rude")).__name__ == "Rude"


@pytest.mark.parametrize("garbled", [False, True])
def test_of_one_package_installed_twice_the_first_on_the_path_counts(
    site, shapes, monkeypatch, garbled
):
    for folder, version in (("near", "2.0"), ("far", "1.0")):
        entries = {"flat shapes": {"round": f"round_{folder}:Round"}}
        modules = {f"round_{folder}": ROUND}
        write_package(site / folder, "round-shapes", entries, modules, version)
    monkeypatch.syspath_prepend(site / "far")
    monkeypatch.syspath_prepend(site / "near")
    if garbled:
        write_package(site, "garbled", "[ganblocks.flat_shapes]\nno equals sign\n")
        with pytest.warns(GanBlocksWarning, match="garbled"):
            shapes.names()
    assert shapes.names() == ["round", "square"]
    assert type(shapes.build("round")).__module__ == "round_near"


def test_a_package_with_unreadable_entry_points_hurts_only_itself(site, shapes):
    write_round(site)
    write_package(site, "garbled", "[ganblocks.flat_shapes]\nno equals sign\n")
    with pytest.warns(GanBlocksWarning, match="plugins of garbled 1.0 are ignored"):
        assert shapes.names() == ["oval", "round", "square"]
    assert shapes.build("round").radius == 1.0


RIVAL = '''
from home_of_shapes import SHAPES

@SHAPES.register("square")
class Square:
    """Another square."""

@SHAPES.register("hexagon")
class Hexagon:
    """Six sides."""
'''


def test_a_plugin_with_a_builtins_name(site, shapes):
    own = type(shapes.build("square"))
    write_package(site, "rival", {"flat shapes": {"square": "rival_pkg:Square"}})
    shapes.refresh()
    with pytest.warns(GanBlocksWarning, match=r"Square \(.*test_plugins.py.*rival 1.0"):
        assert shapes.names() == ["square"]
    assert shapes.names() == ["square"]  # warned of once: a second warning would be an error
    for use in (shapes.build, shapes.describe):
        with pytest.raises(RegistryError, match=r"Square \(.*test_plugins.*rival 1.0 \(rival_pkg:"):
            use("square")
    assert spec_of(own(2)) == {"type": "square", "side": 2}
    assert "rival_pkg" not in sys.modules


def test_the_module_of_a_rival_that_registers_itself_still_loads(site, shapes, home):
    names = {"square": "rival_pkg:Square", "hexagon": "rival_pkg:Hexagon"}
    modules = {"rival_pkg": RIVAL}
    write_package(site, "rival", {"flat shapes": names}, modules)
    assert spec_of(shapes.build("hexagon")) == {"type": "hexagon"}
    with pytest.raises(RegistryError, match="claimed by"):
        shapes.build("square")
    with pytest.raises(RegistryError, match="'hexagon' already exists"):
        shapes.register("hexagon")(lambda: None)  # no entry point stands behind this one


def test_override_settles_a_clash(site, shapes):
    write_package(site, "rival", {"flat shapes": {"square": "rival_pkg:Square"}})

    @shapes.register("square", override=True)
    def mine():
        """My square."""
        return object()

    assert shapes.names() == ["square"]
    assert shapes.describe("square").summary == "My square."
    assert shapes.describe("square").distribution == "test_plugins"
    with pytest.raises(SpecError):
        spec_of(shapes.build("square"))


def test_two_plugins_with_one_name(site, shapes):
    write_round(site)
    write_package(site, "more-shapes", {"flat shapes": {"round": "more_pkg:Round"}}, version="2.0")
    with pytest.warns(GanBlocksWarning, match="claimed by"):
        assert shapes.names() == ["oval", "round", "square"]
    with pytest.raises(RegistryError, match="claimed by") as raised:
        shapes.build("round")
    assert "round-shapes 1.0 (round_pkg:Round)" in str(raised.value)
    assert "more-shapes 2.0 (more_pkg:Round)" in str(raised.value)
    assert shapes.build("oval").radius == 2.0


def test_one_definition_under_two_packages_is_no_clash(site, shapes):
    write_round(site)
    write_package(site, "round-shapes-fork", {"flat shapes": {"round": "round_pkg:Round"}})
    assert shapes.build("round").radius == 1.0


def test_refresh_finds_what_was_installed_since(site, shapes):
    assert shapes.names() == ["square"]
    write_round(site)
    assert shapes.names() == ["square"]
    shapes.refresh()
    assert shapes.names() == ["oval", "round", "square"]
    assert shapes.build("round").radius == 1.0


def test_refresh_leaves_a_class_as_it_is(site, shapes):
    write_round(site)
    inits = set()
    for _ in range(3):
        shapes.refresh()
        inits.add(type(shapes.build("round")).__init__)
    assert len(inits) == 1
    assert spec_of(shapes.build("round", color="blue"))["color"] == "blue"


def test_refresh_does_not_trust_the_time_of_a_folder(site, shapes, monkeypatch):
    folder = site / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = folder.stat()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("round_pkg")
    write_package(site, "round-shapes", {"flat shapes": {"round": "round_pkg:Round"}})
    (folder / "round_pkg.py").write_text(ROUND)
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))  # within one tick of its clock
    shapes.refresh()
    assert shapes.build("round").radius == 1.0


def test_refresh_forgets_what_was_loaded(site, shapes):
    for module in ("old_pkg", "new_pkg"):
        entries = {"flat shapes": {"round": f"{module}:Round"}}
        write_package(site, "round-shapes", entries, {module: ROUND})
        shapes.refresh()
        assert type(shapes.build("round")).__module__ == module


def test_refresh_warns_again(site, shapes):
    write_package(site, "rival", {"flat shapes": {"square": "rival_pkg:Square"}})
    for _ in range(2):
        shapes.refresh()
        with pytest.warns(GanBlocksWarning, match="rival"):
            shapes.names()
        shapes.names()  # a second warning would be an error


def test_a_registry_of_another_package_is_extended_in_the_same_way(site):
    write_package(site, "x", {"odd things": {"a": "odd_pkg:A"}}, {"odd_pkg": "class A: ..."})
    assert Registry("odd things").names() == ["a"]


def test_import_ganblocks_looks_for_no_plugins():
    code = """
import importlib.metadata as metadata
calls = []
metadata.entry_points = lambda *, group: calls.append(group) or ()
import ganblocks
ours = lambda: [group for group in calls if group.startswith("ganblocks")]
assert ours() == [], calls
ganblocks.blocks.NORMS.names()
ganblocks.blocks.NORMS.build("batch", 3)
assert ours() == ["ganblocks.norms"], calls
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
