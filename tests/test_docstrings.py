"""Docstrings of public names: complete, true of the signature, in sections that the site reads."""

import ast
import builtins
import inspect
import re
import textwrap
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import ganblocks
from _site.public import HOMES, value_of
from ganblocks import Callback, GanBlocksError
from ganblocks.registries import registries

HOOKS = vars(Callback)
SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Examples")

WITHOUT_EXAMPLE = {
    "AdversarialLoss": "abstract",
    "AdversarialLoss.discriminator": "abstract; the losses show it",
    "AdversarialLoss.generator": "abstract; the losses show it",
    "Augmentation": "abstract; its forward has one",
    "Callback.step": "fit calls it",
    "Description": "a result: Registry.describe returns it",
    "Disagreement": "a result: verify_receptive_field gives them",
    "download_cmp_facades": "it would download",
    "EffectiveField": "a result: effective_receptive_field gives it",
    "EMA.load_state_dict": "Updater calls it",
    "EMA.state_dict": "Updater calls it",
    "FeatureLoss": "abstract",
    "GridCallback": "default_callbacks makes it",
    "HealthCallback": "default_callbacks makes it",
    "ImagePool.reseed": "fit calls it in each process",
    "Estimate": "a result: Metric.compute returns it",
    "ImageMetric": "abstract",
    "ImageMetric.each": "update calls it",
    "Metric": "abstract",
    "Metric.compute": "abstract; the metrics show it",
    "Metric.reset": "abstract; takes nothing",
    "Metric.update": "abstract; the metrics show it",
    "Layer": "a result: ReceptiveField.layers holds them",
    "LogCallback": "default_callbacks makes it",
    "PairedDataset": "abstract",
    "PairedDataset.read": "abstract; the datasets show it",
    "PatchSuggestion": "a result: suggest_patch_discriminator gives them",
    "Penalty": "abstract",
    "Probe": "a result: probe_generator returns it",
    "ProgressCallback": "default_callbacks makes it",
    "ReconstructionLoss": "abstract",
    "RelativisticLoss": "abstract",
    "ReportCallback": "default_callbacks makes it",
    "run_command": "read_flags shows both",
    "SideFormat": "abstract",
    "SideFormat.describe": "describe_pairs calls it",
    "ImageFormat.describe": "describe_pairs calls it",
    "LabelFormat.describe": "describe_pairs calls it",
    "RunFolder.remove_samples_after": "LogCallback calls it",
    "RunFolder.require_unused": "create shows that it lets an empty folder pass",
    "RunFolder.save_sample": "fit shows what a run writes",
    "RunFolder.write_spec": "create shows it",
    "ScoreCallback": "default_callbacks makes it",
    "Taps": "a result: window, transposed_window and steps give it",
    "Unconditional.inputs": "generate and HealthCallback call it",
    "Task.inputs": "generate and HealthCallback call it",
    "Task.check": "dry_run calls it",
    "Translator.stored": "files calls it",
    "Task.network": "Updater calls it",
    "Task.networks": "Updater calls it",
    "Training": "fit makes it",
    "Training.advance": "fit calls it",
    "Training.set_last_step": "fit calls it",
    "Training.describe": "fit calls it",
    "Training.preview_batches": "fit calls it",
    "Training.load": "fit calls it",
    "Training.log": "fit calls it",
    "Training.notify": "fit calls it",
    "Training.save": "fit calls it",
    "Training.stop": "Callback shows it",
    "typed_flags": "read_flags calls it",
    "Updater.compile": "fit calls it",
    "Updater.distribute": "it takes several processes",
    "Updater.gather_weights": "it takes several processes",
    "Updater.inference_network": "fit calls it",
    "Updater.inference_task": "fit calls it",
    "Updater.learning_rates": "fit calls it",
    "Updater.load_state_dict": "state_dict shows it",
    "Updater.local_state": "it takes several processes",
    "Updater.set_lr_factor": "fit calls it",
}
WITHOUT_PAPER = {
    "activations none": "does nothing",
    "formats image": "values are scaled",
    "formats labels": "one-hot, older than networks",
    "activations tanh": "a function of mathematics",
    "blocks conv": "a step after the other, as everywhere",
    "blocks deconv": "a step after the other, as everywhere",
    "blocks down": "a down-sampler, which has its own source, with steps after it",
    "blocks up": "an up-sampler, which has its own source, with steps after it",
    "datasets images": "reads the files of a folder",
    "datasets images_of_pairs": "one side of another dataset",
    "datasets paired_images": "reads the files of a folder",
    "downsamplers pool": "a plain mean or maximum",
    "initializers none": "does nothing",
    "metrics l1": "a mean",
    "metrics psnr": "a decibel of a mean, older than networks",
    "norms none": "does nothing",
    "paddings circular": "older than networks",
    "paddings reflect": "older than networks",
    "paddings replicate": "older than networks",
    "paddings zeros": "older than networks",
    "reconstruction losses l2": "least squares, older than networks",
}
# Torch, an initializer or a training calls these: the example is that of the class.
CALLED_BY_OTHERS = (
    *("forward", "extra_repr", "train", "get_extra_state", "set_extra_state"),
    *("resolved", "decode", "encode", "restore", "colors", "describe_pixels"),
    *("after_initialize", "draw", "due", "is_due", "preview", "comparison", "score"),
    *("baseline", "start", "sample", "grid", "checkpoint", "close"),
)


