"""The charts of a report, each with a caption that explains how to read it."""

from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import Markup

from ganblocks.report.curves import line_chart
from ganblocks.report.files import Metrics


class _Chart(NamedTuple):
    title: str
    columns: dict[str, str]  # column → name of the curve
    caption: str
    scale: str = "linear"


_LOGITS = (
    _Chart(
        "Mean logits",
        {"d_real": "{D}(real)", "d_fake": "{D}(fake)"},
        "D(real) should stay above D(fake). If they are equal, the discriminator is blind.",
    ),
    _Chart(
        "Gap",
        {"gap": "{D}(real) - {D}(fake)"},
        "How well the discriminator tells real from fake. It should stay above 0.",
    ),
    _Chart(
        "Accuracy",
        {"d_accuracy": "accuracy of {D}"},
        "The fraction of positions where the real logit is higher. 0.5 is chance; if it stays at "
        "1, "
        "D always wins.",
    ),
)
_TERMS = {
    "": (
        "Total losses",
        "What each player minimizes: the weighted sum of its terms, excluding those that are not "
        "computed at every step.",
    ),
    "adversarial": (
        "Adversarial losses",
        "Neither should fall to 0 and stay there: the other player learns nothing from a player "
        "that always wins.",
    ),
    "l1": ("L1", "The distance of fakes from their targets. It should fall fast, then slowly."),
    "cycle": (
        "cycle",
        "The distance between images and their reconstructions after a cycle (there and back).",
    ),
    "identity": ("identity", "How much a generator changes images that need no change."),
    "kl": ("KL", "How far the code is from a normal distribution, in nats per image."),
}
_NORMS = (
    "The size of each player's gradient. At 0 the player stops learning; steady growth often ends "
    "in NaN."
)
_AT_OUTPUT = (
    "The gradient of the losses at the generated images. If D's part is close to 0, the generator "
    "learns nothing from it."
)


def charts(metrics: Metrics, better: Mapping[str, str]) -> Markup:
    """Returns a figure for every chart that the log has columns for, as HTML.

    Args:
        metrics: The log.
        better: Which values of a score are better, `"lower"` unless it is named here.
    """
    all_charts = [
        *(_per_discriminator(chart, metrics) for chart in _LOGITS),
        *_losses(metrics),
        *_scores(metrics, better),
        _by_player(metrics, "grad_norm_", "Gradient norms", _NORMS, scale="auto"),
        _Chart(
            "Gradient at the output",
            {
                column: _origin(column.removeprefix("grad_image"))
                for column in metrics.named("grad_image")
            },
            _AT_OUTPUT,
            "auto",
        ),
        _Chart(
            "Adaptive weights",
            {column: column[len("weight_") :] for column in metrics.named("weight_")},
            "The weights that make each adversarial term pull as hard as the reconstruction terms.",
            "auto",
        ),
        _by_player(metrics, "lr_", "Learning rates", "The learning rate of each player."),
        _Chart(
            "Speed",
            {"images_per_s": "images/s"},
            "Images per second. A long dip means that something else slowed training down.",
        ),
    ]
    return Markup().join(_figure(chart, metrics) for chart in all_charts)


def _origin(suffix: str) -> str:
    """Returns which losses a gradient comes from; a suffix after that names the output."""
    from_d = suffix == "_d" or suffix.startswith("_d_")
    output = suffix[2 if from_d else 0 :].replace("_", " ")
    return ("from D" if from_d else "all losses") + output


def player_name(label: str) -> str:
    """Returns a player's short name as it is displayed."""
    return label.upper() if len(label) == 1 else label


def players(metrics: Metrics) -> list[str]:
    """Returns the players' short names, read from the columns."""
    labels = [column[len("lr_") :] for column in metrics.named("lr_")]
    for column in metrics.named("loss_"):  # of a log without learning rates
        if not any(f"{column}_".startswith(f"loss_{label}_") for label in labels):
            labels.append(column.split("_")[1])
    return labels


def _losses(metrics: Metrics) -> list[_Chart]:
    """Returns a chart of the totals and one for each term, with a curve for each player."""
    terms: dict[str, dict[str, str]] = {"": {}}
    labels = sorted(players(metrics), key=len, reverse=True)  # d_a before d
    for column in metrics.named("loss_"):
        rest = column[len("loss_") :]
        label = next(label for label in labels if f"{rest}_".startswith(f"{label}_"))
        terms.setdefault(rest[len(label) + 1 :], {})[column] = player_name(label)
    return [
        _Chart(title, columns, caption, "auto")
        for term, columns in terms.items()
        for title, caption in [_described(term)]
    ]


def _described(term: str) -> tuple[str, str]:
    """Returns the title and caption of a term; a suffix names one of several networks."""
    name, _, suffix = term.partition("_")
    if term not in _TERMS and name in _TERMS and suffix:
        title, caption = _TERMS[name]
        return f"{title}, {suffix}", caption
    return _TERMS.get(term, (term, "A term of the losses, unweighted."))


def _per_discriminator(chart: _Chart, metrics: Metrics) -> _Chart:
    """Returns a chart with its curves for every discriminator: columns may have a suffix."""
    suffixes = [name.removeprefix("d_fake") for name in metrics.named("d_fake")]
    columns = {
        f"{column}{suffix}": name.format(D=f"D{suffix}")
        for suffix in suffixes
        for column, name in chart.columns.items()
    }
    return chart._replace(columns=columns)


def _scores(metrics: Metrics, better: Mapping[str, str]) -> list[_Chart]:
    """Returns a chart for each held-out score that was measured more than once."""
    return [
        _Chart(
            f"Held-out {score_name(name)}",
            {column: "score"},
            f"Over the held-out samples; {better.get(name, 'lower')} is better.",
        )
        for column in metrics.named("val_")
        for name in [column.removeprefix("val_")]
        if len(metrics.values(column)) > 1
    ]


def score_name(name: str) -> str:
    """Returns the name of a score as it is displayed, like the chart of its term."""
    return _TERMS.get(name, (name, ""))[0]


def _by_player(
    metrics: Metrics, prefix: str, title: str, caption: str, scale: str = "linear"
) -> _Chart:
    columns = {column: player_name(column[len(prefix) :]) for column in metrics.named(prefix)}
    return _Chart(title, columns, caption, scale)


def _figure(chart: _Chart, metrics: Metrics) -> Markup:
    logged = metrics.columns
    series = {name: logged[column] for column, name in chart.columns.items() if column in logged}
    if not series:
        return Markup()
    svg = line_chart(chart.title, metrics.steps, series, scale=chart.scale)
    figure = Markup("<figure><h3>{}</h3>{}<figcaption>{}</figcaption></figure>")
    return figure.format(chart.title, svg, chart.caption)
