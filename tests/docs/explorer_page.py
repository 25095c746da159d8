"""What a reader sees and does on the page of the explorer."""

from pathlib import Path

from torch import nn

import ganblocks


class Explorer:
    """The page, opened from disk."""

    def __init__(self, page, site, state=""):
        self.page = page
        page.goto((Path(site) / "receptive-fields" / "explorer.html").as_uri() + state)

    def part(self, name):
        return self.page.locator(f'[data-rf="{name}"]')

    def text(self, name):
        return self.part(name).text_content()

    def row(self, i):
        return self.part("layers").locator("tr").nth(i)

    def after(self, i):
        """What the table says of the map after a layer."""
        names = ("map", "size", "stride", "padding")
        return [self.row(i).locator(f"[data-after={name}]").text_content() for name in names]

    def preset(self, side):
        self.page.locator("[data-n-layers]", has_text=side).and_(
            self.page.get_by_text(side, exact=True)
        ).click()

    def pressed(self):
        return self.page.locator("[data-n-layers][aria-pressed=true]").all_text_contents()

    def view(self, name):
        self.page.get_by_role("radio", name=name).check()

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

    def copied(self, button):
        self.part(button).click()
        self.page.wait_for_function(
            "(name) => document.querySelector(`[data-rf=${name}]`).textContent === 'Copied'",
            arg=button,
        )
        return self.page.evaluate("navigator.clipboard.readText()")

    def python(self):
        """Builds the network of the line that the copy button gives."""
        line = self.copied("copy")
        assert line == self.text("python")
        return eval(line, {"nn": nn, **vars(ganblocks)})

    def saved(self, *words):
        """Waits until the address holds these words."""
        for word in words:
            self.page.wait_for_function("(word) => location.hash.includes(word)", arg=word)
