"""Batches: their order, where each is taken, and the same pixels from memory and from workers."""

from itertools import chain, islice

import pytest
import torch
from hypothesis import given, settings, strategies as st
from tiny import Stripes

from ganblocks.data import PairTransform
from ganblocks.data.seeding import seeded_generator
from ganblocks.errors import DataError, OptionError
from ganblocks.training.batches import (
    ResumableBatchSampler,
    advance_position,
    load_batches,
    normalize_position,
    steps_per_epoch,
)

CPU = torch.device("cpu")


def order_of(length, batch_size, steps, **options):
    return list(islice(ResumableBatchSampler(length, batch_size, **options), steps))


def test_one_process_keeps_the_order_that_it_always_had():
    """Recorded before there were ranks and places."""
    assert order_of(7, 3, 5, seed=5) == [
        [(0, 6), (0, 2), (0, 0)],
        [(0, 5), (0, 3), (0, 1)],
        [(1, 4), (1, 2), (1, 3)],
        [(1, 0), (1, 1), (1, 6)],
        [(2, 4), (2, 6), (2, 0)],
    ]


def shuffled(length, seed, epoch):
    return torch.randperm(length, generator=seeded_generator(seed, epoch)).tolist()


@settings(deadline=None)
@given(
    length=st.integers(1, 20),
    batch_size=st.integers(1, 6),
    start=st.integers(0, 40),
    seed=st.integers(0, 3),
)
def test_the_order_from_any_step_is_the_rest_of_the_order(length, batch_size, start, seed):
    whole = order_of(length, batch_size, start + 5, seed=seed)
    per_epoch = steps_per_epoch(length, batch_size)
    epoch, step = divmod(start, per_epoch)
    place = {"epoch": epoch, "samples_seen": step * batch_size}
    assert order_of(length, batch_size, 5, seed=seed, **place) == whole[start:]
    first = [pair for batch in whole[:per_epoch] for pair in batch]
    assert len(set(first)) == len(first)  # no pair twice in an epoch
    assert all(epoch == 0 and 0 <= index < length for epoch, index in first)


places = st.fixed_dictionaries({"epoch": st.integers(0, 3), "samples_seen": st.integers(0, 30)})


@settings(deadline=None)
@given(data=st.data(), batch_size=st.integers(1, 3), world=st.integers(1, 4), place=places)
def test_processes_share_what_one_would_take(data, batch_size, world, place):
    images = batch_size * world
    length = data.draw(st.integers(images, images + 20))
    alone = order_of(length, images, 6, seed=1, **place)
    ranks = [
        order_of(length, batch_size, 6, seed=1, rank=rank, world_size=world, **place)
        for rank in range(world)
    ]
    assert all(len(batch) == batch_size for rank in ranks for batch in rank)
    assert [list(chain(*shares)) for shares in zip(*ranks)] == alone


@settings(deadline=None)
@given(length=st.integers(1, 20), images=st.integers(1, 8), place=places)
def test_next_place_follows_the_order(length, images, place):
    epoch, position = place["epoch"], place["samples_seen"]
    for batch in order_of(length, images, 8, seed=2, **place):
        at_epoch, at = normalize_position(epoch, position, length=length, samples_per_step=images)
        expected = shuffled(length, 2, at_epoch)[at : at + images]
        assert batch == [(at_epoch, index) for index in expected]
        assert len(batch) == min(images, length)
        epoch, position = advance_position(epoch, position, length=length, samples_per_step=images)


@given(length=st.integers(1, 30), images=st.integers(1, 8), steps=st.integers(0, 60))
def test_places_count_the_steps_of_an_epoch(length, images, steps):
    place = (0, 0)
    for _ in range(steps):
        place = advance_position(*place, length=length, samples_per_step=images)
    epoch, step = divmod(steps, steps_per_epoch(length, images))
    assert place == (epoch, step * images)


def test_a_run_goes_on_with_another_number_of_processes():
    """Of twelve pairs, two processes take six, then three take the other six."""
    place, used = (0, 0), []
    for world, steps in [(2, 3), (3, 2)]:
        options = {"seed": 4, "epoch": place[0], "samples_seen": place[1], "world_size": world}
        for rank in range(world):
            used += chain(*order_of(12, 1, steps, rank=rank, **options))
        for _ in range(steps):
            place = advance_position(*place, length=12, samples_per_step=world)
    assert sorted(used) == [(0, index) for index in range(12)]
    assert place == (1, 0)


