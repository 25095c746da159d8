"""The explorer's script, in a real browser, calculates what ganblocks calculates."""

import json
import math
from pathlib import Path

import pytest
import torch
from random_stacks import layer_of, module_of, random_stack
from torch import nn

from _site import explorer_script
from ganblocks import GanBlocksError, receptive_field
from ganblocks.rf import coverage, effective_receptive_field

pytestmark = pytest.mark.browser

CASES = json.loads(Path(__file__).with_name("receptive_field_cases.json").read_text("utf-8"))
CALCULATE = """([script, cases]) => {
  const {$field, $suggestions, $words} =
    new Function(script + "return {$field, $suggestions, $words};")();
  const told = ({grid, size, stride, padding}) => ({grid, size, stride, padding});
  const fields = cases.fields.map(({name, layers, image, logits}) => {
    const field = $field.analyzed(layers, image), counts = field.coverage();
    return {
      name, layers, image, ...told(field), steps: field.rows.map(told),
      logits: logits.map(({at}) => ({at, box: field.box(...at), support: field.support(...at)})),
      coverage: {min: counts.min, max: counts.max,
                 center: counts.at(image[0] >> 1, image[1] >> 1)},
    };
  });
  const answers = cases.answers.map(({want, at}) => {
    const found = $suggestions.suggestions(want, [at, at]);
    const costs = found.map(({parameters, work}) => [parameters, work]);
    return {want, at, said: found.map($suggestions.suggestionSaid), costs};
  });
  const refusals = cases.refusals.map(({layers, image}) =>
    ({layers, image, said: $words.refusal(layers, image)}));
  return {fields, answers, refusals, no_answer: $suggestions.noSuggestionSaid(1)};
}"""
STACKS = """([script, stacks]) => {
  const {$field, $words} = new Function(script + "return {$field, $words};")();
  return stacks.map(([layers, image]) => {
    const refusal = $words.refusal(layers, image);
    if (refusal) return refusal;
    const field = $field.analyzed(layers, image), counts = field.coverage();
    const [height, width] = field.grid, all = (see) => Array.from({length: height}, (_, i) =>
      Array.from({length: width}, (_, j) => see(i, j)));
    return {
      rows: field.rows.map(({grid, size, stride, padding}) => [grid, size, stride, padding]),
      uniform: field.isUniform, supports: all(field.support),
      boxes: [0, 1, 2, 3].map((n) => field.box(n % height, 3 * n % width)),
      coverage: Array.from({length: image[0]}, (_, y) =>
        Array.from({length: image[1]}, (_, x) => counts.at(y, x))),
    };
  });
}"""
EFFECTIVE = """([script, layers, image, logit]) => {
  const {effective} = new Function(script + "return $effective;")();
  const {at, radius} = effective(layers, image, logit);
  return [radius, Array.from({length: image[0]}, (_, y) =>
    Array.from({length: image[1]}, (_, x) => at(y, x)))];
}"""

CONV, DOWN = layer_of("conv", kernel=3, padding=1), layer_of("conv", kernel=4, stride=2, padding=1)
PATCH_END = [layer_of("conv", kernel=4, padding=1)] * 2
RANDOM = {
    "a PatchGAN": [DOWN, DOWN, *PATCH_END],
    "max pooling": [CONV, layer_of("max", kernel=2, stride=2), CONV, CONV],
    "average pooling": [CONV, layer_of("avg", kernel=(3, 2), stride=2, padding=(1, 0)), CONV],
    "resizing": [DOWN, DOWN, layer_of("nearest", stride=2), CONV, layer_of("bilinear", stride=2)],
    "transposed": [DOWN, layer_of("transposed", kernel=(4, 2), stride=2, padding=(1, 0)), CONV],
}


def test_the_script_agrees_with_every_case(page):
    told = page.evaluate(CALCULATE, [explorer_script.joined("words"), CASES])
    for part, cases in CASES.items():
        if isinstance(cases, list):
            for got, want in zip(told[part], cases, strict=True):
                assert got == want
        else:
            assert told[part] == cases


def said_by_python(layers, image):
    """Returns what the calculator says of a stack, or None where it refuses it."""
    try:
        field = receptive_field(nn.Sequential(*map(module_of, layers)), (1, *image))
    except GanBlocksError:
        return None

    def plain(values):
        return [n if isinstance(n, int) else str(n) for n in values]

    height, width = field.map_size
    return {
        "rows": [
            [list(row.map_size), plain(row.size), plain(row.stride), plain(row.padding)]
            for row in field.layers
        ],
        "uniform": field.uniform,
        "supports": field.supports().tolist(),
        "boxes": [list(field.box(n % height, 3 * n % width)) for n in range(4)],
        "coverage": coverage(field).tolist(),
    }


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_stacks_have_the_fields_that_the_calculator_finds(page, first):
    stacks = [random_stack(seed) for seed in range(first, first + 20)]
    told = page.evaluate(STACKS, [explorer_script.joined("words"), stacks])
    refused = 0
    for (layers, image), got in zip(stacks, told, strict=True):
        want = said_by_python(layers, image)
        refused += want is None
        assert isinstance(got, str) == (want is None), (layers, image, got)
        assert want is None or got == want, (layers, image)
    assert refused < 10


def wide(layers, channels=24):
    """Builds layers with random weights, many channels and leaky ReLUs."""
    modules, before = [], 3
    for layer in layers:
        module = module_of(layer)
        if hasattr(module, "weight"):
            options = {
                name: getattr(module, name)
                for name in ("kernel_size", "stride", "padding", "dilation")
            }
            module = type(module)(before, channels, **options)
            nn.init.normal_(module.weight, 0, 1 / math.sqrt(module.weight[0].numel()))
            before = channels
            module = nn.Sequential(module, nn.LeakyReLU(0.2))
        modules.append(module)
    return nn.Sequential(*modules)


@pytest.mark.parametrize("name", RANDOM)
def test_the_effective_field_is_that_of_random_networks(page, name):
    """On average over networks, and up to the noise that so few of them leave."""
    layers, image = RANDOM[name], (96, 80)
    found = [
        effective_receptive_field(wide(layers), (3, *image), samples=2, seed=n) for n in range(8)
    ]
    mean = sum(one.map for one in found) / len(found)
    code = explorer_script.joined("effective")
    radius, got = page.evaluate(EFFECTIVE, [code, layers, list(image), list(found[0].index)])
    got = torch.tensor(got, dtype=torch.float64)
    assert got.sum().item() == pytest.approx(1)
    assert (got - mean).abs().sum() / 2 < 0.1  # the share of the mass that lies elsewhere
    radii = [one.half_mass_radius for one in found]
    assert radius == pytest.approx(sum(radii) / len(radii), rel=0.05, abs=0.5)
