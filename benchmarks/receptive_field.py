"""Measures the receptive-field calculator: its numbers against the probe's, and its speed.

python benchmarks/receptive_field.py --write docs/receptive-fields/index.md
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import torch
import torchvision
from torch import nn
from torchvision.ops.misc import SqueezeExcitation

import ganblocks
from ganblocks import PatchDiscriminator
from ganblocks.cli import run_command
from ganblocks.rf import ReceptiveField, probe_receptive_field, receptive_field

TRUNKS: dict[str, int | None] = {
    "alexnet": 195,
    "vgg16": 212,
    "resnet18": 435,
    "resnet50": 427,
    "resnet101": 971,
    "resnet152": 1451,
    "densenet121": 2071,
    "inception_v3": 1311,
    "googlenet": 379,
    "squeezenet1_1": 207,
    "mobilenet_v2": 491,
    "mobilenet_v3_large": None,
    "efficientnet_b0": None,
    "regnet_y_400mf": None,
}
"""Torchvision's networks, and the receptive field that this project's design recorded."""

HEADS = ("avgpool", "classifier", "dropout", "fc")

PAGE = """# Receptive fields

`receptive_field(module)` calculates which input pixels an output of a network can depend on, for
any `nn.Module`. `probe_receptive_field` measures the same on the running network with independent
code, and `verify_receptive_field` compares the two.

## Terms