class Documented(NamedTuple):
    """A class, a function, or with the class that defines it a method or property."""

    value: object
    owner: type | None = None

    @property
    def function(self):
        value = self.value.fget if isinstance(self.value, property) else self.value
        return inspect.unwrap(getattr(value, "__func__", value))

    @property
    def doc(self):
        if getattr(self.function, "__override__", False) and not self.function.__doc__:
            return inspect.getdoc(getattr(self.owner, self.function.__name__))  # the ancestor's
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def is_class(self):
        return inspect.isclass(self.value)

    @property
    def is_error(self):
        return self.is_class and issubclass(self.value, Exception)


def ours(cls):
    """Returns those of a class and its ancestors that this package defines."""
    return [c for c in cls.__mro__ if c.__module__.startswith("ganblocks")]


def with_members(name, value):
    """Returns a public name and, of a class, its public methods and properties."""
    found = {name: Documented(value)}
    for owner in ours(value) if inspect.isclass(value) else ():
        for member, held in vars(owner).items():
            kinds = property, classmethod, staticmethod
            shown = inspect.isfunction(held) or isinstance(held, kinds)
            # A hook is explained where Callback declares it.
            is_hook = owner is not Callback and issubclass(owner, Callback) and member in HOOKS
            if shown and not member.startswith("_") and not is_hook:
                found[f"{owner.__name__}.{member}"] = Documented(held, owner)
    return found


def built_in():
    """Returns what is registered in this package: kind and name, and how it is built."""
    for registry in registries().values():
        for name, entry in registry._entries.items():
            if entry.target.startswith("ganblocks."):
                yield f"{registry.kind} {name}", entry


def public():
    """Returns every public class and function with its members."""
    found = {}
    for name, value in ((name, value_of(name)) for name in HOMES):
        if inspect.isclass(value) or inspect.isroutine(value):
            found |= with_members(name, value)
    return found


def hidden():
    """Returns what the site shows besides: classes and functions that only a registry reaches."""
    return {
        name: Documented(entry.factory)
        for name, entry in built_in()
        if entry.preset is None and entry.target.rpartition(".")[2] not in PUBLIC
    }


PUBLIC = public()
SUBJECTS = PUBLIC | hidden()


def sections(doc):
    """Cuts a docstring at its headings; what comes before the first is under ""."""
    parts = re.split(rf"^({'|'.join(SECTIONS)}):$", doc, flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2]))


def explained(subject, heading):
    """Lists the names that a section of `name: words` explains."""
    section = sections(subject.doc).get(heading, "")
    return re.findall(r"^    (\*{0,2}\w+): \S", section, re.MULTILINE)


def explained_parameters(subject):
    told = explained(subject, "Args")
    if hasattr(subject.value, "__dataclass_fields__") and not told:  # a result
        told = [name for name in explained(subject, "Attributes") if name in parameters(subject)]
    return told


def parameters(subject):
    """Lists the parameters that a caller writes, with their stars."""
    if isinstance(subject.value, property):
        return []
    if subject.is_class:
        module = getattr(inspect.unwrap(subject.value.__init__), "__module__", "")
        if not module.startswith("ganblocks"):  # that of torch's Module, or none at all
            return []
        if subject.is_error and "__init__" not in vars(subject.value):  # its parent tells it
            return []
    signature = inspect.signature(subject.value if subject.is_class else subject.function)
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    named = [stars.get(p.kind, "") + p.name for p in signature.parameters.values()]
    bound = subject.owner is not None and not isinstance(subject.value, staticmethod)
    return named[1:] if bound else named


