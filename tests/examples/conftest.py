import runpy
import sys

import pytest
from recipe_process import RECIPE, TINY


@pytest.fixture
def recipe(tmp_path, monkeypatch, capsys):
    """Runs the recipe in an empty folder with tiny flags before the given ones."""
    monkeypatch.chdir(tmp_path)

    def run(*flags):
        monkeypatch.setattr(sys, "argv", ["pix2pix_facades.py", *TINY.split(), *map(str, flags)])
        capsys.readouterr()
        try:
            runpy.run_path(RECIPE[-1], run_name="__main__")
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        return code, *capsys.readouterr()

    return run
