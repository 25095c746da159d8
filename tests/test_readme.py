"""The README's commands are the gate's; tests/docs runs its code with that of the pages."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def fences(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_gates_run_the_readmes_two_commands_as_they_stand():
    commands = [fence.strip() for fence in fences("sh")]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    for gate in (".ci/run", ".github/workflows/ci.yml"):
        lines = (ROOT / gate).read_text("utf-8").splitlines()
        run = [line.strip().removeprefix("- run: ") for line in lines]
        assert [line for line in run if line in commands] == commands


def test_every_fence_is_run_by_a_test():
    assert len(re.findall(r"^```\w", README, re.MULTILINE)) == len(fences("sh")) + len(
        fences("python")
    )


def test_what_the_readme_points_to_is_there():
    targets = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []
