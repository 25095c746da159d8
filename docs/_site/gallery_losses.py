"""The page of losses: curves on common axes, and what losses of many pixels respond to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from string import Template
from typing import Any

import torch
from torch import nn

from _site import gallery_snippets as snippets
from _site.drawing_curves import Axes, chart, legend
from _site.drawing_parts import thumbnail as without_text
from _site.gallery_entry import summary
from _site.gallery_picture import png, run
from _site.markdown import fence, folded
from _site.registered import built_in
from ganblocks import ADVERSARIAL_LOSSES, FEATURE_LOSSES, RECONSTRUCTION_LOSSES, Registry

TITLE = "Losses"
CARD = "Value and gradient, loss by loss"
ARGUMENTS = {"charbonnier": ", eps=0.2", "huber": ", delta=0.5"}
LOGITS = Axes.of("logit", (-4, 4), (-4, 6))
DIFFERENCES = Axes.of("output − target", (-2, 2), (-4, 4))
_FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)


def page() -> str:
    """Returns the page."""
    by_pixel = pixelwise()
    others = [name for name in built_in(RECONSTRUCTION_LOSSES) if name not in by_pixel]
    lines = [
        f"# {TITLE}",
        "Value and gradient, computed by the loss objects and autograd. All charts of a section "
        "have the same axes; curves are clipped to them.",
        "## Adversarial losses",
        "One logit goes from −4 to 4 while that of the other side is 0. Left and middle: the "
        "discriminator's loss over the logit of a real image, and over that of a fake one. Right: "
        "the generator's loss over the logit of a fake image. Where the gradient is 0, the player "
        "learns nothing. The relativistic `rpgan` and `ragan` compare both sides; with one logit "
        "on each side, `ragan` is twice `rpgan`, while they differ for a batch of many.",
        *(_entry(ADVERSARIAL_LOSSES, n, snippets.ADVERSARIAL, LOGITS) for n in adversarial()),
        _folded_code("vanilla", snippets.ADVERSARIAL),
        "## Reconstruction losses",
        "One pixel of the output goes from −2 to 2; its target is 0.",
        '<div class="gb-entries" markdown>',
        *(_entry(RECONSTRUCTION_LOSSES, n, snippets.RECONSTRUCTION, DIFFERENCES) for n in by_pixel),
        "</div>",
        _folded_code("l1", snippets.RECONSTRUCTION),
        "### What each loss responds to {#changes}",
        "The other losses depend on how pixels are arranged, so no curve of one pixel shows them. "
        "Instead a photo is changed in five ways, each with the same L2. A bar is a loss "
        "relative to its largest value in the row; `total_variation` uses only the output.",
        "![A photo, and the five changes of it in the order of the "
        "table](images/changes.png){ loading=lazy }",
        _bars(_changes()["values"]),
        folded("The code of this table", fence(snippets.CHANGES)),
        *_listed(RECONSTRUCTION_LOSSES, others),
        "## Feature losses",
        "These compare maps of another network, so their values depend on its weights, and there "
        "is no curve without choosing a network.",
        *_listed(FEATURE_LOSSES, built_in(FEATURE_LOSSES)),
    ]
    return "\n\n".join(lines) + "\n"


def pictures() -> dict[str, bytes]:
    """Returns the picture of the changes: path in the site → content."""
    return {"gallery/images/changes.png": png(_changes()["picture"])}


def adversarial() -> list[str]:
    """Returns the adversarial losses, which all have curves."""
    return built_in(ADVERSARIAL_LOSSES)


def pixelwise() -> list[str]:
    """Returns the reconstruction losses that compare pixel by pixel."""
    names = built_in(RECONSTRUCTION_LOSSES)
    return [name for name in names if _is_pixelwise(RECONSTRUCTION_LOSSES.build(name))]


def charts(name: str, left: Mapping[str, Any], axes: Axes) -> list[str]:
    """Returns a chart for each side from the variables of a snippet."""
    xs = left["logits" if "logits" in left else "differences"].tolist()
    return [
        chart(
            f"{name}-{index}",
            side,
            axes,
            xs,
            {
                "value": [float(value.detach()) for value in values],
                "gradient": left["gradients"][side].tolist(),
            },
        )
        for index, (side, values) in enumerate(left["values"].items())
    ]


def thumbnail() -> str:
    """Returns a chart for the card that links to the page."""
    left = run(snippets.ADVERSARIAL.substitute(name="vanilla", arguments=""))
    return f'<div class="gb-drawn">{without_text(charts("vanilla", left, LOGITS)[1])}</div>'


def _code(name: str, template: Template) -> str:
    return template.substitute(name=name, arguments=ARGUMENTS.get(name, ""))


def _folded_code(name: str, template: Template) -> str:
    title = f"The code of the curves of {name}; the others differ in the name"
    return folded(title, fence(_code(name, template)))


def _entry(registry: Registry[Any], name: str, template: Template, axes: Axes) -> str:
    description = registry.describe(name)
    drawn = "".join(charts(name, run(_code(name, template)), axes))
    words = summary(description)
    if name in ARGUMENTS:
        words += f" Drawn with `{ARGUMENTS[name].removeprefix(', ')}`."
    formula = _FORMULA.search(description.documentation)
    lines = [
        f"### `{name}` {{#{name}}}",
        words,
        formula[0] if formula else "",
        f'<div class="gb-charts" data-search-exclude>{drawn}</div>',
        legend(["value", "gradient"]),
    ]
    return '<div class="gb-entry" markdown>\n\n' + "\n\n".join(filter(None, lines)) + "\n\n</div>"


@cache
def _changes() -> dict[str, Any]:
    return run(snippets.CHANGES)


def _bars(values: Mapping[str, Mapping[str, float]]) -> str:
    """Returns a table of values with a bar behind each."""
    rows = []
    for name, row in values.items():
        most = max(row.values())
        cells = (
            f'<td style="--share:{100 * value / most:.0f}%">{round(value, 4):g}</td>'
            for value in row.values()
        )
        rows.append(f"<tr><th><code>{name}</code></th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(key)}</th>" for key in next(iter(values.values())))
    return (
        '<div class="gb-scrolled" tabindex="0" role="region" aria-label="Losses of five changes">'
        f'<table class="gb-bars"><thead><tr><th>loss</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _listed(registry: Registry[Any], names: Iterable[str]) -> list[str]:
    file = registry.kind.replace(" ", "-")
    return [
        "\n".join(
            f"- [`{name}`](../api/{file}.md#{name}): {summary(registry.describe(name))}"
            for name in names
        )
    ]


def _is_pixelwise(loss: nn.Module) -> bool:
    """Whether the loss stays the same if the pixels of both images are shuffled."""
    random = torch.Generator().manual_seed(0)
    output, target = torch.rand(2, 1, 1, 192, 192, generator=random)
    order = torch.randperm(192 * 192, generator=random)
    value = loss(output, target)
    shuffled = loss(*(x.flatten()[order].view_as(x) for x in (output, target)))
    return torch.allclose(value, shuffled, 1e-4)
