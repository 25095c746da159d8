"""Cached pairs have the same pixels as streamed ones, and are cached only if that is safe."""

import shutil
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.utils.data import ConcatDataset, Subset
from torchvision.transforms import v2
from torchvision.tv_tensors import Mask

from ganblocks import PairedImageDataset, SyntheticFacades
from ganblocks.data import ImageFormat, LabelFormat, PairedDataset, PairTransform, cached
from ganblocks.data.cached import CACHES, available_memory, cached_pairs
from ganblocks.data.map_style import as_epoch_dataset, paired_view
from ganblocks.data.resizing import RESIZES
from ganblocks.errors import DataError, OptionError, ShapeError
from ganblocks.training.batches import ResumableBatchSampler, load_batches

CPU = torch.device("cpu")
SIDES = ("source", "target")
FLOATS, MASK, CLASSES = 5, -3, -1
KINDS = (1, 3, 4, FLOATS, MASK, CLASSES)


class Noise(PairedDataset):
    """Pairs of random pixels, of one size each; the number of channels decides their kind."""

    varies_by_epoch = False

    def __init__(self, sizes, channels=(3, 3), **options):
        super().__init__(**options)
        random = torch.Generator().manual_seed(7)

        def pixels(channels, size):
            drawn = torch.randint(0, 256, (abs(channels), *size), generator=random).byte()
            if channels == CLASSES:
                return Mask(drawn[:1] % 5)
            return (
                drawn.float() / 255
                if channels == FLOATS
                else Mask(drawn)
                if channels == MASK
                else drawn
            )

        self.pairs = [[pixels(count, size) for count in channels] for size in sizes]
        formats = [LabelFormat(5) if count == CLASSES else ImageFormat() for count in channels]
        self.a_format, self.b_format = formats

    def __len__(self):
        return len(self.pairs)

    def read(self, epoch, index):
        return *self.pairs[index], f"pair {index}"


def stacked(dataset, keys):
    samples = [dataset[key] for key in keys]
    batch = {side: torch.stack([sample[side] for sample in samples]) for side in SIDES}
    return {**batch, "name": [sample["name"] for sample in samples]}


# From 2 up: torch 2.14 resizes uint8 wrongly, or raises, where the output is 1 pixel wide.
sides = st.integers(2, 24)


@st.composite
def transforms(draw, size):
    load = draw(st.none() | st.tuples(sides, sides))
    crop = tuple(draw(st.integers(2, side)) for side in load or size)
    resize = draw(st.sampled_from(RESIZES))
    return PairTransform(
        load,
        crop,
        mirror=draw(st.booleans()),
        random=draw(st.booleans()),
        resize="contain" if load is None or resize == "cover" else resize,
        scale=draw(st.sampled_from([None, (0.3, 0.9)])),
        extra=draw(st.sampled_from([None, v2.RandomRotation(30)])),
    )


@settings(deadline=None, max_examples=150)
@given(data=st.data(), size=st.tuples(sides, sides), length=st.integers(1, 4))
def test_a_batch_is_bit_for_bit_the_stacked_samples(data, size, length):
    dataset = Noise(
        [size] * length,
        data.draw(st.tuples(*[st.sampled_from(KINDS)] * 2)),
        transform=data.draw(st.none() | transforms(size)),
        direction=data.draw(st.sampled_from(["a2b", "b2a"])),
        seed=data.draw(st.integers(0, 3)),
    )
    pairs = cached_pairs(dataset, CPU, cache="always")
    key = st.tuples(st.integers(0, 5), st.integers(0, length - 1))
    keys = data.draw(st.lists(key, min_size=1, max_size=5))
    batch, expected = pairs.batch(keys, CPU), stacked(dataset, keys)
    assert batch.keys() == expected.keys()
    assert batch["name"] == expected["name"]
    for side in SIDES:
        assert batch[side].dtype == torch.float32
        assert torch.equal(batch[side], expected[side])


def test_it_caches_uint8_images_of_the_load_size():
    dataset = Noise([(10, 20), (31, 7)], (3, 1), transform=PairTransform((14, 15), 12))
    pairs = cached_pairs(dataset, CPU)
    assert pairs.a.dtype == pairs.b.dtype == torch.uint8
    assert (pairs.a.shape, pairs.b.shape) == ((2, 3, 14, 15), (2, 1, 14, 15))


