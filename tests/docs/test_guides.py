"""What the guides show of commands and findings is what the package has of them."""

import contextlib
import doctest
import json
import re
import shlex
import shutil
import sys
import tomllib
import types
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from fake_packages import write_package
from safetensors.torch import load_file

from _site import guides_blind, guides_statistics, recipe
from ganblocks import (
    ADVERSARIAL_LOSSES,
    GENERATORS,
    Autoencoder,
    Objective,
    PatchDiscriminator,
    Reconstruction,
    SyntheticFacades,
    Updater,
    generate,
)
from ganblocks.__main__ import command
from ganblocks.blocks import NORMS
from ganblocks.health import HealthMonitor, probe_generator
from ganblocks.health.inputs import batch_problems
from ganblocks.health.outputs import problems
from ganblocks.health.skipped import STUCK, SkippedSteps

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
PAGE = GUIDES / "own-component.md"
HEALTH = GUIDES / "health.md"
LEARNING = ROOT / "docs" / "troubleshooting" / "learning.md"
PLUGIN = ROOT / "examples" / "plugin_package"
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^\$ ganblocks (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def site(tmp_path, monkeypatch, kept_registries):
    """A folder with the plugin as pip would leave it, on the path while the test lasts."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    groups = project["entry-points"].items()
    entries = {group.removeprefix("ganblocks.").replace("_", " "): names for group, names in groups}
    write_package(tmp_path, project["name"], entries, version=project["version"])
    shutil.copytree(PLUGIN / "src", tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    monkeypatch.undo()
    for module in [name for name in sys.modules if name.startswith("ganblocks_example_plugin")]:
        del sys.modules[module]
    for registry in (ADVERSARIAL_LOSSES, GENERATORS, NORMS):
        registry.refresh()


def demand_as_shown(console, monkeypatch, capsys):
    runs = RUN.findall(console)
    assert runs
    for line, shown in runs:
        monkeypatch.setattr(sys, "argv", ["ganblocks", *shlex.split(line)])
        with contextlib.suppress(SystemExit):  # with which an error ends
            command()
        out, err = capsys.readouterr()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(shown, out + err, flags), out + err


def test_the_command_prints_what_the_guide_shows(site, monkeypatch, capsys):
    alone, contested = CONSOLE.findall(PAGE.read_text("utf-8"))
    NORMS.refresh()
    demand_as_shown(alone, monkeypatch, capsys)
    write_package(site, "other-norms", {"norms": {"filter_response": "other_norms:Norm"}})
    NORMS.refresh()
    demand_as_shown(contested, monkeypatch, capsys)


def test_the_guide_asks_for_files_of_the_package_that_exist():
    asked = re.findall(r"<!-- plugin (.+?) -->", PAGE.read_text("utf-8"))
    assert len(asked) == 3
    assert [file for file in asked if not (PLUGIN / file).is_file()] == []


def names_of_findings():
    """Every name that a finding can have, from the checks themselves."""
    probe = probe_generator(torch.nn.Conv2d(3, 3, 1), [torch.zeros(3, 8, 8)])
    skipped = SkippedSteps(scaled=False)
    for step in range(1, STUCK + 1):
        skipped.add(step, {"skipped_g": torch.tensor(1.0)}, [])
    found = {finding.name for finding in skipped.findings()}
    rows = {check.name for check in HealthMonitor({})._checks[""]}
    return {*rows, *problems(100, probe), *batch_problems([]), *found}


def test_the_guide_to_health_has_an_entry_for_each_finding():
    page = HEALTH.read_text("utf-8").partition("{#findings}")[2]
    entries = dict(re.findall(r"^### ([\w-]+) \{#([\w-]+)\}$", page, re.MULTILINE))
    assert len(entries) == 11
    assert entries == {name: name for name in names_of_findings()}


def test_each_entry_says_what_is_seen_what_it_means_and_what_to_change():
    page = HEALTH.read_text("utf-8").partition("{#findings}")[2]
    for entry in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        assert re.findall(r"^\*\*(\w+)\.\*\*", entry, re.MULTILINE) == ["Seen", "Means", "Change"]


def test_troubleshooting_leads_to_each_finding():
    page = LEARNING.read_text("utf-8")
    led = re.findall(r"^\| \[`([\w-]+)`\]\(\.\./guides/health\.md#\1\)", page, re.MULTILINE)
    assert sorted(led) == sorted(names_of_findings())


def test_the_flags_that_may_change_on_resume_are_those_of_the_recipe():
    page = (GUIDES / "resuming.md").read_text("utf-8")
    listed = re.search(r"These may change: (.*?)\.\n", page, re.DOTALL)[1]
    flags = {flag.replace("-", "_") for flag in re.findall(r"`--([\w-]+)`", listed)}
    fields = recipe._recipe().Config.__dataclass_fields__
    may_change = {name for name, field in fields.items() if field.metadata["may_change"]}
    assert flags == may_change - {"resume", "out"}


def test_every_flag_of_the_recipe_stands_on_its_page_once():
    rows = re.findall(r"^\| `--([\w-]+)`", recipe.flags(), re.MULTILINE)
    flags = [name.replace("-", "_") for name in rows]
    assert sorted(flags) == sorted(recipe._recipe().Config.__dataclass_fields__)


def test_a_flag_without_a_group_stops_the_build(monkeypatch):
    monkeypatch.delitem(recipe.GROUPS, "Data")
    with pytest.raises(ValueError, match="crop_size"):
        recipe.flags()


class Recorder(torch.nn.Module):
    """Stands for Lightning's module and accelerate's accelerator: what the guide calls of them."""

    global_step = 0

    def log_dict(self, values):
        self.logged = dict(values)

    @contextlib.contextmanager
    def toggled_optimizer(self, optimizer):
        others = {id(p) for group in optimizer.param_groups for p in group["params"]}
        frozen = [p for p in self.parameters() if id(p) not in others]
        for p in frozen:
            p.requires_grad_(False)
        yield
        for p in frozen:
            p.requires_grad_(True)
        self.global_step += 1

    def optimizers(self):
        return self.configure_optimizers()

    def backward(self, loss):
        loss.backward()

    manual_backward = backward

    def prepare(self, *parts):
        return parts

    def unwrap_model(self, network):
        return network


class Quantizer(torch.nn.Module):
    """Stands for the quantizer of another package."""

    def __init__(self, channels, codebook_size, accept_image_fmap):
        super().__init__()

    def forward(self, code):
        return code + (code.round() - code).detach(), None, (code - code.round()).square().mean()


def code_for_other_packages(page, monkeypatch):
    """Returns the page's code that needs a package that is not installed, with stand-ins for it."""
    stand_ins = {
        "lightning": {"LightningModule": Recorder},
        "accelerate": {"Accelerator": Recorder},
    }
    stand_ins["vector_quantize_pytorch"] = {"VectorQuantize": Quantizer}
    for name, members in stand_ins.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    return re.findall(r"^```py3\n(.*?)^```", (GUIDES / page).read_text("utf-8"), re.M | re.S)


def test_the_discriminator_is_added_in_lightning_and_accelerate(monkeypatch):
    lightning, accelerate = code_for_other_packages("add-a-discriminator.md", monkeypatch)
    terms = {"l1": "l1", "adversarial": {"type": "hinge", "weight": "adaptive", "start": 1}}
    names = {"objective": Objective(terms), "loader": [{"image": torch.rand(2, 3, 16, 16)}] * 2}
    names["autoencoder"] = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3, padding=1))
    names["discriminator"] = PatchDiscriminator(3, base_channels=4, n_layers=1, norm="none")
    for name, letter in (("autoencoder", "g"), ("discriminator", "d")):
        names[f"optimizer_{letter}"] = torch.optim.SGD(names[name].parameters(), 0.1)
    exec(accelerate, names)
    assert list(names["terms"].raw) == ["adversarial", "l1"]
    exec(lightning, names)
    parts = [names[name] for name in ("autoencoder", "discriminator", "objective")]
    module = names["WithDiscriminator"](*parts)
    for step in range(2):
        module.training_step(names["loader"][0], step)
    assert list(module.logged) == ["adversarial", "l1", "weight_adversarial"]


