"""The health monitor: reads a training's figures and reports each problem once."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from torch import nn

from ganblocks.health.balance import BlindDiscriminator, DiscriminatorWins
from ganblocks.health.finding import Finding
from ganblocks.health.gradients import OutOfProportion
from ganblocks.health.logits_norm import norm_on_logits
from ganblocks.health.outputs import problems
from ganblocks.health.probe import Probe
from ganblocks.health.rate import LearningRateZero
from ganblocks.health.window import Row


class HealthMonitor:
    """Reads what a training logs, and names each problem and the option to change, once.

    A healthy training stays quiet: a figure must be far off over at least 10 rows and 100 steps,
    and a generator is looked at after 100 steps. A check whose figures a task does not log is left
    out.

    Args:
        discriminators: The discriminators by name, whose modules are named where they are the
            cause.

    Examples:
        >>> blind = nn.Sequential(nn.Conv2d(6, 1, 4), nn.BatchNorm2d(1))
        >>> monitor = HealthMonitor({"discriminator": blind})
        >>> found = []
        >>> for step in range(0, 110, 10):
        ...     row = {"step": step, "d_real": 0.4, "d_fake": 0.4, "d_spread": 1.0}
        ...     found += monitor.read(row)
        >>> [(finding.step, finding.name) for finding in found]
        [(100, 'blind-discriminator')]
        >>> "`discriminator.1` (BatchNorm2d)" in found[0].message
        True
    """

    def __init__(self, discriminators: Mapping[str, nn.Module]) -> None:
        wins = DiscriminatorWins()
        self._checks = (
            BlindDiscriminator(lambda: norm_on_logits(discriminators)),
            wins,
            OutOfProportion(wins),
            LearningRateZero(),
        )
        self._said: set[str] = set()

    def read(self, row: Row) -> list[Finding]:
        """Looks at one row of the log.

        Args:
            row: Figures by name, `"step"` among them, in rising order of the steps. A check whose
                figures are missing is left out; a row that is not finite is for
                `find_nonfinite`, and is passed over.

        Returns:
            The problems that were not reported before.
        """
        if not all(isfinite(value) for value in row.values()):
            return []
        messages = {check.name: check.read(row) for check in self._checks}
        return self._new(int(row["step"]), messages)

    def look(self, step: int, probe: Probe) -> list[Finding]:
        """Looks at what the generator makes.

        Args:
            step: The step that the training is at.
            probe: What `probe_generator` measured.

        Returns:
            The problems that were not reported before.

        Examples:
            >>> import torch
            >>> from ganblocks.health import probe_generator
            >>> flat = nn.Conv2d(3, 3, 1)
            >>> _ = nn.init.zeros_(flat.weight)
            >>> probe = probe_generator(flat, list(torch.rand(2, 3, 16, 16)))
            >>> found = HealthMonitor({}).look(400, probe)
            >>> [finding.name for finding in found]
            ['ignores-input', 'collapsed-output']
        """
        return self._new(step, problems(step, probe))

    def _new(self, step: int, messages: dict[str, str | None]) -> list[Finding]:
        found = [Finding(step, n, m) for n, m in messages.items() if m and n not in self._said]
        self._said |= {finding.name for finding in found}
        return found