def explained_errors(subject):
    told = set(explained(subject, "Raises"))
    if subject.owner and subject.function.__name__ == "forward":  # the class may tell it
        told |= set(explained(Documented(subject.owner), "Raises"))
    return told


def due_errors(subject):
    """Collects which of our errors a function, or the making of an object, raises."""
    if not subject.is_class:
        return raised(subject.function, subject.owner)
    makers = [
        vars(c)[name]
        for c in ours(subject.value)
        for name in ("__init__", "__post_init__")
        if name in vars(c)
    ]
    return set().union(*(raised(maker, subject.value) for maker in makers))


@cache
def raised(function, owner):
    """Collects the errors that stand in a body, and in helpers whose names begin with require."""
    function = inspect.unwrap(function)
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except OSError:  # the __init__ of a dataclass stands in no file
        return set()
    known = {**vars(builtins), **function.__globals__}
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise):
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            error = known.get(getattr(called, "id", ""))
            if inspect.isfunction(error):  # it words the error
                error = known.get(error.__annotations__["return"], error.__annotations__["return"])
            if inspect.isclass(error) and issubclass(error, GanBlocksError):
                found.add(error.__name__)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            helper = getattr(owner, name, known.get(name))
            is_helper = name.lstrip("_").startswith("require") and inspect.isfunction(helper)
            if is_helper and helper is not function:  # it may call itself
                found |= raised(helper, owner)
    return found


def test_the_first_line_is_one_sentence():
    for name, subject in SUBJECTS.items():
        first, _, rest = subject.doc.partition("\n")
        assert first.endswith("."), name
        assert not rest or rest.startswith("\n"), f"{name}: it runs on into a second line"


def test_every_parameter_is_explained_in_order_and_no_other():
    told = {name: (explained_parameters(s), parameters(s)) for name, s in SUBJECTS.items()}
    assert {name: pair for name, pair in told.items() if pair[0] != pair[1]} == {}


def test_every_error_of_ours_that_it_raises_itself_is_explained():
    missing = {name: due_errors(s) - explained_errors(s) for name, s in SUBJECTS.items()}
    assert {name: errors for name, errors in missing.items() if errors} == {}


def test_the_errors_that_are_explained_exist():
    known = {**vars(builtins), **vars(ganblocks.errors), **vars(ganblocks.testing)}
    unknown = {name: explained_errors(s) - set(known) for name, s in SUBJECTS.items()}
    assert {name: errors for name, errors in unknown.items() if errors} == {}


def test_sections_are_those_that_the_site_reads_and_in_order():
    for name, subject in SUBJECTS.items():
        headings = re.findall(r"^(\w[\w ]*):$", subject.doc, re.MULTILINE)
        assert headings == [section for section in SECTIONS if section in headings], name


def test_formulas_are_closed():
    for name, subject in SUBJECTS.items():
        assert subject.doc.count("$") % 2 == 0, name
        assert subject.doc.count("$$") % 2 == 0, name
        for formula in re.findall(r"\$\$?([^$]+)\$", subject.doc):
            assert formula.count("{") == formula.count("}"), name
            assert "\n\n" not in formula, name


def test_public_classes_functions_and_methods_have_an_example():
    without = set()
    for name, subject in PUBLIC.items():
        member = name.partition(".")[2]
        if subject.is_error or isinstance(subject.value, property) or member in CALLED_BY_OTHERS:
            continue
        own = sections(subject.doc).get("Examples", "")
        of_class = sections(Documented(subject.owner).doc).get("Examples", "") if member else ""
        if ">>> " not in own and f"{member}(" not in of_class:
            without.add(name)
    assert without == set(WITHOUT_EXAMPLE)


def test_every_component_names_its_source():
    """In brackets, the author and the year: the site takes the first of them into its tables."""
    source = re.compile(r"\((?![A-Z]+ \d)[^()\d]*[a-z]{2}[^()\d]*\b(18|19|20)\d\d\b")
    without = {
        name
        for name, entry in built_in()
        if not source.search(f"{entry.summary} {Documented(entry.factory).doc}")
    }
    assert without == set(WITHOUT_PAPER)


def test_constants_are_explained_below_their_assignment():
    explained_ones = set()
    for file in Path(ganblocks.__file__).parent.rglob("*.py"):
        body = ast.parse(file.read_text("utf-8")).body
        for assigned, below in pairwise(body):
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                targets = getattr(assigned, "targets", [getattr(assigned, "target", None)])
                explained_ones |= {t.id for t in targets if isinstance(t, ast.Name)}
    constants = {name for name in HOMES if not callable(value_of(name))}
    assert constants - explained_ones == set()