def test_what_is_left_of_an_epoch_may_be_too_little_for_a_larger_batch():
    assert order_of(10, 2, 1, seed=0, samples_seen=8) == [[(0, i) for i in shuffled(10, 0, 0)[8:]]]
    assert order_of(10, 4, 1, seed=0, samples_seen=8) == [[(1, i) for i in shuffled(10, 0, 1)[:4]]]


def test_epochs_are_shuffled_differently():
    order = order_of(50, 50, 2, seed=0)
    assert [i for _, i in order[0]] != [i for _, i in order[1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "length is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"samples_seen": -1}, "samples_seen is -1"),
        ({"world_size": 0}, "world_size is 0"),
        ({"rank": 1}, r"rank is 1 of world_size=1: write one of 0…0"),
        ({"rank": -1, "world_size": 2}, r"rank is -1 of world_size=2: write one of 0…1"),
        (
            {"batch_size": 4, "world_size": 2},
            "6 samples are too few for 2 processes with batch_size=4: "
            "write a batch_size of at most 3, or start fewer processes",
        ),
        ({"batch_size": 1, "world_size": 7}, "with batch_size=1: start fewer processes"),
    ],
)
def test_numbers_that_make_no_batches_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        ResumableBatchSampler(**{"length": 6, "batch_size": 2, "seed": 0, **options})


def batches_of(dataset, steps, *, workers=0, cache="auto", batch_size=2, seed=0, **options):
    sampler = ResumableBatchSampler(len(dataset), batch_size, seed=seed, **options)
    batches = load_batches(dataset, sampler, device=CPU, workers=workers, cache=cache)
    read = list(islice(batches, steps))
    batches.close()
    return read


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_read_the_same_batches(workers):
    place = {"epoch": 1, "samples_seen": 2}
    dataset = Stripes()
    for batch, keys in zip(
        batches_of(dataset, 4, workers=workers, **place), order_of(6, 2, 4, seed=0, **place)
    ):
        samples = [dataset[key] for key in keys]
        assert torch.equal(batch["source"], torch.stack([s["source"] for s in samples]))
        assert batch["name"] == [sample["name"] for sample in samples]


class Kept(Stripes):
    """Pairs that stay what they are in epoch 0; it counts how often they are read."""

    varies_by_epoch = False
    reads = 0

    def read(self, epoch, index):
        self.reads += 1
        return super().read(0, index)


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_memory_and_files_give_the_same_batches(batch_size, world):
    for rank in range(world):
        options = {"batch_size": batch_size, "rank": rank, "world_size": world, "seed": 3}
        from_files, from_memory, by_itself = (
            (dataset, batches_of(dataset, 8, cache=cache, **options))
            for dataset, cache in [(kept(), "never"), (kept(), "always"), (kept(), "auto")]
        )
        assert from_files[0].reads >= 8 * batch_size
        for dataset, batches in (from_memory, by_itself):
            assert dataset.reads <= len(dataset) + 1  # the first tells how large they are
            for batch, expected in zip(batches, from_files[1], strict=True):
                assert torch.equal(batch["source"], expected["source"])
                assert torch.equal(batch["target"], expected["target"])
                assert batch["name"] == expected["name"]


def kept():
    dataset = Kept(size=12)
    dataset.transform = PairTransform(14, 10)
    return dataset


class Broken(Stripes):
    def read(self, epoch, index):
        raise DataError("7.jpg: cannot be read; replace or remove it")


class BrokenKept(Broken):
    varies_by_epoch = False


@pytest.mark.parametrize(("dataset", "workers"), [(Broken, 0), (Broken, 1), (BrokenKept, 1)])
def test_a_broken_picture_is_one_line_from_a_worker_too(dataset, workers):
    with pytest.raises(DataError) as caught:
        batches_of(dataset(), 1, workers=workers)
    assert str(caught.value) == "7.jpg: cannot be read; replace or remove it"
