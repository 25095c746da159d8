"""The health monitor: checks the metrics of a run and reports each problem once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from torch import nn

from ganblocks.arguments import checked
from ganblocks.health.balance import METRICS, BlindDiscriminator, DiscriminatorWins
from ganblocks.health.finding import Finding
from ganblocks.health.gradients import OutOfProportion
from ganblocks.health.inputs import batch_problems
from ganblocks.health.logits_norm import norm_on_logits
from ganblocks.health.outputs import problems
from ganblocks.health.probe import Probe
from ganblocks.health.rate import LearningRateZero
from ganblocks.health.window import Row


@checked
class HealthMonitor:
    """Checks the log of a run, and reports each problem once, with the option to change.

    To avoid false alarms, a metric must be far off for at least 10 rows and 100 steps, and a
    generator is only checked after 100 steps. Checks whose metrics are missing are skipped. If
    metrics have suffixes, such as `d_real_a` and `d_real_b`, each discriminator is checked
    separately.

    Args:
        discriminators: The discriminators by name, inspected to find the cause of a problem. Names
            have the suffixes of the metrics, as in `"discriminator_a"`.

    Examples:
        >>> blind = nn.Sequential(nn.Conv2d(6, 1, 4), nn.BatchNorm2d(1))
        >>> monitor = HealthMonitor({"discriminator": blind})
        >>> findings = []
        >>> for step in range(0, 110, 10):
        ...     row = {"step": step, "d_real": 0.4, "d_fake": 0.4, "d_spread": 1.0}
        ...     findings += monitor.read(row)
        >>> [(finding.step, finding.name) for finding in findings]
        [(100, 'blind-discriminator')]
        >>> "`discriminator.1` (BatchNorm2d)" in findings[0].message
        True
    """

    def __init__(self, discriminators: Mapping[str, nn.Module]) -> None:
        self._discriminators = discriminators
        self._checks = {"": _checks(discriminators)}  # by suffix
        self._reported: set[tuple[str, str]] = set()

    def read(self, row: Row) -> list[Finding]:
        """Checks the next row of the log.

        Args:
            row: Metrics by name, including `"step"`. A row with NaN or infinity is skipped; see
                `find_nonfinite`.

        Returns:
            The problems that have not been reported before.
        """
        if not all(isfinite(value) for value in row.values()):
            return []
        for key in row:
            if (suffix := key.removeprefix("d_real")) != key and suffix not in self._checks:
                self._checks[suffix] = _checks(self._named(suffix) or self._discriminators)
        findings: list[Finding] = []
        for suffix, checks in self._checks.items():
            messages = {check.name: check.read(_of(suffix, row)) for check in checks}
            findings += self._new(int(row["step"]), messages, suffix)
        return findings

    def read_probe(self, step: int, probe: Probe) -> list[Finding]:
        """Checks the outputs of the generator.

        Args:
            step: The current training step.
            probe: The result of `probe_generator`.

        Returns:
            The problems that have not been reported before.

        Examples:
            >>> import torch
            >>> from ganblocks.health import probe_generator
            >>> flat = nn.Conv2d(3, 3, 1)
            >>> _ = nn.init.zeros_(flat.weight)
            >>> probe = probe_generator(flat, list(torch.rand(2, 3, 16, 16)))
            >>> [finding.name for finding in HealthMonitor({}).read_probe(400, probe)]
            ['ignores-input', 'collapsed-output']
        """
        return self._new(step, problems(step, probe))

    def read_batches(self, step: int, batches: Iterable[Mapping[str, Any]]) -> list[Finding]:
        """Checks the values of the images that the networks learn from.

        Args:
            step: The current training step.
            batches: Batches of one dataset; their images are float tensors (B, C, H, W) with 1, 3
                or 4 channels.

        Returns:
            The problem, if it has not been reported before.

        Examples:
            >>> import torch
            >>> batch = {"target": torch.arange(256.0).view(1, 1, 16, 16)}
            >>> [finding.name for finding in HealthMonitor({}).read_batches(0, [batch])]
            ['value-range']
        """
        return self._new(step, batch_problems(batches))

    def _named(self, suffix: str) -> Mapping[str, nn.Module]:
        return {n: d for n, d in self._discriminators.items() if n.endswith(suffix)}

    def _new(self, step: int, messages: dict[str, str | None], suffix: str = "") -> list[Finding]:
        new = {n: m for n, m in messages.items() if m and (n, suffix) not in self._reported}
        self._reported |= {(name, suffix) for name in new}
        which = f"`{next(iter(self._named(suffix)), f'd_real{suffix}')}`: " if suffix else ""
        return [Finding(step, name, which + message) for name, message in new.items()]


def _checks(discriminators: Mapping[str, nn.Module]) -> tuple[Any, ...]:
    wins = DiscriminatorWins()
    blind = BlindDiscriminator(lambda: norm_on_logits(discriminators))
    return blind, wins, OutOfProportion(wins), LearningRateZero()


def _of(suffix: str, row: Row) -> Row:
    """Returns the metrics of one of several discriminators, without its suffix."""
    if not suffix:
        return row
    return {"step": row["step"], **{n: row[n + suffix] for n in METRICS if n + suffix in row}}
