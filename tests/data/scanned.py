"""Empty files in folders, and what a scan of them found."""


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def files_of(root, scan):
    """Maps names to the files of both sides, relative to the root."""
    place = lambda paths: [path.relative_to(root).as_posix() for path in paths]  # noqa: E731
    return {pair.name: (place(pair.a), place(pair.b)) for pair in scan.pairs}


def names(scan):
    return [pair.name for pair in scan.pairs]


def lines(root, scan):
    return [line.removeprefix(f"{root}/") for line in scan.problems]


def table(root, text, encoding="utf-8"):
    path = root / "pairs.csv"
    path.write_bytes(text.encode(encoding))
    return path
