"""The image pool: what it gives back, and that it draws for itself."""

import copy

import pytest
import torch
from games import build
from tiny import batch, tiny_updater

from ganblocks.errors import OptionError
from ganblocks.tasks import ImagePool
from ganblocks.training.setup import _reseed


def image(value, size=4):
    return torch.full((1, 1, size, size), float(value))


def run(pool, values, size=1):
    given = []
    for start in range(0, len(values), size):
        made = torch.cat([image(v) for v in values[start : start + size]])
        condition, shown = pool.exchange(-made, made)
        assert torch.equal(condition, -shown)  # a pair stays a pair
        given += shown.amax((1, 2, 3)).int().tolist()
    return given


@pytest.mark.parametrize("size", [1, 2])
def test_full_it_gives_old_images_half_of_the_time(size):
    given = run(ImagePool(10, seed=1), list(range(1, 401)), size)
    assert given[:10] == list(range(1, 11))
    older = [g != i for i, g in enumerate(given[10:], 11)]
    assert 0.4 < sum(older) / len(older) < 0.6
    replaced = [g for i, g in enumerate(given[10:], 11) if g != i]
    assert len(set(replaced)) == len(replaced)  # what was given back has left the pool
    assert max(i - g for i, g in enumerate(given, 1)) > 20  # and some are old


def test_its_draws_are_its_own_and_are_resumed():
    state = torch.get_rng_state()
    whole = run(ImagePool(3, seed=5), list(range(60)))
    assert torch.equal(state, torch.get_rng_state())
    pool = ImagePool(3, seed=5)
    first = run(pool, list(range(25)))
    saved = pool.state_dict()
    again = ImagePool(3, seed=9)
    again.load_state_dict(saved)
    assert first + run(again, list(range(25, 60))) == whole
    assert run(ImagePool(3, seed=6), list(range(60))) != whole


def test_what_is_not_finite_does_not_come_back():
    pool = ImagePool(1, seed=0)
    pool.exchange(image(0), image(float("nan")))
    for _ in range(10):
        _, shown = pool.exchange(image(1), image(1))
        assert shown.isfinite().all()


def test_other_sizes_are_not_exchanged():
    pool = ImagePool(1, seed=0)
    pool.exchange(image(1, 4), image(1, 4))
    for _ in range(10):
        assert pool.exchange(image(2, 6), image(2, 6))[1].shape == (1, 1, 6, 6)


def test_a_copy_begins_empty():
    pool = ImagePool(2, seed=5)
    first = run(pool, list(range(30)))
    twin = copy.deepcopy(pool)
    assert (len(pool), len(twin)) == (2, 0)
    assert run(twin, list(range(30))) == first


def test_the_discriminator_sees_older_pairs():
    updater = tiny_updater(pool_size=1)
    seen = []
    updater.task.discriminator.register_forward_pre_hook(
        lambda _, args: seen.append(args[0].clone())
    )
    for step in range(12):
        seen.clear()
        given = batch(seed=step)
        updater.step(given)
        fake, real = seen[:2]  # D's own
        assert torch.equal(real[:, :3], given["source"])
        if not torch.equal(fake[:, :3], given["source"]):
            assert step > 0
            return
    raise AssertionError("no older pair in 12 steps")


def test_a_pool_of_nothing():
    with pytest.raises(OptionError, match="image pool"):
        ImagePool(0)


def test_pools_of_one_task_draw_apart_on_every_process():
    task = build("unpaired", pool_size=1)
    ran = [run(pool, range(1, 30)) for pool in task.pools.values()]
    with torch.random.fork_rng():
        _reseed(task, 0, rank=1)
    for pool in task.pools.values():
        pool.stored.clear()
        ran.append(run(pool, range(1, 30)))
    assert len(set(map(tuple, ran))) == 4
