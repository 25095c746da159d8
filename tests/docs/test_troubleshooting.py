"""Every error of ours, and every pain that people search for, has a troubleshooting entry."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import ganblocks
from _site import troubleshooting
from ganblocks import GanBlocksError, errors
from ganblocks.testing import ContractError

DOCS = Path(__file__).parents[2] / "docs"
# What users of other code bases ask in their issues, by number, and the entry that answers.
PAINS = {
    1: "sizes-must-match",
    2: "where-is-the-70",
    3: "which-n-layers",
    4: "target-size",
    5: "patchgan-differs",
    6: "eval-is-worse",
    7: "batch-norm-and-batch-size",
    8: "one-value-per-channel",
    9: "channels-and-bit-depth",
    10: "pairs-do-not-match",
    11: "crops-drift-apart",
    12: "wrong-direction",
    13: "resume",
    14: "is-it-learning",
    15: "loss-weights",
    16: "no-gradient-to-the-generator",
    17: "modified-inplace",
    18: "mixed-precision",
    19: "several-gpus",
    20: "not-reproducible",
    21: "onnx-export",
    22: "checkerboard",
    23: "large-images",
    24: "windows-and-workers",
    25: "state-dict",
    26: "scoring-facades",
}
# What people paste into a search box.
SYMPTOMS = {
    "Sizes of tensors must match except in dimension 1": "sizes-must-match",
    "expected input[1, 3, 256, 256] to have 6 channels, but got 3 channels": "wrong-shape",
    "Kernel size can't be greater than actual input size": "image-too-small",
    "must be the same as input size": "target-size",
    "Expected more than 1 value per channel when training": "one-value-per-channel",
    "has no partner named": "pairs-do-not-match",
    "no gradient to the generator's output": "no-gradient-to-the-generator",
    "has been modified by an inplace operation": "modified-inplace",
    "Trying to backward through the graph a second time": "modified-inplace",
    "is not implemented": "second-derivative",
    "CUDA out of memory": "large-images",
    "An attempt has been made to start a new process": "windows-and-workers",
    "Error(s) in loading state_dict": "state-dict",
    "Weights only load failed": "weights-only",
    "got an unexpected keyword argument": "wrong-option",
    "there is no rule for the operation": "unknown-operation",
    "already contains a run": "run-folder",
    "the checkpoint belongs to another task": "resume",
    "the checkpoint belongs to other data": "resume",
    "the discriminator returned the same logit everywhere": "health-warning",
    "the generator has collapsed": "health-warning",
    "was not finite": "mixed-precision",
    "processes on this machine share": "several-gpus",
    "the step runs without a CUDA graph": "no-cuda-graph",
}
CLASSES = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, GanBlocksError)]


def entries():
    """Every entry: anchor to text, which ends where the next heading begins."""
    pages = [DOCS / "troubleshooting.md", *(DOCS / "troubleshooting").glob("*.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    parts = re.split(r"^## .*\{#([\w-]+)\}$", text, flags=re.MULTILINE)
    texts = [re.split(r"^# ", text, flags=re.MULTILINE)[0].strip() for text in parts[2::2]]
    assert len(set(parts[1::2])) == len(texts), "two entries have one anchor"
    return dict(zip(parts[1::2], texts))


def named_in(path):
    """The entries that a file's raise sites name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        named = isinstance(node, ast.keyword) and node.arg == "see"
        if named and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def test_every_entry_that_an_error_names_is_there():
    package = Path(ganblocks.__file__).parent
    named = {see for path in package.rglob("*.py") for see in named_in(path)}
    assert len(named) > 15
    classes = {error.see for error in (*CLASSES, ContractError)}
    assert {*named, *classes} <= entries().keys()


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_class_of_errors_has_an_entry_of_its_own(error):
    assert "see" in vars(error)
    assert [other.see for other in CLASSES].count(error.see) == 1


@pytest.mark.parametrize(("number", "entry"), PAINS.items())
def test_every_pain_has_its_entry(number, entry):
    assert entry in entries(), number


def test_there_are_as_many_pains_as_were_counted():
    assert sorted(PAINS) == list(range(1, 27))
    assert len({*PAINS.values()}) == 26


@pytest.mark.parametrize("entry", entries())
def test_every_entry_begins_with_what_one_sees(entry):
    text = entries()[entry]
    assert text.startswith(("> ", "```console\n")), text[:60]
    assert len(text.split("\n\n")) >= 2, "nothing follows the symptom"


@pytest.mark.parametrize(("symptom", "entry"), SYMPTOMS.items())
def test_a_message_is_found_at_its_entry(symptom, entry):
    assert symptom in " ".join(entries()[entry].split())


def test_the_list_of_questions_has_every_page_and_entry():
    assert sorted(troubleshooting.PAGES) == sorted(
        p.stem for p in troubleshooting.FOLDER.glob("*.md")
    )
    listed = re.findall(r"#([\w-]+) } \| `\1` \|", troubleshooting.questions())
    assert sorted(listed) == sorted({*entries()} - {GanBlocksError.see})
