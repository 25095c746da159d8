"""What people install: the wheel holds all that the checkout has."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import ganblocks

ROOT = Path(__file__).parents[1]


def test_the_version_is_written_once():
    assert ganblocks.__version__
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.slow
def test_the_wheel_has_every_file_and_imports_without_the_checkout(tmp_path):
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("ganblocks/")}
        archive.extractall(tmp_path / "site")
    sources = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ganblocks").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    recipes = {f"ganblocks/recipes/{path.name}" for path in (ROOT / "examples").glob("*.py")}
    assert packed == sources | recipes
    code = "import ganblocks; print(ganblocks.__file__); ganblocks.report.write_report"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(tmp_path / "site"))
    done = subprocess.run(
        [sys.executable, "-m", "ganblocks", "recipe", "pix2pix_facades"],
        env={"PYTHONPATH": str(tmp_path / "site"), "PYTHONIOENCODING": "ascii"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert done.stdout == (ROOT / "examples" / "pix2pix_facades.py").read_bytes()


def test_an_editable_install_reads_the_checkout(tmp_path):
    builder = WheelBuilder(str(ROOT))
    (wheel,) = builder.build(directory=str(tmp_path), versions=["editable"])
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith(".pth")]
        assert archive.read(path).decode().strip() == str(ROOT)
        assert not [name for name in archive.namelist() if name.endswith(".py")]
