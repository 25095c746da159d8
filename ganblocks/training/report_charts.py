"""The charts of a report: which there are, and what each of them should look like."""

from html import escape
from typing import NamedTuple

from ganblocks.training.curves import line_chart
from ganblocks.training.report_files import Metrics


class _Chart(NamedTuple):
    title: str
    columns: dict[str, str]  # column -> name of the curve
    meaning: str
    scale: str = "linear"


_FIRST = (
    _Chart(
        "Mean logits",
        {"d_real": "D(real)", "d_fake": "D(fake)"},
        "D(real) should stay above D(fake). Where both lie on one another, "
        "the discriminator is blind.",
    ),
    _Chart(
        "Gap",
        {"gap": "D(real) - D(fake)"},
        "How well the discriminator tells real from fake. It should stay above 0.",
    ),
    _Chart(
        "Accuracy of D",
        {"d_accuracy": "accuracy"},
        "Share of the patches where D finds the real one more real than the fake one. 0.5 is "
        "chance; at 1 for long, D always wins.",
    ),
)
_LAST = (
    _Chart(
        "Gradient norms",
        {"grad_norm_d": "D", "grad_norm_g": "G"},
        "How strongly each step pulls at the weights. A norm that falls to 0 ends the learning; "
        "one that grows without end comes before NaN.",
        "auto",
    ),
    _Chart(
        "Gradient at the output",
        {"grad_image": "all losses", "grad_image_d": "from D"},
        "What pulls at the generator's pictures. Where D's part is next to nothing, "
        "the generator learns nothing from it.",
        "auto",
    ),
    _Chart(
        "Learning rate",
        {"lr": "lr", "lr_d": "lr of D"},
        "What the schedule set at each step.",
    ),
    _Chart(
        "Speed",
        {"images_per_s": "images/s"},
        "Images per second. A long dip means that something else held the training up.",
    ),
)
_KNOWN = {
    "loss_g_adversarial": (
        "Adversarial losses",
        {"loss_d": "D", "loss_g_adversarial": "G"},
        "Neither should fall to 0 and stay there: a player that always wins "
        "teaches the other nothing.",
    ),
    "loss_g_l1": (
        "L1",
        {"loss_g_l1": "L1"},
        "How far the output is from the target. It should fall fast, then slowly.",
    ),
}


def charts(metrics: Metrics) -> str:
    """Draws every chart that the log has columns for, each as a figure."""
    return "".join(_figure(chart, metrics) for chart in [*_FIRST, *_terms(metrics), *_LAST])


def columns(metrics: Metrics, prefix: str) -> list[str]:
    """Names the columns that begin so, such as the terms of the generator's objective."""
    return [column for column in metrics if column.startswith(prefix)]


def _terms(metrics: Metrics) -> list[_Chart]:
    """Makes a chart for each term of the objective."""
    terms = []
    for column in [*columns(metrics, "loss_g_"), *columns(metrics, "loss_d_")]:
        name = column[len("loss_g_") :]
        who = "generator" if column.startswith("loss_g_") else "discriminator"
        own = (name, {column: name}, f"A term of the {who}'s objective, without its weight.")
        terms.append(_Chart(*_KNOWN.get(column, own), "auto"))
    if not any("loss_d" in chart.columns for chart in terms):
        terms.insert(0, _Chart("D loss", {"loss_d": "D"}, "What the discriminator minimises."))
    return terms


def _figure(chart: _Chart, metrics: Metrics) -> str:
    series = {name: metrics[column] for column, name in chart.columns.items() if column in metrics}
    if not series:
        return ""
    svg = line_chart(chart.title, metrics["step"], series, scale=chart.scale)
    title, meaning = escape(chart.title), escape(chart.meaning)
    return f"<figure><h3>{title}</h3>{svg}<figcaption>{meaning}</figcaption></figure>"
