"""Our datasets beside torch's: its loader, its splits, and datasets of users."""

import copy
import pickle

import pytest
import torch
from tiny import Stripes, tiny_task
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, random_split

from ganblocks import RunFolder, SyntheticFacades, TrainOptions, fit
from ganblocks.data import PairTransform
from ganblocks.data.map_style import as_epoch_dataset, fingerprint
from ganblocks.errors import DataError, OptionError, RunError

OPTIONS = TrainOptions(epochs=2, device="cpu", progress=False)


def facades(seed=0):
    return SyntheticFacades(6, 32, transform=PairTransform(None, 16), seed=seed)


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (2, False), (2, True)])
def test_a_plain_loader_draws_anew_in_each_epoch(workers, persistent):
    dataset, fresh = facades(), facades()
    loader = DataLoader(dataset, batch_size=3, num_workers=workers, persistent_workers=persistent)
    for epoch in (0, 1, 5):
        dataset.set_epoch(epoch)
        drawn = torch.cat([batch["source"] for batch in loader])
        assert drawn.equal(torch.stack([fresh[epoch, i]["source"] for i in range(6)]))
    assert not fresh[0, 0]["source"].equal(fresh[1, 0]["source"])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_keeps_the_epoch_and_has_its_own(copied):
    dataset = facades()
    dataset.set_epoch(3)
    twin = copied(dataset)
    assert twin[1]["source"].equal(dataset[3, 1]["source"])
    twin.set_epoch(4)
    assert dataset[1]["source"].equal(dataset[3, 1]["source"])
    assert twin._epoch.is_shared()


@pytest.mark.parametrize("epoch", [-1, 1.5, "2"])
def test_epochs_that_are_none(epoch):
    with pytest.raises(OptionError, match="epoch"):
        facades().set_epoch(epoch)


def test_views_of_our_datasets_draw_as_they_do():
    first, second = facades(), facades(seed=1)
    joined = ConcatDataset([Subset(first, [4, 2]), second])
    dataset = as_epoch_dataset("train", Subset(joined, [1, 7, 0, 2]))
    expected = [(first, 2), (second, 5), (first, 4), (second, 0)]
    for epoch in (0, 3):
        for index, (base, at) in enumerate(expected):
            assert dataset[epoch, index]["source"].equal(base[epoch, at]["source"])
            assert dataset[epoch, index]["name"] == base[epoch, at]["name"]
    with pytest.raises(IndexError):
        dataset[0, 4]


class Plain:
    """A map-style dataset that knows indices alone."""

    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def test_the_same_training_through_views_and_lists(tmp_path):
    stripes = Stripes(6)  # other images in another epoch, so that lists last for one
    options = TrainOptions(**{**OPTIONS.to_dict(), "epochs": 1})
    plain = Plain([stripes[index] for index in range(6)])
    runs = []
    for number, data in enumerate((stripes, Subset(stripes, range(6)), ConcatDataset([plain]))):
        run = RunFolder(tmp_path / str(number))
        torch.manual_seed(0)
        fit(tiny_task(), data, data, run, options)
        runs.append((run.path / "generator.safetensors").read_bytes())
    assert runs[0] == runs[1] == runs[2]


def test_a_resumed_run_needs_the_same_split(tmp_path):
    def split(seed):
        return random_split(Stripes(8), [6, 2], torch.Generator().manual_seed(seed))

    run = RunFolder(tmp_path / "run")
    fit(tiny_task(), *split(0), run, OPTIONS)
    with pytest.raises(RunError, match=r"other data: indices was"):
        fit(tiny_task(), *split(1), run, TrainOptions(**{**OPTIONS.to_dict(), "epochs": 3}))
    fit(tiny_task(), *split(0), run, TrainOptions(**{**OPTIONS.to_dict(), "epochs": 3}))
    assert run.load_state()["epoch"] == 3


def test_fingerprints_of_views():
    known = fingerprint(ConcatDataset([Subset(facades(), [1]), facades(1)]))
    assert known["datasets"][0]["samples"] == 1
    assert known["datasets"][0]["dataset"] == facades().fingerprint()
    assert known["datasets"][1] == facades(1).fingerprint()
    assert fingerprint(Subset(facades(), [1])) != fingerprint(Subset(facades(), [2]))


class Stream(IterableDataset):
    def __iter__(self):
        yield {}


@pytest.mark.parametrize("data", [Stream(), iter([1]), 3])
def test_what_has_no_index_is_refused(tmp_path, data):
    with pytest.raises(OptionError, match="train is a .*pass a map-style dataset"):
        fit(tiny_task(), data, Stripes(2), RunFolder(tmp_path / "run"), OPTIONS)


def test_samples_that_are_no_dictionaries_are_refused(tmp_path):
    tuples = Plain([(1, 2)] * 4)
    with pytest.raises(DataError, match="sample 0 of Plain is a tuple: return a dictionary"):
        fit(tiny_task(), tuples, Stripes(2), RunFolder(tmp_path / "run"), OPTIONS)
