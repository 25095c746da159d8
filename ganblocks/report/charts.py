"""The charts of a report: which there are, and what each of them should look like."""

from html import escape
from typing import NamedTuple

from ganblocks.report.curves import line_chart
from ganblocks.report.files import Metrics


class _Chart(NamedTuple):
    title: str
    columns: dict[str, str]  # column -> name of the curve
    meaning: str
    scale: str = "linear"


_LOGITS = (
    _Chart(
        "Mean logits",
        {"d_real": "D(real)", "d_fake": "D(fake)"},
        "D(real) should stay above D(fake). Where both are equal, the discriminator is blind.",
    ),
    _Chart(
        "Gap",
        {"gap": "D(real) - D(fake)"},
        "How well the discriminator tells real from fake. It should stay above 0.",
    ),
    _Chart(
        "Accuracy of D",
        {"d_accuracy": "accuracy"},
        "Share of the places where the real logit is the higher one. 0.5 is chance; at 1 for "
        "long, D always wins.",
    ),
)
_TERMS = {
    "": (
        "Total losses",
        "What each player minimizes: the sum of its terms with their weights. Terms that are not "
        "due at every step are left out.",
    ),
    "adversarial": (
        "Adversarial losses",
        "Neither should fall to 0 and stay there: a player that always wins teaches the other "
        "nothing.",
    ),
    "l1": ("L1", "How far fakes are from their targets. It should fall fast, then slowly."),
}
_NORMS = (
    "How strongly each step pulls at a player's weights. A norm that falls to 0 ends the "
    "learning; one that grows without end comes before NaN."
)
_AT_OUTPUT = (
    "What pulls at the generated images. Where D's part is next to nothing, the generator learns "
    "nothing from it."
)


def charts(metrics: Metrics) -> str:
    """Draws every chart that the log has columns for, each as a figure."""
    images = {"": "all losses", "_d": "from D"}
    chosen = [
        *_LOGITS,
        *_losses(metrics),
        *_scores(metrics),
        _every(metrics, "grad_norm_", "Gradient norms", _NORMS, scale="auto"),
        _Chart(
            "Gradient at the output",
            {
                column: images.get(column[len("grad_image") :], column[len("grad_image_") :])
                for column in metrics.named("grad_image")
            },
            _AT_OUTPUT,
            "auto",
        ),
        _every(metrics, "lr_", "Learning rates", "What the schedule set at each step."),
        _Chart(
            "Speed",
            {"images_per_s": "images/s"},
            "Images per second. A long dip means that something else held the training up.",
        ),
    ]
    return "".join(_figure(chart, metrics) for chart in chosen)


def player_name(label: str) -> str:
    """Returns how a player's short name is written."""
    return label.upper() if len(label) == 1 else label


def players(metrics: Metrics) -> list[str]:
    """Returns the players' short names, read from the columns."""
    found = [column[len("lr_") :] for column in metrics.named("lr_")]
    for column in metrics.named("loss_"):  # of a log without their rates: the first word
        if not any(f"{column}_".startswith(f"loss_{label}_") for label in found):
            found.append(column.split("_")[1])
    return found


def _losses(metrics: Metrics) -> list[_Chart]:
    """A chart of the totals and one for each term, of all players that have one of that name."""
    terms: dict[str, dict[str, str]] = {"": {}}
    labels = sorted(players(metrics), key=len, reverse=True)  # d_a before d
    for column in metrics.named("loss_"):
        rest = column[len("loss_") :]
        label = next(label for label in labels if f"{rest}_".startswith(f"{label}_"))
        terms.setdefault(rest[len(label) + 1 :], {})[column] = player_name(label)
    return [
        _Chart(title, columns, meaning, "auto")
        for term, columns in terms.items()
        for title, meaning in [_TERMS.get(term, (term, "A term of the losses, unweighted."))]
    ]


def _scores(metrics: Metrics) -> list[_Chart]:
    """A chart for each held-out score that was measured more than once."""
    return [
        _Chart(
            f"Held-out {score_name(column[len('val_') :])}",
            {column: "score"},
            "The mean over the held-out samples; lower is better.",
        )
        for column in metrics.named("val_")
        if len(metrics.there(column)) > 1
    ]


def score_name(name: str) -> str:
    """Returns how a score's name is written: as its term's chart is titled."""
    return _TERMS.get(name, (name, ""))[0]


def _every(
    metrics: Metrics, prefix: str, title: str, meaning: str, scale: str = "linear"
) -> _Chart:
    columns = {column: player_name(column[len(prefix) :]) for column in metrics.named(prefix)}
    return _Chart(title, columns, meaning, scale)


def _figure(chart: _Chart, metrics: Metrics) -> str:
    there = metrics.columns
    series = {name: there[column] for column, name in chart.columns.items() if column in there}
    if not series:
        return ""
    svg = line_chart(chart.title, metrics.steps, series, scale=chart.scale)
    title, meaning = escape(chart.title), escape(chart.meaning)
    return f"<figure><h3>{title}</h3>{svg}<figcaption>{meaning}</figcaption></figure>"
