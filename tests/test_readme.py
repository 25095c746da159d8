"""The README's commands are the gate's, and its code runs."""

import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganblocks import NORMS, RunFolder, UNetGenerator, spec_of, to_reference

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def fences(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_gate_runs_the_readmes_two_commands_as_they_stand():
    commands = [fence.strip() for fence in fences("sh")]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in lines if line in commands] == commands


def test_every_fence_is_run_by_a_test():
    assert len(re.findall(r"^```\w", README, re.MULTILINE)) == len(fences("sh")) + len(
        fences("python")
    )


@pytest.fixture
def own_norms():
    yield
    NORMS._entries.pop("my_norm", None)


def test_the_python_code_runs(tmp_path, monkeypatch, capsys, own_norms):
    monkeypatch.chdir(tmp_path)
    generator = UNetGenerator(base_channels=4, num_downs=3)
    run = RunFolder.create("runs/facades", {"generator": spec_of(generator)})
    run.save_weights("generator", generator)
    Image.new("RGB", (40, 30)).save("my_labels.png")
    weights = to_reference(UNetGenerator(base_channels=4, num_downs=5))
    torch.save(weights, "latest_net_G.pth")
    names = {"torch": torch}
    for code in fences("python"):
        exec(compile(code, "README.md", "exec"), names)
    with Image.open("my_front.png") as front:
        assert front.size == (40, 30)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "(70, 70)"
    losses = [float(line) for line in out[1:4]]
    assert losses == sorted(losses, reverse=True)
    for line in out[4:]:
        assert f"# {line}" in README  # what the page says it prints


def test_what_the_readme_points_to_is_there():
    targets = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []
