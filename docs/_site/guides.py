"""The pictures of the guides, measured or trained when the site is built."""

from __future__ import annotations

from _site.guides_blind import gap_curves
from _site.guides_curves import first_run_curves
from _site.guides_patch import coverage_picture
from _site.guides_statistics import statistics_pictures


def files() -> dict[str, str | bytes]:
    """Returns the pictures: path in the site → content."""
    pictures: dict[str, str | bytes] = {
        **statistics_pictures(),
        **{f"blind-{theme}.svg": chart for theme, chart in gap_curves().items()},
        "coverage-70.png": coverage_picture(),
        **{f"{name}.svg": chart for name, chart in first_run_curves().items()},
    }
    return {f"guides/images/{name}": content for name, content in pictures.items()}
