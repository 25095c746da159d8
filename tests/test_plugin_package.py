"""The example of a plugin package, installed with pip and used by other processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_packages import write_package

ROOT = Path(__file__).parents[1]
NAMES = {
    "GENERATORS": "residual_stack",
    "NORMS": "filter_response",
    "ADVERSARIAL_LOSSES": "soft_margin",
}

pytestmark = pytest.mark.xdist_group("plugin_package")  # installed once, by one worker


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of the package, so that no build leaves anything in the checkout."""
    folder = tmp_path_factory.mktemp("plugin") / "plugin_package"
    ignored = shutil.ignore_patterns("__pycache__", "*_cache", "dist")
    return shutil.copytree(ROOT / "examples" / "plugin_package", folder, ignore=ignored)


@pytest.fixture(scope="session")
def site(source):
    """The folder that the package is installed into."""
    folder = source.parent / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--target", str(folder), str(source)], check=True)
    return folder


@pytest.fixture(scope="session")
def bad_site(source):
    """A folder with a plugin that cannot be imported, and one that wants a built-in's name."""
    folder = source.parent / "bad_site"
    write_package(folder, "broken-plugin", {"norms": {"broken": "not_installed:Norm"}}, (), "0.2")
    write_package(folder, "greedy-plugin", {"norms": {"batch": "greedy:Norm"}}, (), "0.3")
    return folder


def python(*arguments, sites, cwd):
    """Runs Python with these folders on its path, before the checkout."""
    path = os.pathsep.join(map(str, [*sites, ROOT]))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)


USE = """
import json, sys, warnings
import ganblocks
from ganblocks import ADVERSARIAL_LOSSES, GENERATORS, spec_of
from ganblocks.blocks import NORMS
from ganblocks.errors import RegistryError

warnings.simplefilter("ignore", ganblocks.errors.GanBlocksWarning)
found = {"listed": [n for r in (GENERATORS, NORMS, ADVERSARIAL_LOSSES) for n in r],
         "imported": "ganblocks_example_plugin" in sys.modules,
         "errors": [], "specs": []}
for use in (NORMS.build, NORMS.describe):
    for name in ("broken", "batch") if "broken" in NORMS else ():
        try:
            use(name)
        except RegistryError as error:
            found["errors"].append(str(error))
made = [GENERATORS.build("residual_stack", base_channels=4, n_blocks=1),
        NORMS.build("filter_response", 8), ADVERSARIAL_LOSSES.build("soft_margin", margin=2.0)]
for registry, component in zip((GENERATORS, NORMS, ADVERSARIAL_LOSSES), made):
    spec = json.loads(json.dumps(spec_of(component)))
    assert spec_of(registry.build(spec)) == spec
    found["specs"].append(spec)
found["own"] = spec_of(ganblocks.blocks.BatchNorm(3))["channels"]
found["file"] = NORMS.describe("filter_response").file
found["distribution"] = NORMS.describe("filter_response").distribution
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("with_bad_neighbors", [False, True])
def test_its_components_are_built_by_name(site, bad_site, tmp_path, with_bad_neighbors):
    sites = [site, bad_site] if with_bad_neighbors else [site]
    done = python("-c", USE, sites=sites, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(NAMES.values()) < set(found["listed"])
    assert not found["imported"]
    assert [spec["type"] for spec in found["specs"]] == list(NAMES.values())
    assert found["specs"][2]["margin"] == 2.0
    assert found["own"] == 3
    assert found["file"].startswith(str(site))
    assert found["distribution"] == "ganblocks-example-plugin"
    if with_bad_neighbors:
        assert {"broken", "batch"} < set(found["listed"])
        broken, greedy, *_ = found["errors"]
        assert found["errors"] == [broken, greedy] * 2
        assert "broken-plugin 0.2 (not_installed:Norm)" in broken
        assert "No module named 'not_installed'" in broken
        assert "ganblocks.blocks.norm.BatchNorm" in greedy
        assert "greedy-plugin 0.3 (greedy:Norm)" in greedy


@pytest.mark.slow
def test_the_command_lists_it_and_its_bad_neighbors(site, bad_site, tmp_path):
    done = python("-m", "ganblocks", "list", sites=[site, bad_site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    marked = [line.split()[0] for line in done.stdout.splitlines() if "[ganblocks-example" in line]
    assert sorted(marked) == sorted(NAMES.values())
    broken = [line for line in done.stdout.splitlines() if line.startswith("  broken ")]
    assert len(broken) == 1
    assert broken[0].endswith("  [broken-plugin] not_installed:Norm")
    assert done.stderr.startswith("warning: the norm 'batch' is claimed by ganblocks.blocks.norm")
    assert "greedy-plugin 0.3" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_its_own_tests_pass(site, source):
    quiet = ["-q", "-p", "no:cacheprovider"]
    done = python("-m", "pytest", *quiet, "tests", sites=[site], cwd=source)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