Along each axis of the image, output i of a map sees `size` pixels, starting at
`stride · i − padding` (Araujo et al., [Distill 2019](https://distill.pub/2019/computing-receptive-fields/)).

- **size**: the number of pixels that one output sees.
- **stride**: the pixels by which the field moves from one output to the next.
- **padding**: the pixels by which the first output's field extends beyond the image.
- **box(i, j)**: the field of one output as (top, left, bottom, right), in pixels. The last two are
  one past the end. A box may extend beyond the image: there the network sees padding.
- **support(i, j)**: the hull, in the same form, of the pixels of the image that actually reach
  the output. Near a border it can be smaller than the box clipped to the image, since every map
  on the way has its own borders.

The 70×70 PatchGAN of pix2pix, on an image of 256×256:

{example}

Where a layer drops pixels, the support ends before the box does. Of 5×5 pixels this pool drops the
last row and column, so that the convolution meets its padding there:

{dropped}

If the outputs of one map see fields of different sizes, as after a transposed convolution,
`size` is that of the largest and `uniform` is False. If branches meet whose fields have
different centers, `aligned` is False. `field.table()` shows every layer.

## The PatchGANs

`PatchDiscriminator(6, n_layers=n)`; the grid is the map of logits of an image of 256×256.

{patchgans}

## Torchvision's networks

Before their global pooling, with random weights. *Calculated* is `receptive_field`'s number;
*measured* is what the probe found in float64 on a strip that is taller than the field; *design* is
what was measured in another way before the calculator was written. The gates of squeeze-excite
see the whole map: they count as constants here (`statistics="ignored"`), and the probe leaves
them out. With `statistics="counted"` the last three networks see the whole image.

{trunks}

## Speed

Median times on {machine}

{speeds}

## Limitations

- The network is traced in eval mode: batch norm's statistics are constants.
- Values are ignored. A weight of zero, a dead ReLU or a closed gate counts as if it let
  everything through: a field shows what an output *can* see. `effective_receptive_field`
  measures how much it does.
- A pixel read at a place computed from the image has no fixed field: `grid_sample`,
  `gather`, `sort`, `topk`, deformable convolutions, convolutions with computed kernels.
- Neither does a network with control flow that depends on values, such as `.item()` or
  `if x.sum() > 0`.

Each of the last two raises an error that names the operation, as does every operation without a
rule; `register_rule` adds one. The calculator never guesses.
"""

EXAMPLE = (
    "from ganblocks import PatchDiscriminator",
    "from ganblocks.rf import receptive_field",
    "field = receptive_field(PatchDiscriminator(6), (6, 256, 256))",
    "field.size, field.stride, field.padding, field.map_size",
    "field.box(0, 0), field.support(0, 0)  # 23 rows and columns of padding",
    "field.box(10, 20), field.support(10, 20)",
)

DROPPED = (
    "from torch import nn",
    "network = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 8, 3, padding=1))",
    "field = receptive_field(network, (3, 5, 5))",
    "field.box(1, 1), field.support(1, 1)",
)


def trunk(name: str) -> nn.Module:
    """Builds a network without the layers after its maps, with random weights, in eval mode."""
    auxiliary = name in ("inception_v3", "googlenet")  # their initialization also takes a minute
    arguments = {"aux_logits": False, "init_weights": False} if auxiliary else {}
    network = torchvision.models.get_model(name, weights=None, **arguments)
    parts = [part for key, part in network.named_children() if key not in HEADS]
    return nn.Sequential(*parts).eval()


def field_of(network: nn.Module, shape: tuple[int, ...]) -> ReceptiveField:
    """Returns the field of a network with one output."""
    field = receptive_field(network, shape)
    assert isinstance(field, ReceptiveField)
    return field


def strip(size: int, stride: int) -> tuple[int, int, int]:
    """Returns the shape of a narrow image that is tall enough for a field far from its borders."""
    height = size + 4 * stride
    return 3, height + -height % stride, 80


def measured(network: nn.Module, field: ReceptiveField) -> int:
    """Measures how many rows an output in the middle of a strip sees."""
    shape = strip(int(field.size[0]), int(field.stride[0]))
    index = tuple(n // 2 for n in field_of(network, shape).map_size)
    found = probe_receptive_field(network, shape, index, without=(SqueezeExcitation,))
    return int(found[2] - found[0])


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Writes a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def patchgans() -> str:
    """Writes the table of the PatchGANs."""
    rows = []
    for n in range(1, 7):
        field = field_of(PatchDiscriminator(6, base_channels=2, n_layers=n), (6, 256, 256))
        size, stride, padding = field.size[0], field.stride[0], field.padding[0]
        grid = f"{field.map_size[0]}×{field.map_size[1]}"
        rows.append((n, f"{size}×{size}", stride, padding, grid))
    return table(("n", "receptive field", "stride", "padding", "grid"), rows)


def trunks() -> str:
    """Writes the table of torchvision's networks."""
    rows = []
    for name, designed in TRUNKS.items():
        network = trunk(name)
        field = field_of(network, (3, 256, 256))
        found = measured(network, field)
        rows.append((name, field.size[0], found, designed or "–", field.stride[0]))
        print(*rows[-1], flush=True)
    return table(("network", "calculated", "measured", "design", "stride"), rows)


def milliseconds(run: Callable[[], object], times: int) -> float:
    """Returns the median time of a call."""
    taken = []
    for _ in range(times + 1):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken[1:])


def speeds() -> str:
    """Writes the speed table."""
    discriminator, resnet = PatchDiscriminator(6), trunk("resnet152")
    return table(
        ("receptive_field of", "milliseconds"),
        [
            (
                "the 70×70 PatchGAN",
                f"{milliseconds(lambda: receptive_field(discriminator, (6, 256, 256)), 15):.1f}",
            ),
            (
                "ResNet-152",
                f"{milliseconds(lambda: receptive_field(resnet, (3, 256, 256)), 5):.0f}",
            ),
        ],
    )


def session(lines: Iterable[str], names: dict[str, object]) -> str:
    """Runs lines of Python and writes them with what they return."""
    written = []
    for line in lines:
        written.append(f">>> {line}")
        if " = " in line or "import" in line:
            exec(line, names)
        else:
            written.append(repr(eval(line, names)))
    return "\n".join(["```python", *written, "```"])


def main() -> None:
    """Prints the page, and writes it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the page of the docs to write")
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    machine = (
        f"{os.cpu_count()} cores, {date.today():%Y-%m-%d}, "
        f"with ganblocks {ganblocks.__version__},\ntorch {torch.__version__.partition('+')[0]}, "
        f"torchvision {torchvision.__version__.partition('+')[0]}, "
        f"Python {platform.python_version()}:"
    )
    names: dict[str, object] = {}
    page = PAGE.format(
        example=session(EXAMPLE, names),
        dropped=session(DROPPED, names),
        patchgans=patchgans(),
        speeds=speeds(),
        machine=machine,
        trunks=trunks(),
    )
    print(page)
    if options.write:
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
