"""What people install: the wheel holds all that the checkout has."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
    assert packed == sources
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
