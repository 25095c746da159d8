"""The script of the receptive-field explorer: its ES modules, joined into one classic script.

Browsers load no ES module from disk, and the site must work from there.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "explorer"
PATH = "assets/javascripts/receptive-field.js"
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.M)
EXPORT = re.compile(r"^export (?=(?:class|const|function) (\w+))", re.M)


def files() -> dict[str, str]:
    """Returns the script: path in the site → content."""
    return {PATH: "{\n" + joined("main") + "}\n"}


def joined(name: str) -> str:
    """Returns a module, after those that it imports, as statements of a classic script.

    Each becomes a constant: a function that is called at once and returns its exports.

    Examples:
        >>> [line for line in joined("effective").splitlines() if line.startswith("const $")]
        ['const $layers = (() => {', 'const $effective = (() => {']
    """
    return "".join(_modules(name, {}).values())


def _modules(name: str, found: dict[str, str]) -> dict[str, str]:
    source = (FOLDER / f"{name}.js").read_text("utf-8")
    for _, needed in IMPORT.findall(source):
        if needed not in found:
            _modules(needed, found)
    exports = ", ".join(EXPORT.findall(source))
    body = EXPORT.sub("", IMPORT.sub(r"const \1 = $\2;", source))
    found[name] = (
        f'const ${name} = (() => {{\n"use strict";\n{body}return {{ {exports} }};\n}})();\n'
    )
    return found
