"""The receptive-field explorer in a real browser, as a reader uses it."""

import json
from pathlib import Path

import pytest
from explorer_page import Explorer
from torch import nn

import ganblocks
from ganblocks import PatchDiscriminator, PixelDiscriminator, receptive_field
from ganblocks.rf import coverage, effective_receptive_field

pytestmark = pytest.mark.browser

CASES = json.loads(Path(__file__).with_name("receptive_field_cases.json").read_text("utf-8"))
SIZES = ["1", "16", "34", "70", "142", "286", "574"]


@pytest.fixture
def explorer(page, site):
    return Explorer(page, site)


def test_it_opens_on_a_logit_in_the_middle(explorer):
    field = PatchDiscriminator(6, base_channels=1).receptive_field
    assert explorer.text("size") == "70×70"
    assert explorer.box() == field.box(15, 15)


def test_the_slider_its_keys_and_the_buttons_agree(explorer):
    slider = explorer.part("n_layers")
    slider.focus()
    slider.press("Home")
    for n, side in enumerate(SIZES):
        assert explorer.text("size") == f"{side}×{side}"
        assert explorer.pressed() == [side]
        if n:
            field = PatchDiscriminator(6, base_channels=1, n_layers=n).receptive_field
            assert explorer.text("grid") == "{}×{}".format(*field.map_size)
            assert explorer.text("padding") == "{}×{}".format(*field.padding)
        slider.press("ArrowRight")
    for n, side in enumerate(SIZES):
        explorer.preset(side)
        assert explorer.text("size") == f"{side}×{side}"
        assert slider.input_value() == str(n)
    assert slider.get_attribute("aria-valuetext") == "n_layers=6"


def test_the_slider_stands_back_for_layers_of_your_own(explorer):
    explorer.row(1).locator("[name=kernel]").fill("3")
    slider = explorer.part("n_layers")
    assert explorer.pressed() == []
    assert slider.get_attribute("aria-valuetext") == explorer.text("name") == "layers of your own"
    assert float(slider.evaluate("e => getComputedStyle(e).opacity")) < 0.5


