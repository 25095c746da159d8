"""Fills a page: values are escaped, unless they are marked as markup."""

from importlib import resources
from string import Template

from markupsafe import escape


def fill(template: str, /, **values: str) -> bytes:
    """Returns a page as bytes.

    HTML comes from `Markup("<b>{}</b>").format(text)` alone, which escapes as well.

    Args:
        template: Its file, in this room.
        **values: Its values, text or `Markup`.
    """
    text = resources.files("ganblocks.report").joinpath(template).read_text("utf-8")
    page = Template(text).substitute({key: escape(value) for key, value in values.items()})
    # A lone surrogate, which JSON may contain, cannot be encoded in UTF-8.
    return page.encode("utf-8", errors="xmlcharrefreplace")
