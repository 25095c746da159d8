"""The receptive-field page in a real browser says what ganblocks says."""

import json
from pathlib import Path

import pytest
from torch import nn

import ganblocks
from ganblocks import PatchDiscriminator, PixelDiscriminator, receptive_field
from ganblocks.rf import coverage

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "assets" / "javascripts" / "receptive-field.js"
CASES = json.loads(Path(__file__).with_name("receptive_field_cases.json").read_text("utf-8"))
CALCULATE = """([script, cases]) => {
  const module = {exports: {}};
  new Function("module", script)(module);
  const page = module.exports, square = (n) => [n, n];
  const fields = cases.fields.map(({name, layers, image, logits}) => {
    const field = page.analyzed(layers, image), counts = field.coverage();
    const told = ({grid, size, stride, padding}) =>
      ({grid, size: square(size), stride: square(stride), padding: square(padding)});
    return {
      name, layers, image, ...told(field), steps: field.rows.map(told),
      logits: logits.map(({at}) => ({at, box: field.box(...at), support: field.support(...at)})),
      coverage: {min: counts.min, max: counts.max,
                 center: counts.at(image[0] >> 1, image[1] >> 1)},
    };
  });
  const answers = cases.answers.map(({want, at}) => {
    const found = page.suggestions(want, [at, at]);
    const costs = found.map(({parameters, work}) => [parameters, work]);
    return {want, at, said: found.map(page.suggestionSaid), costs};
  });
  const refusals = cases.refusals.map(({layers, image}) =>
    ({layers, image, said: page.refusal(layers, image)}));
  return {fields, answers, refusals, no_answer: page.noSuggestionSaid(1)};
}"""


class Explorer:
    """What a reader sees and does on the page."""

    def __init__(self, page, site, state=""):
        self.page = page
        page.goto((Path(site) / "receptive-fields" / "explorer.html").as_uri() + state)

    def part(self, name):
        return self.page.locator(f'[data-rf="{name}"]')

    def text(self, name):
        return self.part(name).text_content()

    def preset(self, side):
        self.page.locator("[data-n-layers]", has_text=side).and_(
            self.page.get_by_text(side, exact=True)
        ).click()

    def point(self, i, j):
        """Moves the pointer to the middle of a cell."""
        height, width = map(int, self.text("grid").split("×"))
        grid = self.part("grid-map")
        grid.scroll_into_view_if_needed()
        place = grid.bounding_box()
        cell = min(place["width"] / width, place["height"] / height)
        self.page.mouse.move(place["x"] + (j + 0.5) * cell, place["y"] + (i + 0.5) * cell)

    def box(self):
        """Reads the frame that is drawn, as (top, left, bottom, right)."""
        drawn = self.part("box")
        x, y, width, height = (
            int(drawn.get_attribute(name)) for name in ("x", "y", "width", "height")
        )
        return y, x, y + height, x + width

    def python(self):
        """Builds the network of the line that the copy button gives."""
        self.part("copy").click()
        self.page.wait_for_function(
            "document.querySelector('[data-rf=copy]').textContent === 'Copied'"
        )
        line = self.page.evaluate("navigator.clipboard.readText()")
        assert line == self.text("python")
        return eval(line, {"nn": nn, **vars(ganblocks)})

    def saved(self, *words):
        """Waits until the address holds these words."""
        for word in words:
            self.page.wait_for_function("(word) => location.hash.includes(word)", arg=word)


@pytest.fixture
def explorer(page, site):
    return Explorer(page, site)


def test_the_script_agrees_with_every_case(explorer):
    told = explorer.page.evaluate(CALCULATE, [SCRIPT.read_text("utf-8"), CASES])
    for part, cases in CASES.items():
        if isinstance(cases, list):
            for got, want in zip(told[part], cases, strict=True):
                assert got == want
        else:
            assert told[part] == cases


def test_the_slider_and_the_presets_give_the_patchgans(explorer):
    sizes = []
    for n in range(1, 7):
        explorer.part("n_layers").fill(str(n))
        sizes.append(explorer.text("size"))
        field = PatchDiscriminator(6, base_channels=1, n_layers=n).receptive_field
        assert explorer.text("grid") == "{}×{}".format(*field.map_size)
        assert explorer.text("padding") == "{}×{}".format(*field.padding)
    assert sizes == ["16×16", "34×34", "70×70", "142×142", "286×286", "574×574"]
    for side in ("1", "16", "34", "70", "142", "286"):
        explorer.preset(side)
        assert explorer.text("size") == f"{side}×{side}"


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


def test_the_coverage_map_is_that_of_ganblocks(explorer):
    explorer.part("coverage").check()
    counts = coverage(PatchDiscriminator(6, base_channels=1).receptive_field)
    assert explorer.text("fewest") == f"{counts.min()} logits"
    assert explorer.text("most") == f"{counts.max()} see a pixel"
    pixels = explorer.page.evaluate(
        """async () => {
          const image = new Image();
          image.src = document.querySelector('[data-rf=heat]').getAttribute('href');
          await image.decode();
          const canvas = new OffscreenCanvas(256, 256);
          const pen = canvas.getContext('2d', {willReadFrequently: true});
          pen.drawImage(image, 0, 0);
          return [[0, 0], [128, 128], [10, 77]].map(([x, y]) =>
            [...pen.getImageData(x, y, 1, 1).data].slice(0, 3));
        }"""
    )
    part = (counts - counts.min()) / (counts.max() - counts.min())
    for (x, y), pixel in zip([(0, 0), (128, 128), (10, 77)], pixels, strict=True):
        want = ganblocks.pictures.heat(part[y, x]).tolist()
        assert all(abs(a - b) <= 1 for a, b in zip(pixel, want, strict=True))


