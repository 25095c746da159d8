"""The gallery shows every name, by pictures that the code beside them makes."""

import doctest
import io
import re
import sys
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from ganblocks import (
    ADVERSARIAL_LOSSES,
    DISCRIMINATORS,
    FEATURE_LOSSES,
    RECONSTRUCTION_LOSSES,
    PatchDiscriminator,
    Registry,
)
from ganblocks.blocks import UPSAMPLERS

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from _site import (
    architecture,
    gallery,
    gallery_checkerboard,
    gallery_discriminators,
    gallery_losses,
)
from _site.gallery_entry import CALL
from _site.gallery_pages import PAGES
from _site.gallery_picture import run

SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
CODE = re.compile(r"^( *)```python\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SECTIONS = [(page, section) for page, shown in PAGES.items() for section in shown.sections]
pytestmark = pytest.mark.xdist_group("gallery")  # one process makes the pictures
LINKED = ("index", *gallery.DRAWN, *PAGES)


@pytest.fixture(scope="module")
def made():
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:  # the whole measurement takes seconds
        patch.setattr(gallery_checkerboard, "STEPS", (0, 1))
        patch.setattr(gallery_checkerboard, "SEEDS", 1)
        return gallery.files()


def names(registry: Registry):
    described = map(registry.describe, registry.names())
    return {one.name for one in described if one.distribution == "ganblocks"}


def shown(page):
    return set(re.findall(r"^### `(\w+)`", page, re.MULTILINE))


def drawings(page):
    return [ElementTree.fromstring(svg) for svg in SVG.findall(page)]


def words(drawing):
    return [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]


def titled(drawing):
    return [
        drawing.find(f"{{http://www.w3.org/2000/svg}}{part}").text for part in ("title", "desc")
    ]


def test_the_pages_of_the_navigation_are_made(made):
    assert {f"gallery/{page}.md" for page in LINKED} == {p for p in made if p.endswith(".md")}


@pytest.mark.parametrize(
    ("page", "section"), SECTIONS, ids=[section.prefix for _, section in SECTIONS]
)
def test_every_name_has_an_entry_with_a_picture_of_its_own(made, page, section):
    markdown = made[f"gallery/{page}.md"]
    own = names(section.registry)
    assert own
    assert own <= shown(markdown)
    pictures = {}
    for name in own:
        file = f"images/{section.prefix}_{name}.png"
        assert re.search(rf"!\[[^\]]*{name}[^\]]*\]\({file}\)", markdown)
        picture = Image.open(io.BytesIO(made[f"gallery/{file}"])).convert("RGB")
        assert any(low < high for low, high in picture.getextrema()), f"{name} is blank"
        pictures[name] = picture.size, picture.tobytes()
    assert len(set(pictures.values())) == len(own)


def test_every_picture_is_on_a_page(made):
    pages = "".join(content for path, content in made.items() if path.endswith(".md"))
    for path in made:
        if path.endswith((".png", ".webp")):
            assert f"{path.removeprefix('gallery/')}" in pages


def test_the_lines_on_a_page_make_its_pictures(made):
    """The last entry of each registry is run again, from what a reader copies."""
    for page, section in SECTIONS:
        markdown = made[f"gallery/{page}.md"]
        name = gallery.ordered(section)[-1]
        entry = markdown.index(f"### `{name}`")
        call = CALL.search(markdown, entry)[0]
        code = CODE.search(markdown, entry)
        again = run(CALL.sub(call, re.sub(rf"^{code[1]}", "", code[2], flags=re.MULTILINE)))
        saved = Image.open(io.BytesIO(made[f"gallery/images/{section.prefix}_{name}.png"]))
        flat = Image.new("RGB", saved.size, "white")
        flat.paste(saved, None, saved.getchannel("A") if saved.mode == "RGBA" else None)
        assert again["picture"].tobytes() == flat.tobytes()


def test_no_picture_has_a_white_frame(made):
    for path, content in made.items():
        if path.endswith(".png"):
            corner = Image.open(io.BytesIO(content)).convert("RGBA").getpixel((0, 0))
            assert corner[:3] != (255, 255, 255) or corner[3] == 0, path


def test_every_discriminator_is_on_its_page(made):
    page = made["gallery/discriminators.md"]
    assert not names(DISCRIMINATORS) - set(re.findall(r"`(\w+)`", page))
    stops = re.findall(r'data-stop="(\d)" data-label="([\d×]+)"', page)
    assert len(stops) == len(gallery_discriminators.patches()) >= 7
    assert page.count("<g data-stop=") == len(stops) + 1
    assert len(re.findall(r'<div data-stop="\d" data-label="[^"]+" markdown>', page)) == 1


def test_the_slider_draws_what_logits_see():
    network = PatchDiscriminator(6, base_channels=2)
    [patch] = [one for one in gallery_discriminators.patches() if one.name == "patch_70"]
    assert patch.boxes == [network.receptive_field.box(i, i) for i in (0, 15)]
    assert "324 of 900 logits see padding" in patch.text
    drawing = ElementTree.fromstring(SVG.search(gallery_discriminators.slider())[0])
    width = float(drawing.get("viewBox").split()[2])
    for box in drawing.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(box.get("width")) < width


def test_upsampling_is_measured(made):
    page = made["gallery/upsampling.md"]
    values = {name: float(n) for name, n in re.findall(r"^\| \[`(\w+)`\]\S+ \| (\S+)", page, re.M)}
    assert values.keys() == names(UPSAMPLERS)
    assert values["deconv"] > 4 * values["nearest"] > 0


def test_code_that_fails_fails_the_build_and_is_shown():
    with pytest.raises(ZeroDivisionError) as failure:
        run("side = 1 / 0")
    assert "side = 1 / 0" in failure.value.__notes__[0]


def test_pictures_leave_the_random_state_alone():
    before = torch.get_rng_state()
    run("import torch\ntorch.manual_seed(7)")
    assert torch.equal(before, torch.get_rng_state())


def test_every_loss_is_on_its_page_as_curves_or_by_name(made):
    page = made["gallery/losses.md"]
    curved = gallery_losses.pixelwise()
    assert {"l1", "l2", "charbonnier", "huber"} <= set(curved) < names(RECONSTRUCTION_LOSSES)
    assert shown(page) == names(ADVERSARIAL_LOSSES) | set(curved)
    assert not names(RECONSTRUCTION_LOSSES) - set(re.findall(r"`(\w+)`", page))
    assert not names(FEATURE_LOSSES) - set(re.findall(r"`(\w+)`", page))
    assert len(drawings(page)) == 3 * len(names(ADVERSARIAL_LOSSES)) + len(curved)


def curves_of(page, name):
    """The variables that the code of a loss leaves, as the reader runs it."""
    code = CODE.search(page, page.index(f"### `{name}`"))
    code = re.sub(rf"^{code[1]}", "", code[2], flags=re.MULTILINE)
    return run(re.sub(r'build\("\w+"', f'build("{name}"', code))


def test_the_curves_are_those_of_the_formulas(made):
    page = made["gallery/losses.md"]
    hinge = curves_of(page, "hinge")
    x = hinge["logits"].detach()
    expected = {"D, real": (1 - x).clamp(min=0) + 1, "D, fake": 1 + (1 + x).clamp(min=0)}
    for side, values in {**expected, "G, fake": -x}.items():
        torch.testing.assert_close(torch.stack(hinge["values"][f"{side} logit"]).detach(), values)
    vanilla = curves_of(page, "vanilla")
    torch.testing.assert_close(vanilla["gradients"]["G, fake logit"], -torch.sigmoid(-x))
    ragan, rpgan = (
        curves_of(page, name)["gradients"]["D, real logit"] for name in ("ragan", "rpgan")
    )
    torch.testing.assert_close(ragan, 2 * rpgan)
    l2 = curves_of(page, "l2")
    torch.testing.assert_close(l2["gradients"]["one pixel"], 2 * l2["differences"].detach())


def test_a_curve_runs_through_its_values(made):
    """The ends of the line of L2, read back from its pixels and the ticks beside it."""
    page = made["gallery/losses.md"]
    value = drawings(page[page.index("### `l2`") :])[0]
    path = value.find("{http://www.w3.org/2000/svg}path[@class='gb-curve gb-series-0']").get("d")
    points = [tuple(map(float, point.split())) for point in path[1:].split("L")]
    ticks = [
        e for e in value.iter("{http://www.w3.org/2000/svg}text") if e.get("text-anchor") == "end"
    ]
    heights = {float(tick.text): float(tick.get("y")) - 4 for tick in ticks}
    assert points[0][1] == pytest.approx(heights[4.0], abs=0.1)
    assert points[-1][1] == pytest.approx(heights[4.0], abs=0.1)
    assert max(y for _, y in points) == pytest.approx(heights[0.0], abs=0.1)


def test_the_charts_of_a_section_have_the_same_axes(made):
    page, _, by_pixel = made["gallery/losses.md"].partition("## Reconstruction losses")
    for part in (page, by_pixel):
        assert len({tuple(words(drawing)[1:]) for drawing in drawings(part)}) == 1


def test_the_changes_of_a_photo_have_the_same_l2(made):
    page = made["gallery/losses.md"]
    rows = re.findall(r"<tr><th><code>(\w+)</code></th>(.*?)</tr>", page)
    values = {name: re.findall(r"%\">([\d.]+)<", cells) for name, cells in rows}
    assert values.keys() == names(RECONSTRUCTION_LOSSES)
    assert len(set(values["l2"])) == 1 < len(set(values["ssim"]))
    assert {len(row) for row in values.values()} == {5}


def test_all_drawings_parse_and_are_named(made):
    pages = [made[f"gallery/{page}.md"] for page in gallery.DRAWN]
    for page in pages:
        identifiers = re.findall(r'\bid="([^"]+)"', page)
        assert len(identifiers) == len(set(identifiers))
        for drawing in drawings(page):
            assert all(titled(drawing))
            assert drawing.get("role") == "img"
            assert set(drawing.get("aria-labelledby").split()) <= set(identifiers)
    for drawing in drawings(made["gallery/index.md"]):
        assert drawing.get("aria-hidden") == "true"
        assert not words(drawing)


def test_the_unet_is_drawn_as_it_is():
    network = architecture.built(architecture.DRAWN["unet"])
    drawing = ElementTree.fromstring(architecture.drawing("unet", network))
    said = words(drawing)
    side, channels = 256, 64
    assert said.count("3×256×256") == 2
    for _ in range(7):
        side //= 2
        own, joined = f"{channels}×{side}×{side}", f"{2 * channels}×{side}×{side}"
        assert own in said
        assert f"skip {own}" in said
        assert f"{own}, joined {joined}" in said
        channels = min(512, 2 * channels)
    assert said.count("512×1×1") == 1
    assert "54,413,955" in titled(drawing)[0]
    assert sum("dropout 0.5" in line for line in said) == 3
    assert sum("tanh" in line for line in said) == 1


def test_a_unet_of_other_arguments_is_drawn_as_it_is():
    network = architecture.built(architecture.DRAWN["small-unet"])
    said = words(ElementTree.fromstring(architecture.drawing("small-unet", network)))
    assert {"+ 32×32×32", "+ 64×16×16", "+ 128×8×8", "256×4×4"} <= set(said)
    assert sum("attention" in line for line in said) == 1
    assert not any("joined" in line or "skip" in line for line in said)


def test_the_patchgan_is_drawn_as_it_is():
    network = architecture.built(architecture.DRAWN["patchgan"])
    drawing = ElementTree.fromstring(architecture.drawing("patchgan", network))
    maps = ["6×256×256", "64×128×128", "128×64×64", "256×32×32", "512×31×31", "1×30×30"]
    fields = [f"sees {side}×{side}" for side in (1, 4, 10, 22, 46, 70)]
    said = words(drawing)
    assert [line for line in said if line in maps] == maps
    assert [line for line in said if line.startswith("sees")] == fields
    assert "2,768,705" in titled(drawing)[0]


def test_the_page_of_architectures_counts_parameters_and_scrolls(made):
    page = made["gallery/architectures.md"]
    assert "54,413,955 parameters" in page
    assert "2,768,705 parameters" in page
    assert page.count('tabindex="0"') == len(drawings(page)) == len(architecture.DRAWN)


@pytest.mark.parametrize("module", ["gallery_picture", "drawing_parts", "drawing_modules"])
def test_the_examples_in_the_makers_hold(module):
    result = doctest.testmod(import_module(f"_site.{module}"))
    assert result.attempted
    assert not result.failed
