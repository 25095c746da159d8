"""The calculator against the probe on random networks, and on calculators broken on purpose."""

from collections import Counter
from contextlib import contextmanager, suppress
from functools import cache
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from zoo import KINDS, graphs, herd

from ganblocks.errors import ShapeError
from ganblocks.rf import receptive_field, steps, verify_receptive_field, window
from ganblocks.rf.probe import Probe
from ganblocks.rf.rules import RULES

HERDS = range(8)
TIMES = 3
"""So many steps of each kind a herd has at least, 24 in all."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),
    pytest.mark.xdist_group("zoo"),  # its herds are run once, by one worker
]


def rules():
    """The operations of each rule."""
    made = {}
    for operation, rule in RULES.items():
        made.setdefault(rule, []).append(operation)
    return made


@contextmanager
def counted():
    """Counts how often each rule answers."""
    found = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for operation, rule in list(RULES.items()):

            def answer(call, rule=rule):
                found[rule.__name__] += 1
                return rule(call)

            patch.setitem(RULES, operation, answer)
        yield found


NOTHING = "does not depend on its input"


def disagreements(graph):
    """Where calculator and probe differ."""
    try:
        return verify_receptive_field(graph, graph.shape, statistics="counted")
    except ShapeError as error:
        if NOTHING not in str(error):
            raise
    probe = Probe(graph, graph.shape, statistics="counted")  # no output may see a pixel
    measured = {probe.box(index) for index in product(*map(range, probe.outputs.shape[2:]))}
    return tuple(box for box in measured if any(box))


@cache
def seen(number):
    """The graphs of a herd, where calculator and probe differ, and how often each rule answered."""
    graphs_ = herd(number, TIMES)
    with counted() as found:
        differing = [(graph, boxes) for graph in graphs_ if (boxes := disagreements(graph))]
    return graphs_, differing, found


@pytest.mark.parametrize(
    "number", [*HERDS[:1], *(pytest.param(n, marks=pytest.mark.slow) for n in HERDS[1:])]
)
def test_the_herds_agree(number):
    assert seen(number)[1] == []


@pytest.mark.slow
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_any_graph_agrees(graph):
    assert disagreements(graph) == ()


@pytest.mark.slow
def test_the_herds_have_every_step_and_hit_every_rule_twenty_times():
    herds, _, answers = zip(*map(seen, HERDS))
    animals = [graph for graphs_ in herds for graph in graphs_]
    assert len(animals) >= 500
    steps = Counter(kind for graph in animals for kind in graph.kinds())
    assert min(steps[kind] for kind in KINDS) >= 20
    found = sum(answers, Counter())
    names = {rule.__name__ for rule in rules()}
    assert {name: found[name] for name in names if found[name] < 20} == {}


# A rule that is a little wrong is found out.


def shifted(region):
    """Each element sees what its neighbor does."""
    dim = max(range(len(region.dims)), key=lambda dim: region.shape[dim])
    return region.gather(dim, steps(region.shape[dim], 1))


def widened(region):
    """Each element sees what its neighbors do."""
    for dim, length in enumerate(region.shape):
        region = region.gather(dim, window(length, 3, padding=1))
    return region


def broken(rule, wrong):
    """The rule, and what is wrong with its answer."""

    def answer(call):
        found = rule(call)
        if found is None:  # a constant, which sees everything now
            region = call.regions()[0]
            return region.reduce(range(len(region.shape)), keepdim=False).expand(call.out.shape)
        parts = [r and wrong(r) for r in found] if isinstance(found, list) else [wrong(found)]
        return parts if isinstance(found, list) else parts[0]

    return answer


@pytest.fixture(scope="module")
def hit_by():
    """The graphs of a single step that each rule answers for."""
    found = {rule: [] for rule in rules()}
    for graph in herd(0, 6, length=1):
        with counted() as counts, suppress(ShapeError):  # no output sees a pixel
            receptive_field(graph, graph.shape, statistics="counted")
        for rule, graphs_ in found.items():
            if counts[rule.__name__]:
                graphs_.append(graph)
    return found


def is_found_out(graphs_):
    return any(disagreements(graph) != () for graph in graphs_)


def by_name(choose=lambda rule: True):
    chosen = [rule for rule in rules() if choose(rule)]
    return pytest.mark.parametrize("rule", chosen, ids=lambda rule: rule.__name__)


def is_broken_by(wrong, rule, graphs_, monkeypatch):
    for operation in rules()[rule]:
        monkeypatch.setitem(RULES, operation, broken(rule, wrong))
    return is_found_out(graphs_)


@by_name()
def test_a_rule_that_is_off_by_one_is_found_out(rule, hit_by, monkeypatch):
    assert is_broken_by(shifted, rule, hit_by[rule], monkeypatch)


# Of these every element sees its whole row already.
WHOLE = ("attention", "group_norm", "constant")


@by_name(lambda rule: rule.__name__ not in WHOLE)
def test_a_rule_that_is_too_wide_is_found_out(rule, hit_by, monkeypatch):
    assert is_broken_by(widened, rule, hit_by[rule], monkeypatch)


# Torch writes max(x, y) as maximum(x, y) before that rule is asked.
NEVER_JOINS = "over_dims_twice"


@by_name(lambda rule: "union" in rule.__code__.co_names and rule.__name__ != NEVER_JOINS)
def test_a_dropped_branch_is_found_out(rule, hit_by, monkeypatch):
    scope = rule.__globals__
    union = scope["union"]
    monkeypatch.setitem(scope, "union", lambda regions, shape: union(regions[:1], shape))
    assert is_found_out(hit_by[rule])