def test_files_are_read_once(tmp_path, make_picture):
    folder = tmp_path / "pairs"
    for seed in range(5):
        make_picture(folder / f"{seed}.jpg", 24 + 2 * seed, 12, seed=seed)
    dataset = PairedImageDataset(folder, transform=PairTransform(11, 9), side_by_side=True)
    keys = [(epoch, index) for epoch in range(3) for index in range(5)]
    expected = stacked(dataset, keys)
    pairs = cached_pairs(dataset, CPU)
    shutil.rmtree(folder)
    batch = pairs.batch(keys, CPU)
    for side in SIDES:
        assert torch.equal(batch[side], expected[side])
    assert batch["name"] == expected["name"]


def test_a_batch_is_sent_to_another_device():
    pairs = cached_pairs(Noise([(8, 8)] * 2, (3, 1), transform=PairTransform(8, 4)), CPU)
    batch = pairs.batch([(0, 0), (0, 1)], torch.device("meta"))
    images = [batch[side] for side in SIDES]
    assert {image.device.type for image in images} == {"meta"}
    assert {image.dtype for image in images} == {torch.float32}
    assert [image.shape for image in images] == [(2, 3, 4, 4), (2, 1, 4, 4)]


def test_no_global_draw_is_used_up():
    dataset = Noise([(8, 8)] * 2, transform=PairTransform(8, 4))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    cached_pairs(dataset, CPU).batch([(0, 0), (0, 1)], CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_later_batch_leaves_an_earlier_one_alone():
    pairs = cached_pairs(Noise([(8, 8)] * 2), CPU)
    first = pairs.batch([(0, 0)], CPU)["source"]
    kept = first.clone()
    pairs.batch([(0, 1)], CPU)["source"].zero_()
    first_again = pairs.batch([(0, 0)], CPU)["source"]
    assert torch.equal(first, kept)
    assert torch.equal(first_again, kept)


def test_a_broken_picture_raises_the_usual_error(tmp_path, make_picture, truncate):
    for seed in range(8):
        make_picture(tmp_path / f"{seed}.png", seed=seed)
    truncate(tmp_path / "5.png")
    dataset = PairedImageDataset(tmp_path)
    with pytest.raises(DataError) as plain:
        dataset[5]
    with pytest.raises(DataError) as caught:
        cached_pairs(dataset, CPU)
    assert str(caught.value) == str(plain.value)


def test_a_picture_smaller_than_the_crop_raises_the_usual_error():
    dataset = Noise([(9, 9), (5, 9)], transform=PairTransform(None, 6))
    with pytest.raises(ShapeError, match="larger than an image of 5 high x 9 wide"):
        cached_pairs(dataset, CPU)


def test_pairs_of_different_sizes_are_streamed_unless_resized():
    sizes = [(9, 9), (9, 9), (9, 11)]
    for transform in (None, PairTransform(None, 6)):
        dataset = Noise(sizes, transform=transform)
        assert cached_pairs(dataset, CPU) is None
        with pytest.raises(DataError, match=r"pair 0 \(.* 9, 9\)\), pair 2 \(.*11\).* load_size"):
            cached_pairs(dataset, CPU, cache="always")
    assert cached_pairs(Noise(sizes, transform=PairTransform(8, 6)), CPU) is not None


class OwnTransform(PairTransform):
    def __call__(self, a, b, generator):
        return b, a


@pytest.mark.parametrize("transform", [lambda a, b, generator: (a, b), OwnTransform(8, 6)])
def test_other_transforms_are_streamed(transform):
    dataset = Noise([(9, 9)], transform=transform)
    assert cached_pairs(dataset, CPU) is None
    with pytest.raises(OptionError, match="the transform is .*: pass a PairTransform, or write"):
        cached_pairs(dataset, CPU, cache="always")


def test_pairs_that_change_by_epoch_are_streamed():
    dataset = SyntheticFacades(2, 32)
    assert cached_pairs(dataset, CPU) is None
    with pytest.raises(OptionError, match="pairs of SyntheticFacades may change .*cache='auto'"):
        cached_pairs(dataset, CPU, cache="always")


class Undeclared(PairedDataset):
    def __len__(self):
        return 1

    def read(self, epoch, index):
        return torch.zeros(3, 4, 4).byte(), torch.zeros(3, 4, 4).byte(), "x"


class OverridesRead(Noise):
    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return a + epoch, b, name


class OverridesGetItem(Noise):
    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "source": -sample["source"]}


class Negative:
    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return 255 - a, b, name


class MixedIn(Negative, Noise):
    pass


class DeclaresAgain(Negative, Noise):
    varies_by_epoch = False


class Renamed(Noise):
    """Overrides nothing that affects pixels."""

    def __len__(self):
        return 1


