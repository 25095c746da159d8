"""Fills HTML templates; values are escaped unless they are `Markup`."""

from importlib import resources
from string import Template

from markupsafe import escape


def fill(template: str, /, **values: str) -> bytes:
    """Returns a page as bytes.

    Write HTML only as `Markup("<b>{}</b>").format(text)`, which also escapes.

    Args:
        template: File name of the template, in this folder.
        **values: Values for the template, text or `Markup`.
    """
    text = resources.files("ganblocks.report").joinpath(template).read_text("utf-8")
    page = Template(text).substitute({key: escape(value) for key, value in values.items()})
    # A lone surrogate, which JSON may contain, cannot be encoded in UTF-8.
    return page.encode("utf-8", errors="xmlcharrefreplace")