@pytest.mark.parametrize(("n_layers", "image"), [(3, (256, 256)), (5, (256, 256)), (2, (90, 141))])
def test_pointing_at_a_logit_draws_its_box(page, site, n_layers, image):
    explorer = Explorer(page, site, "#image={}x{}".format(*image))
    explorer.part("n_layers").fill(str(n_layers))
    field = receptive_field(PatchDiscriminator(6, base_channels=1, n_layers=n_layers), image)
    height, width = field.map_size
    for i, j in [(0, 0), (0, width - 1), (height - 1, width - 1), (height // 2, width // 3)]:
        explorer.point(i, j)
        assert explorer.box() == field.box(i, j)
        assert explorer.text("box-said") == f"box({i}, {j}) = {field.box(i, j)}"
        assert explorer.text("support-said") == f"support({i}, {j}) = {field.support(i, j)}"


def test_what_lies_in_the_padding_is_hatched_and_the_support_is_bright(explorer):
    explorer.point(0, 0)
    assert explorer.part("padding-seen").get_attribute("d") == ("M-23 -23H47V47H-23ZM0 0H47V47H0Z")
    assert explorer.part("unseen").get_attribute("d") == "M0 0H256V256H0ZM0 0H47V47H0Z"


def test_pointing_at_the_picture_finds_the_patch_around_that_pixel(explorer):
    picture = explorer.part("picture").bounding_box()
    pixel = picture["width"] / (256 + 2 * 23)
    explorer.page.mouse.move(picture["x"] + (23 + 150) * pixel, picture["y"] + (23 + 100) * pixel)
    top, left, bottom, right = explorer.box()
    assert abs((top + bottom) / 2 - 100) <= 4
    assert abs((left + right) / 2 - 150) <= 4


def test_the_keyboard_moves_the_cell(explorer):
    grid = explorer.part("grid-map")
    grid.focus()
    for key in ("Home", "PageUp", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        grid.press(key)
    assert explorer.text("logit").startswith("Logit (1, 1) of 30×30")
    grid.press("End")
    grid.press("PageDown")
    grid.press("ArrowRight")
    assert explorer.text("logit").startswith("Logit (29, 29) of 30×30")
    assert grid.evaluate("e => e.matches(':focus-visible')")
    assert grid.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_a_tap_chooses_a_logit(browser, site):
    phone = browser.new_context(has_touch=True, viewport={"width": 360, "height": 740})
    explorer = Explorer(phone.new_page(), site)
    explorer.part("grid-map").tap(position={"x": 2, "y": 2})
    assert explorer.text("logit").startswith("Logit (0, 0) ")
    phone.close()


def heat_pixels(page, places):
    """Reads the colors of the heat map at places (x, y)."""
    return page.evaluate(
        """async (places) => {
          const image = new Image();
          image.src = document.querySelector('[data-rf=heat]').getAttribute('href');
          await image.decode();
          const canvas = new OffscreenCanvas(image.width, image.height);
          const pen = canvas.getContext('2d', {willReadFrequently: true});
          pen.drawImage(image, 0, 0);
          return places.map(([x, y]) => [...pen.getImageData(x, y, 1, 1).data]);
        }""",
        places,
    )


def test_the_coverage_map_is_that_of_ganblocks(explorer):
    explorer.view("Coverage")
    counts = coverage(PatchDiscriminator(6, base_channels=1).receptive_field)
    assert explorer.text("fewest") == f"{counts.min()} logits"
    assert explorer.text("most") == f"{counts.max()} see a pixel"
    places = [(0, 0), (128, 128), (10, 77)]
    pixels = heat_pixels(explorer.page, places)
    part = (counts - counts.min()) / (counts.max() - counts.min())
    for (x, y), pixel in zip(places, pixels, strict=True):
        want = ganblocks.pictures.heat(part[y, x]).tolist()
        assert all(abs(a - b) <= 1 for a, b in zip(pixel[:3], want, strict=True))


def test_the_effective_field_follows_the_logit(explorer):
    explorer.view("Effective field")
    explorer.point(15, 15)
    heat, circle = explorer.part("heat"), explorer.part("half")
    assert heat.is_visible()
    assert circle.is_visible()
    assert [heat.get_attribute(name) for name in ("x", "y", "width")] == ["97", "97", "70"]
    (_, _, _, edge), (*_, middle) = heat_pixels(explorer.page, [(0, 0), (35, 35)])
    assert edge < middle == 255
    network = nn.Sequential(
        *(
            m
            for m in PatchDiscriminator(6, base_channels=8, norm="none").modules()
            if isinstance(m, nn.Conv2d)
        )
    )
    measured = effective_receptive_field(network, (6, 256, 256), (15, 15), samples=2)
    assert float(explorer.text("radius")) == pytest.approx(measured.half_mass_radius, rel=0.1)
    explorer.point(0, 0)
    assert [heat.get_attribute(name) for name in ("x", "y", "width")] == ["0", "0", "47"]


def test_layers_are_edited_added_moved_and_removed(explorer):
    explorer.row(0).locator("[name=kernel]").fill("7")
    explorer.row(1).locator("[name=dilation]").fill("2")
    explorer.page.get_by_role("button", name="Move down layer 1").click()
    assert explorer.page.evaluate("document.activeElement.ariaLabel") == "Move down layer 2"
    explorer.page.get_by_role("button", name="Remove layer 5").click()
    explorer.part("add").click()
    explorer.part("height").fill("200")
    convs = [(4, 2, 1, 2), (7, 2, 1, 1), (4, 2, 1, 1), (4, 1, 1, 1), (4, 1, 1, 1)]
    shows(explorer, nn.Sequential(*(nn.Conv2d(1, 1, *conv) for conv in convs)), (200, 256))
    assert explorer.text("name") == "layers of your own"


def test_pooling_up_sampling_and_kernels_that_are_not_square(explorer):
    for i, kind in enumerate(["conv", "max", "transposed", "bilinear"]):
        explorer.row(i).locator("[name=kind]").select_option(kind)
    explorer.row(0).locator("[name=kernel]").fill("3x5")
    explorer.row(0).locator("[name=padding]").fill("1, 2")
    scale = explorer.row(3).get_by_label("Scale of layer 4")
    scale.fill("1×3")
    assert not explorer.row(3).locator("[name=kernel]").is_visible()
    network = explorer.python()
    kinds = [nn.Conv2d, nn.MaxPool2d, nn.ConvTranspose2d, nn.Upsample, nn.Conv2d]
    assert list(map(type, network)) == kinds
    shows(explorer, network, (6, 256, 256))
    explorer.point(7, 300)
    assert explorer.box() == receptive_field(network, (6, 256, 256)).box(7, 300)


def shows(explorer, network, image):
    """Checks that the page shows a network's field, and each of its layers."""
    field = receptive_field(network, image)
    assert explorer.text("size") == "×".join(map(str, field.size))
    assert explorer.text("grid") == "×".join(map(str, field.map_size))
    for i, layer in enumerate(field.layers):
        want = (layer.map_size, layer.size, layer.stride, layer.padding)
        assert explorer.after(i) == ["×".join(map(str, pair)) for pair in want]


def test_the_keys_up_and_down_count(explorer):
    kernel = explorer.row(0).locator("[name=kernel]")
    kernel.press("ArrowUp")
    assert (kernel.input_value(), explorer.text("size")) == ("5", "71×71")
    kernel.fill("4×1")
    kernel.press("ArrowDown")
    assert kernel.input_value() == "3×1"


@pytest.mark.parametrize("wrong", ["0", "", "1.5", "999", "-4", "3×", "3×0", "four"])
def test_a_wrong_number_is_refused_in_words_and_changes_nothing(explorer, wrong):
    kernel = explorer.row(0).locator("[name=kernel]")
    kernel.fill(wrong)
    assert kernel.get_attribute("aria-invalid") == "true"
    said = f"“{wrong}”" if wrong else "empty"
    assert explorer.text("problem") == (
        f"Kernel of layer 1 is {said}: write a whole number from 1 to 64, or two, such as 3×5, "
        "for height×width."
    )
    assert explorer.part("problem").is_visible()
    assert explorer.text("size") == "70×70"
    kernel.blur()
    assert kernel.input_value() == "4"
    assert kernel.get_attribute("aria-invalid") == "false"
    assert explorer.text("problem")  # it can still be read
    kernel.fill("5")
    assert explorer.text("problem") == ""


def test_other_numbers_are_refused_beside_their_inputs(explorer):
    explorer.part("width").fill("4000")
    said = "Width of the image is “4000”: write a whole number from 1 to 2048."
    assert explorer.text("problem") == said
    explorer.part("want").fill("x")
    said = "Side of the patch in pixels is “x”: write a whole number from 1 to 9999."
    assert explorer.text("no-answer") == said


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("max2p2", "Layer 1, MaxPool2d: padding 2 is more than half of kernel 2. Use padding up"),
        ("k3,avg4x2s2p2x3", "Layer 2, AvgPool2d: padding 2×3 is more than half of kernel 4×2."),
        ("k9x300", "Part of the address was not used. Kernel of layer 1 is “9x300”: write"),
        ("k9x60,k1x64d1x9,k1", "image of 256×256: these layers need at least 9×627 to give"),
        ("nearest8,nearest8,nearest8", "The layers up-sample by 512 in all: the explorer allows"),
        ("nearest8,nearest8", "The map after layer 2 has 16384×16384 entries: the explorer allows"),
        ("transposed1s2p1,k1s2", "No pixel of the image reaches a logit: every path is lost"),
    ],
)
def test_layers_that_cannot_be_shown_are_refused_in_words(page, site, layers, said):
    explorer = Explorer(page, site, f"#layers={layers}")
    shown = [explorer.text(name) for name in ("notice", "refusal")]
    assert any(text.startswith(said) for text in shown), shown
    explorer.part("width").fill("8")  # a page that is refused still answers
    explorer.preset("286")
    assert explorer.text("refusal").startswith("image of 256×8: this PatchDiscriminator needs")
    explorer.saved("k4s2p1,k4p1", "image=256x8")


def test_an_image_too_small_is_refused_in_the_words_of_python(explorer):
    explorer.part("height").fill("20")
    case = next(c for c in CASES["refusals"] if c["image"] == [20, 20])
    assert explorer.text("refusal") == case["said"].replace("20×20:", "20×256:")
    assert not explorer.part("picture").is_visible()
    explorer.part("height").fill("64")
    assert explorer.text("refusal") == ""
    assert explorer.text("grid") == "6×30"


def test_the_state_survives_a_reload(explorer):
    explorer.row(2).locator("[name=dilation]").fill("3")
    explorer.row(4).locator("[name=kind]").select_option("nearest")
    explorer.part("width").fill("300")
    explorer.view("Coverage")
    explorer.part("want").fill("40")
    explorer.point(3, 5)
    explorer.saved("k4s2p1d3", "nearest2", "image=256x300", "logit=3,5", "view=cov", "want=40")
    shown = ("size", "grid", "logit", "box-said", "support-said", "python", "fewest", "answers")
    before = [explorer.text(name) for name in shown]
    explorer.page.mouse.wheel(0, 900)  # a theme that follows the reader must leave the address
    explorer.page.wait_for_timeout(600)
    explorer.page.reload()
    assert [explorer.text(name) for name in shown] == before
    assert explorer.page.get_by_role("radio", name="Coverage").is_checked()
    assert explorer.text("notice") == ""


def test_a_copied_link_opens_what_is_shown(explorer):
    explorer.row(0).locator("[name=kernel]").fill("3×6")
    explorer.point(2, 3)
    link = explorer.copied("link")
    shown = [explorer.text(name) for name in ("size", "logit", "python")]
    explorer.page.goto("about:blank")
    explorer.page.goto(link)
    assert [explorer.text(name) for name in ("size", "logit", "python")] == shown


JUNK = {
    "#layers=k0,k4&image=0x9": ["Kernel of layer 1 is “0”", "Height of the image is “0”"],
    "#layers=nonsense&want=x": ["Layer 1 is “nonsense”: write one such as", "Want is “x”"],
    "#layers=&image=9&view=all": ["Layer 1 is empty", "Image is “9”", "View is “all”"],
    "#layers=" + "k1," * 12 + "k1": ["There are 13 layers: write from 1 to 12."],
    "#logit=1&<b>=%E0%A4%A": ["Logit is “1”", "“<b>” is not a setting: use layers, image"],
    "#constructor=1": ["“constructor” is not a setting"],
    "#logit=99,7": ["Logit (99, 7) does not exist: the map is 30×30. The nearest one is shown."],
}


@pytest.mark.parametrize("state", ["", "#words", *JUNK])
def test_an_address_that_cannot_be_read_is_said_and_shows_the_patchgan(page, site, state):
    explorer = Explorer(page, site, state)
    assert explorer.text("size") == "70×70"
    assert explorer.text("grid") == "30×30"
    notice = explorer.text("notice")
    assert bool(notice) == (state in JUNK)
    assert all(said in notice for said in JUNK.get(state, []))
    page.wait_for_timeout(400)
    assert page.evaluate("location.hash") == state.replace("<b>", "%3Cb%3E")
    explorer.preset("16")
    assert explorer.text("notice") == ""


def test_a_shared_address_is_followed_on_the_open_page(explorer):
    explorer.page.evaluate("location.hash = '#layers=k3s3,k5p2&image=99x150&logit=2,4'")
    explorer.page.wait_for_function(
        "document.querySelector('[data-rf=grid]').textContent === '33×50'"
    )
    assert explorer.text("box-said") == "box(2, 4) = (0, 6, 15, 21)"


@pytest.mark.parametrize("side", ["1", "34", "286"])
def test_the_copied_line_of_a_preset_builds(explorer, side):
    explorer.preset(side)
    network = explorer.python()
    assert isinstance(network, PixelDiscriminator if side == "1" else PatchDiscriminator)
    assert network.in_channels == 6
    assert network.receptive_field.size == (int(side), int(side))


def test_the_copied_line_of_own_layers_builds(page, site):
    explorer = Explorer(page, site, "#layers=k3p2d2,k5s3,k4s2p1,k1")
    field = receptive_field(explorer.python(), (6, 256, 256))
    assert explorer.text("size") == "{}×{}".format(*field.size)
    assert explorer.text("grid") == "{}×{}".format(*field.map_size)
    page.wait_for_function("document.querySelector('[data-rf=copy]').textContent === 'Copy'")


def test_a_wish_is_answered_as_python_answers_it(explorer):
    for case in CASES["answers"]:
        explorer.part("want").fill(str(case["want"]))
        explorer.part("at").fill(str(case["at"]))
        said = explorer.part("answers").locator("li > span").all_text_contents()
        assert said == case["said"][:3]
    explorer.part("at").fill("1")
    assert explorer.text("no-answer") == CASES["no_answer"]


def test_about_70_at_512_is_three_layers(explorer):
    explorer.part("want").fill("70")
    explorer.part("at").fill("512")
    first = explorer.part("answers").locator("li").first
    said = first.locator("span").text_content()
    assert said.startswith("n_layers=3, kernel_size=4: sees 70×70, stride 8, 62×62 logits")
    explorer.preset("16")
    first.get_by_role("button").click()
    assert explorer.text("grid") == "62×62"
    assert explorer.text("python") == "PatchDiscriminator(in_channels=6, n_layers=3)"
