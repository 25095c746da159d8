"""The page of losses: curves of value and gradient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import Template
from textwrap import indent
from typing import Any

import torch
from torch import nn

from _site import gallery_snippets as snippets
from _site.drawing_curves import chart
from _site.drawing_parts import thumbnail as without_text
from _site.gallery_entry import summary
from _site.gallery_picture import run
from _site.markdown import fence
from _site.registered import built_in
from ganblocks import ADVERSARIAL_LOSSES, RECONSTRUCTION_LOSSES, Registry

TITLE = "Losses"
CARD = "Value and gradient, loss by loss"
ARGUMENTS = {"charbonnier": ", eps=0.2", "huber": ", delta=0.5"}
_FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)


def page() -> str:
    """Returns the page."""
    by_pixel = pixelwise()
    lines = [
        f"# {TITLE}",
        "Value and gradient, computed by the loss objects and autograd.",
        "## Adversarial losses",
        "One logit goes from −4 to 4 while that of the other side is 0. **D, real** is the "
        "discriminator's loss over the logit of a real image, **D, fake** the same for a fake "
        "image, **G, fake** the generator's loss over the logit of a fake image. Where the "
        "gradient is 0, the player learns nothing. The relativistic `rpgan` and `ragan` "
        "compare both sides; with one logit on each side, `ragan` is twice `rpgan`, while they "
        "differ for a batch of many.",
        *(_curves(ADVERSARIAL_LOSSES, n, snippets.ADVERSARIAL) for n in adversarial()),
        "## Reconstruction losses",
        "One pixel of the output goes from −2 to 2; its target is 0.",
        *(_curves(RECONSTRUCTION_LOSSES, n, snippets.RECONSTRUCTION) for n in by_pixel),
        "### Losses of more than one pixel",
        "These losses depend on the arrangement of pixels, so they have no such curve: if the "
        "pixels of both images are shuffled in the same way, their value changes.",
        "\n".join(
            f"- [`{name}`](../api/reconstruction-losses.md#{name}): "
            f"{summary(RECONSTRUCTION_LOSSES.describe(name))}"
            for name in built_in(RECONSTRUCTION_LOSSES)
            if name not in by_pixel
        ),
    ]
    return "\n\n".join(lines) + "\n"


def adversarial() -> list[str]:
    """Returns the adversarial losses, which all have curves."""
    return built_in(ADVERSARIAL_LOSSES)


def pixelwise() -> list[str]:
    """Returns the reconstruction losses that compare pixel by pixel."""
    names = built_in(RECONSTRUCTION_LOSSES)
    return [name for name in names if _is_pixelwise(RECONSTRUCTION_LOSSES.build(name))]


def charts(name: str, left: Mapping[str, Any]) -> tuple[str, str]:
    """Returns charts of value and gradient from the variables of a snippet."""
    over, xs = (
        ("logit", left["logits"]) if "logits" in left else ("output − target", left["differences"])
    )
    value, slope = ({k: _numbers(v) for k, v in left[key].items()} for key in ("curves", "slopes"))
    return (
        chart(f"{name}-value", "value", over, xs.tolist(), value),
        chart(f"{name}-gradient", "gradient", over, xs.tolist(), slope),
    )


def thumbnail() -> str:
    """Returns a chart for the card that links to the page."""
    left = run(snippets.ADVERSARIAL.substitute(name="vanilla", arguments=""))
    return f'<div class="gb-drawn">{without_text(charts("vanilla", left)[0])}</div>'


def _curves(registry: Registry[Any], name: str, template: Template) -> str:
    code = template.substitute(name=name, arguments=ARGUMENTS.get(name, ""))
    value, slope = charts(name, run(code))
    description = registry.describe(name)
    formula = _FORMULA.search(description.documentation)
    drawn = f'<div class="gb-charts" data-search-exclude>{value}{slope}</div>'
    lines = [
        f"### `{name}` {{#{name}}}",
        summary(description),
        formula[0] if formula else "",
        drawn,
    ]
    folded = indent(fence(code), "    ")
    return "\n\n".join([*filter(None, lines), f'??? quote "The code of these curves"\n\n{folded}'])


def _numbers(values: Sequence[torch.Tensor]) -> list[float]:
    return [float(value.detach()) for value in values]


def _is_pixelwise(loss: nn.Module) -> bool:
    """Whether the loss stays the same if the pixels of both images are shuffled."""
    random = torch.Generator().manual_seed(0)
    output, target = torch.rand(2, 1, 1, 192, 192, generator=random)
    order = torch.randperm(192 * 192, generator=random)
    value = loss(output, target)
    shuffled = loss(*(x.flatten()[order].view_as(x) for x in (output, target)))
    return torch.allclose(value, shuffled, 1e-4)