def test_layers_are_edited_added_moved_and_removed(explorer):
    rows = explorer.part("layers").locator("tr")
    rows.nth(0).locator("[name=kernel]").fill("7")
    rows.nth(1).locator("[name=dilation]").fill("2")
    explorer.page.get_by_role("button", name="Move down layer 1").click()
    assert explorer.page.evaluate("document.activeElement.ariaLabel") == "Move down layer 2"
    explorer.page.get_by_role("button", name="Remove layer 5").click()
    explorer.part("add").click()
    explorer.part("height").fill("200")
    convs = [(4, 2, 1, 2), (7, 2, 1, 1), (4, 2, 1, 1), (4, 1, 1, 1), (4, 1, 1, 1)]
    field = receptive_field(nn.Sequential(*(nn.Conv2d(1, 1, *conv) for conv in convs)), (200, 256))
    assert explorer.text("size") == "{}×{}".format(*field.size)
    assert explorer.text("grid") == "{}×{}".format(*field.map_size)
    assert explorer.text("name") == "layers of your own"
    for row, layer in zip(rows.all(), field.layers, strict=True):
        after = [
            row.locator(f"[data-after={name}]").text_content()
            for name in ("map", "size", "stride", "padding")
        ]
        want = (layer.map_size, layer.size, layer.stride, layer.padding)
        assert after == ["×".join(map(str, pair)) for pair in want]


def test_a_wrong_number_is_marked_and_changes_nothing(explorer):
    kernel = explorer.part("layers").locator("[name=kernel]").first
    for wrong in ("0", "", "1.5", "999"):
        kernel.fill(wrong)
        assert kernel.get_attribute("aria-invalid") == "true"
    assert explorer.text("size") == "70×70"
    kernel.blur()
    assert kernel.input_value() == "4"
    assert kernel.get_attribute("aria-invalid") == "false"


def test_an_image_too_small_is_refused_in_the_words_of_python(explorer):
    explorer.part("height").fill("20")
    case = next(c for c in CASES["refusals"] if c["image"] == [20, 20])
    assert explorer.text("refusal") == case["said"].replace("20×20:", "20×256:")
    assert not explorer.part("picture").is_visible()
    explorer.part("height").fill("64")
    assert explorer.text("refusal") == ""
    assert explorer.text("grid") == "6×30"


def test_the_state_survives_a_reload(explorer):
    explorer.part("layers").locator("[name=dilation]").nth(2).fill("3")
    explorer.part("width").fill("300")
    explorer.part("coverage").check()
    explorer.part("want").fill("40")
    explorer.point(3, 5)
    explorer.saved("k4s2p1d3", "image=256x300", "logit=3,5", "coverage=1", "want=40")
    shown = ("size", "grid", "logit", "box-said", "support-said", "python", "fewest", "answers")
    before = [explorer.text(name) for name in shown]
    explorer.page.mouse.wheel(0, 900)  # a theme that follows the reader must leave the address
    explorer.page.wait_for_timeout(600)
    explorer.page.reload()
    assert [explorer.text(name) for name in shown] == before
    assert explorer.part("coverage").is_checked()


@pytest.mark.parametrize("state", ["#words", "#layers=k0,k4&image=0x9", "#layers=nonsense&want=x"])
def test_an_address_without_a_state_shows_the_patchgan_of_pix2pix(page, site, state):
    explorer = Explorer(page, site, state)
    assert explorer.text("size") == "70×70"
    assert explorer.text("grid") == "30×30"
    page.wait_for_timeout(400)
    assert page.evaluate("location.hash") == state


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


@pytest.mark.parametrize("state", ["", "#layers=k64s8p64d64,k3,k3,k3,k3,k3,k3&image=2048x2048"])
def test_nothing_overflows_on_a_phone(page, site, state):
    page.set_viewport_size({"width": 360, "height": 740})
    Explorer(page, site, state)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("innerWidth")
    beyond = page.evaluate(
        """[...document.querySelectorAll('.rf *')].filter((e) => e.checkVisibility()
             && !e.closest('svg') && e.getBoundingClientRect().right > innerWidth)
           .map((e) => e.outerHTML)"""
    )
    assert beyond == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_schemes(page, site, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    Explorer(page, site)
    background = "rgb(255, 255, 255)"
    chosen = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (chosen == background) == (scheme == "light")
    ratios = page.evaluate(CONTRASTS)
    assert min(ratios.values()) >= 4.5, ratios
    button = page.locator(".rf button").first
    assert button.evaluate("e => getComputedStyle(e).transitionDuration") == "0s"


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1);
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const seen = (element) => {  // the colors that lie over one another, as one
    pen.clearRect(0, 0, 1, 1);
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.unshift(e);
    const backs = chain.map((e) => getComputedStyle(e).backgroundColor);
    const paint = (colors) => {
      for (const color of colors) { pen.fillStyle = color; pen.fillRect(0, 0, 1, 1); }
      const light = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    };
    const below = paint(backs), above = paint([...backs, getComputedStyle(element).color]);
    return (Math.max(below, above) + 0.05) / (Math.min(below, above) + 0.05);
  };
  const words = {};
  for (const element of document.querySelectorAll('.rf *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if ((own || element.tagName === 'INPUT') && !element.disabled && element.checkVisibility()) {
      const name = element.tagName + ' ' + (element.textContent || element.ariaLabel);
      words[name] = seen(element);
    }
  }
  return words;
}"""
