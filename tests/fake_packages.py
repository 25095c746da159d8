"""Packages with entry points, written by hand instead of installed."""


def write_package(site, name, entries, modules=(), version="1.0"):
    """Writes modules and the metadata of one installed package into a site folder.

    `entries` maps a registry's kind to `{name: value}`, or is the text of entry_points.txt.
    """
    if not isinstance(entries, str):
        entries = "\n".join(
            f"[ganblocks.{kind.replace(' ', '_')}]\n"
            + "".join(f"{key} = {value}\n" for key, value in names.items())
            for kind, names in entries.items()
        )
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entries)
    for module, source in dict(modules).items():
        path = site / f"{module}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
