"""Compares discriminators with and without a norm on the logits, on the same pairs."""

from __future__ import annotations

from torch import nn

from _site.guides_data import fronts, small_training
from ganblocks import Objective, PairedTranslation, PatchDiscriminator, UNetGenerator, Updater
from ganblocks.report.curves import line_chart

STEPS = 300
THEMES = {
    "light": "--muted:#545c66;--grid:#e4e7ec;--zero:#8b939e;--series-0:#0067b8;--series-1:#c2410c",
    "dark": "--muted:#a6aeb9;--grid:#3a4049;--zero:#6d7682;--series-0:#6cb2ff;--series-1:#ff9a5c",
}


def gap_curves() -> dict[str, str]:
    """Trains both, and returns charts of D(real) − D(fake) for light and dark pages."""
    gaps = {
        "no norm on the logits": _gaps(nn.Identity()),
        "batch norm on the logits": _gaps(nn.BatchNorm2d(1)),
    }
    title = "Mean logit of the real pair minus that of the fake pair"
    return themed(line_chart(title, range(1, STEPS + 1), gaps, scale="linear", points=60))


def themed(chart: str) -> dict[str, str]:
    """Returns a chart as files of its own, for light and dark pages."""
    chart = str(chart)  # as plain text: markup would escape what replaces a part of it
    opening = '<svg xmlns="http://www.w3.org/2000/svg" '
    return {
        theme: chart.replace("<svg ", opening, 1).replace('style="', f'style="{colors};', 1)
        for theme, colors in THEMES.items()
    }


def _gaps(last: nn.Module) -> list[float]:
    """Trains at batch 1 with the tutorial's losses, and returns the gap at every step."""
    with small_training():
        generator = UNetGenerator(base_channels=8, num_downs=5)
        patches = PatchDiscriminator(6, base_channels=8, n_layers=2)
        objective = Objective({"adversarial": "lsgan", "l1": {"type": "l1", "weight": 10}})
        discriminator = nn.Sequential(patches, last)
        updater = Updater(PairedTranslation(generator, discriminator, objective))
        gaps = []
        for batch in fronts(STEPS):
            metrics = updater.step(batch)
            gaps.append(round((metrics["d_real"] - metrics["d_fake"]).item(), 6))
    return gaps