def test_the_quantizer_of_another_package_plugs_in(monkeypatch, kept_registries):
    [code] = code_for_other_packages("autoencoders.md", monkeypatch)
    exec(code, {})
    bottleneck = {"type": "vq", "codebook_size": 8}
    generator = Autoencoder(bottleneck=bottleneck, base_channels=4, n_blocks=1)
    terms = {"l1": "l1", "commitment": {"type": "network", "weight": 0.25}}
    discriminator = PatchDiscriminator(3, base_channels=4, n_layers=1, norm="none")
    task = Reconstruction(generator, discriminator, {"terms": terms | {"gan": "hinge"}})
    metrics = Updater(task).step({"image": torch.rand(2, 3, 16, 16)})
    assert metrics["loss_g_commitment"] > 0


def test_the_curves_of_a_blind_discriminator_are_whole_pictures(monkeypatch):
    monkeypatch.setattr(guides_blind, "_gaps", lambda last: [float(n) for n in range(300)])
    pictures = guides_blind.gap_curves()
    assert pictures["light"] != pictures["dark"]
    for picture in pictures.values():
        root = ElementTree.fromstring(picture)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "--series-0" in root.get("style")


@pytest.mark.slow
def test_eval_shows_in_the_pictures_of_the_guide_to_statistics():
    """At batch 1, batch norm is the instance norm that the weights were trained with."""
    spec = json.loads((guides_statistics.RUN / "spec.json").read_text("utf-8"))
    trained = GENERATORS.build(spec["networks"]["generator"])
    trained.load_state_dict(load_file(guides_statistics.RUN / "generator.safetensors"))
    first, second = (
        guides_statistics.by_class(SyntheticFacades(2, 64)[index]["source"]) for index in (0, 1)
    )
    generator = guides_statistics.batch_norm_generator()
    guides_statistics.collect(generator, [first] * 20)
    mean, running = (generate(generator, second, mode=mode) for mode in ("mean", "running"))
    torch.testing.assert_close(mean, generate(trained, second, mode="mean"), atol=1e-4, rtol=0)
    assert (mean - running).abs().mean() > 0.05
