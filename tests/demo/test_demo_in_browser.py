"""A demo opened from disk in a real browser: what is drawn is translated as Python does."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from _site import draw
from ganblocks import Translator, load
from ganblocks.data import ImageFormat, LabelFormat
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.demo import write_demo

pytestmark = pytest.mark.browser

PIXELS = """(id) => {
  const shown = document.querySelector(id), {width, height} = shown;
  const pen = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  pen.drawImage(shown, 0, 0);
  return [height, width, [...pen.getImageData(0, 0, width, height).data]];
}"""
SIDE = 128


class Demo:
    """What a person sees and does on the page."""

    def __init__(self, page, path):
        self.page = page
        page.goto(path.as_uri())
        self.finished()

    def finished(self):
        self.page.locator("body[data-state=idle]").wait_for(timeout=60_000)

    def pixels(self, name):
        height, width, values = self.page.evaluate(PIXELS, f"#{name}")
        return np.array(values, np.uint8).reshape(height, width, 4)[..., :3].astype(int)

    def choose(self, *labels):
        for label in labels:
            self.page.get_by_label(label, exact=True).check()

    def stroke(self, *points):
        """Moves the pressed pointer through points (x, y) of the drawing."""
        box = self.page.locator("#drawing").bounding_box()
        scale = box["width"] / self.pixels("drawing").shape[1]
        for number, (x, y) in enumerate(points):
            self.page.mouse.move(box["x"] + (x + 0.5) * scale, box["y"] + (y + 0.5) * scale)
            if number == 0:
                self.page.mouse.down()
        self.page.mouse.up()
        self.finished()

    def click(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()
        self.finished()

    def open(self, content, name="picture.png"):
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        self.page.locator("#file").set_input_files(file)


def png(values):
    file = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def translated(run, drawing, mode="mean"):
    picture = Image.fromarray(drawing.astype(np.uint8))
    return np.asarray(Translator(load(run), mode=mode)(picture)).astype(int)


@pytest.fixture(scope="module")
def labels(written_run, tmp_path_factory):
    """A run of the twelve classes with the recipe's norm, and the path of its page."""
    run = written_run(LabelFormat(CMP_PALETTE), size=(SIDE, SIDE))
    return run, write_demo(run, tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def local(written_run, tmp_path_factory):
    """The page of a run without norms, so that what is far from a stroke stays."""
    run = written_run(LabelFormat(CMP_PALETTE), size=(SIDE, SIDE), norm="none", num_downs=2)
    return write_demo(run, tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def photos(written_run, tmp_path_factory):
    run = written_run(ImageFormat(3, dtype="uint8"), size=(48, 80))
    return run, write_demo(run, tmp_path_factory.mktemp("photos"), mode="running")


def test_a_window_changes_the_output_there_alone(page, local):
    demo = Demo(page, local)
    before, empty = demo.pixels("output"), demo.pixels("drawing")
    demo.choose("Rectangle", "balcony")
    demo.stroke((90, 90), (100, 110))
    drawn = (demo.pixels("drawing") != empty).any(-1)
    rows, columns = np.nonzero(demo.pixels("drawing")[..., 0] == CMP_PALETTE["balcony"][0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (90, 110, 90, 100)
    changed = (demo.pixels("output") != before).any(-1)
    assert changed[drawn].mean() > 0.9
    assert not changed[:60, :60].any()


def test_the_output_is_that_of_python(page, labels):
    run, path = labels
    urls = []
    page.on("request", lambda request: urls.append(request.url))
    demo = Demo(page, path)
    demo.choose("Rectangle", "window")
    demo.stroke((20, 30), (50, 70))
    demo.choose("Brush", "pillar")
    demo.stroke((5, 5), (60, 90), (120, 20))
    want = translated(run, demo.pixels("drawing"))
    assert want.std() > 10
    assert np.abs(demo.pixels("output") - want).max() <= 2
    assert page.locator("#state").text_content().endswith(" ms for this picture")
    assert [u for u in urls if not u.startswith(("blob:", "data:"))] == [path.as_uri()]


def test_the_generator_of_the_docs_is_that_of_python(page, tmp_path):
    """It was trained on real facades, and stored in 16 bits."""
    demo = Demo(page, write_demo(draw.RUN, tmp_path))
    want = translated(draw.RUN, demo.pixels("drawing"))
    assert np.abs(demo.pixels("output") - want).max() <= 2


def test_label_maps_have_no_mixed_colors(page, labels):
    demo = Demo(page, labels[1])
    demo.choose("door")
    demo.stroke((3, 3), (90, 55), (20, 100))
    palette = set(CMP_PALETTE.values())
    assert {tuple(color) for color in demo.pixels("drawing").reshape(-1, 3)} <= palette
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3))
    demo.open(png(noise))
    page.wait_for_function("document.querySelector('#undo').disabled === false")
    demo.finished()
    assert {tuple(color) for color in demo.pixels("drawing").reshape(-1, 3)} == palette


def test_undo_redo_and_clear(page, labels):
    demo = Demo(page, labels[1])
    drawings = [demo.pixels("drawing")]
    outputs = [demo.pixels("output")]
    assert page.get_by_role("button", name="Undo").is_disabled()
    for act in (lambda: demo.stroke((9, 9)), lambda: demo.click("Clear")):
        act()
        drawings.append(demo.pixels("drawing"))
        outputs.append(demo.pixels("output"))
    assert (drawings[-1] == CMP_PALETTE["background"]).all()
    for number in (1, 0):
        page.keyboard.press("Control+z")
        demo.finished()
        assert (demo.pixels("drawing") == drawings[number]).all()
        assert (demo.pixels("output") == outputs[number]).all()
    demo.click("Redo")
    assert (demo.pixels("drawing") == drawings[1]).all()
    demo.stroke((50, 50))
    assert page.get_by_role("button", name="Redo").is_disabled()


def test_fill_stays_in_its_region(page, labels):
    demo = Demo(page, labels[1])
    demo.click("Clear")
    demo.choose("Rectangle", "shop")
    demo.stroke((10, 20), (39, 59))
    demo.choose("Fill", "door")
    demo.stroke((15, 25))
    door = (demo.pixels("drawing") == CMP_PALETTE["door"]).all(-1)
    assert door[20:60, 10:40].all()
    assert door.sum() == 30 * 40


def test_the_keyboard_draws(page, labels):
    demo = Demo(page, labels[1])
    demo.click("Clear")
    page.get_by_label("sill", exact=True).focus()
    page.keyboard.press("Space")
    page.keyboard.press("r")
    canvas = page.locator("#drawing")
    page.keyboard.press("Tab")
    canvas.focus()
    assert canvas.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    assert page.locator("#cross").is_visible()
    for key in ("ArrowLeft", " ", "ArrowRight", "ArrowRight", "Shift+ArrowDown", " "):
        page.keyboard.press(key)
    demo.finished()
    rows, columns = np.nonzero((demo.pixels("drawing") == CMP_PALETTE["sill"]).all(-1))
    middle = SIDE // 2
    assert (rows.min(), rows.max()) == (middle, middle + 1)
    assert (columns.min(), columns.max()) == (middle - 8, middle + 8)


def test_a_finger_draws_and_nothing_overflows_on_a_phone(browser, labels):
    phone = browser.new_context(has_touch=True, viewport={"width": 360, "height": 740})
    demo = Demo(phone.new_page(), labels[1])
    before = demo.pixels("drawing")
    demo.choose("pillar")
    demo.page.locator("#drawing").tap(position={"x": 100, "y": 100})
    demo.finished()
    assert (demo.pixels("drawing") != before).any()
    assert demo.page.evaluate("document.documentElement.scrollWidth") == 360
    phone.close()


def test_the_picture_is_saved(page, labels):
    demo = Demo(page, labels[1])
    with page.expect_download() as download:
        demo.click("Save picture")
    assert download.value.suggested_filename == "run_output.png"
    with Image.open(download.value.path()) as saved:
        assert (np.asarray(saved.convert("RGB")) == demo.pixels("output")).all()


def test_a_photo_is_translated_as_python_does(page, photos):
    run, path = photos
    demo = Demo(page, path)
    assert (demo.pixels("drawing") == 255).all()
    photo = torch.rand(48, 80, 3).mul(255).round().numpy()
    demo.open(png(photo))
    page.wait_for_function("document.querySelector('#undo').disabled === false")
    demo.finished()
    assert (demo.pixels("drawing") == photo).all()
    want = translated(run, photo, "running")
    assert np.abs(demo.pixels("output") - want).max() <= 2
    page.locator("#own").fill("#123456")
    demo.stroke((40, 24))
    assert demo.pixels("drawing")[24, 40].tolist() == [0x12, 0x34, 0x56]
    demo.open(b"no picture")
    page.get_by_text("This file is not a picture").wait_for()


def test_an_error_is_shown_in_words(browser, labels, tmp_path):
    before, mark, model = labels[1].read_text("utf-8").partition('id="model">')
    damaged = tmp_path / "index.html"
    damaged.write_text(before + mark + model.replace("H4sI", "AAAA", 1), "utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(damaged.as_uri())
    page.get_by_role("alert").filter(has_text="The network did not start: ").wait_for()
    assert "Open the page in a current " in page.get_by_role("alert").text_content()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["labels", "photos"])
def test_axe_finds_nothing_serious(page, scheme, kind, request):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    Demo(page, request.getfixturevalue(kind)[1])
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
    assert light == (scheme == "light")
    found = Axe().run(page).response
    assert any(rule["id"] == "color-contrast" for rule in found["passes"])
    assert [rule["id"] for rule in found["violations"]] == []