def test_a_declaration_holds_until_a_subclass_overrides_the_reading():
    set_on_object = Undeclared()
    set_on_object.varies_by_epoch = False
    changed = Noise([(9, 9)])
    changed.varies_by_epoch = True
    kept = {
        type(dataset).__name__: cached_pairs(dataset, CPU) is not None
        for dataset in (
            Undeclared(),
            *(
                c([(9, 9)])
                for c in (OverridesRead, OverridesGetItem, MixedIn, DeclaresAgain, Renamed, Noise)
            ),
        )
    }
    assert {name for name, is_kept in kept.items() if is_kept} == {
        "DeclaresAgain",
        "Renamed",
        "Noise",
    }
    assert cached_pairs(set_on_object, CPU) is not None
    assert cached_pairs(changed, CPU) is None


def test_never_caches_nothing_and_other_values_are_rejected():
    dataset = Noise([(9, 9)])
    assert cached_pairs(dataset, CPU, cache="never") is None
    with pytest.raises(OptionError, match="unknown cache 'yes'.*'always', 'auto', 'never'"):
        cached_pairs(dataset, CPU, cache="yes")
    assert set(CACHES) == {"auto", "always", "never"}


def test_a_quarter_of_the_free_memory_is_shared_by_all_processes(monkeypatch):
    dataset = Noise([(10, 10)] * 5, (3, 1), transform=PairTransform(20, 8))
    size = 5 * (3 + 1) * 20 * 20
    for processes in (1, 2):
        for free, kept in [(4 * size * processes, True), (4 * size * processes - 1, False)]:
            monkeypatch.setattr(cached, "available_memory", lambda free=free: free)
            assert (cached_pairs(dataset, CPU, processes=processes) is not None) == kept
            assert cached_pairs(dataset, CPU, cache="always", processes=processes) is not None


@pytest.mark.parametrize(
    ("on_gpu", "on_host", "place"),
    [(400, 0, "cuda:1"), (399, 400, "cpu"), (399, 399, None)],
)
def test_the_gpu_comes_before_the_host(monkeypatch, on_gpu, on_host, place):
    asked = []
    memory = SimpleNamespace(mem_get_info=lambda device: asked.append(device) or (on_gpu, 10**9))
    monkeypatch.setattr(cached.torch, "cuda", memory)
    monkeypatch.setattr(cached, "available_memory", lambda: on_host)
    gpu = torch.device("cuda:1")
    assert cached._place(100, gpu, 1) == (place and torch.device(place))
    assert asked == [gpu]


MEMINFO = "MemTotal:  999 kB\nMemFree:  1 kB\nMemAvailable:  600 kB\nHugePages_Total:  0\n"


@pytest.mark.parametrize(
    ("limit", "free"),
    [(None, 600 * 1024), ("max", 600 * 1024), ("5000", 5000 - 3000 + 700), ("9999999", 600 * 1024)],
)
def test_the_memory_of_linux_and_of_a_container(tmp_path, limit, free):
    group = tmp_path / "sys" / "fs" / "cgroup"
    for folder in (tmp_path / "proc", group):
        folder.mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO)
    if limit:
        (group / "memory.max").write_text(f"{limit}\n")
        (group / "memory.current").write_text("3000\n")
        (group / "memory.stat").write_text("anon 2000\ninactive_file 700\n")
    assert available_memory(tmp_path) == free


def test_a_system_that_does_not_report_its_memory(tmp_path):
    assert available_memory(tmp_path) == cached.ASSUMED_MEMORY


@pytest.mark.parametrize("nested", [False, True])
def test_a_subset_is_cached_with_the_draws_of_the_whole(nested):
    whole = Noise([(20, 20)] * 6, (3, MASK), transform=PairTransform(18, 12), seed=4)
    view = Subset(whole, [5, 1, 4, 2])
    view = Subset(view, [2, 0]) if nested else view
    dataset = as_epoch_dataset("train", view)
    sampler = ResumableBatchSampler(len(view), 2, seed=3)
    streams = [
        load_batches(dataset, sampler, device=CPU, cache=cache) for cache in ("always", "never")
    ]
    for _ in range(5):
        cached_batch, read = (next(stream) for stream in streams)
        assert cached_batch["name"] == read["name"]
        for side in SIDES:
            assert torch.equal(cached_batch[side], read[side])
    base, indices = paired_view(dataset)
    assert base is whole
    assert indices == ([4, 5] if nested else [5, 1, 4, 2])
    assert paired_view(ConcatDataset([whole])) is None
