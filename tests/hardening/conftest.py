"""Records what `make hardening` tried, for the docs: each row is a test that passed."""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import recording

FAULTS, KILLS = (os.environ.get(f"GANBLOCKS_{name}", "") for name in ("FAULTS", "KILLS"))
TRIED = {
    "test_a_run_that_is_killed_ends_as_one_that_is_not": (
        KILLS,
        "kill -9, then resumed to the bit",
    ),
    "test_a_disk_that_fills_up_at_any_write_loses_nothing": (
        FAULTS,
        "full disks, each at another write, and resumed to the bit",
    ),
    "test_a_mutated_state_changes_nothing_or_trains_on": (
        "1000",
        "mutated checkpoints, loaded into a training",
    ),
    "test_mutated_bytes_of_a_checkpoint_are_told": ("1000", "checkpoints with other bytes"),
    "test_mutated_state_dicts": ("1000", "mutated state dicts of other repositories"),
    "test_mutated_files": ("1000", "files of weights with other bytes"),
    "test_mutated_specs": ("1000", "mutated specs: load, resume, report, translate"),
    "test_mutated_folders": ("1000", "run folders with other bytes: the same"),
    "test_mutated_logs": ("1000", "mutated logs: report"),
    "test_mutated_pictures": ("1000", "PNG, JPEG, WebP, BMP, TIFF, npy, npz with other bytes"),
    "test_junk_on_the_command_line": ("1000", "command lines of drawn words"),
}
passed = {}


def pytest_runtest_logreport(report):
    name, _, case = report.nodeid.rpartition("::")[2].partition("[")
    count, what = TRIED.get(name, ("", ""))
    if report.when == "call" and report.passed and count and case in ("", f"{count}]"):
        passed[name] = (what, count, "0", f"pytest -m 'slow or not slow' -k {name}")


def pytest_sessionfinish():
    if os.environ.get("GANBLOCKS_RECORD"):
        recording.report(
            "Faults and hostile files",
            ("what was tried", "times", "lost", "test"),
            [passed[name] for name in TRIED if name in passed],
            "Lost: a file that cannot be read, a run that resumes to other bits, a crash of the "
            "process, an error that is not one of ganblocks', or more than five seconds.",
            record=True,
            name="hardening",
            command="make hardening",
        )
