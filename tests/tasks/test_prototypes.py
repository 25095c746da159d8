"""The engine trains what it has never seen as a plain loop does: unpaired, and noise → image."""

import copy

import pytest
import torch
import torch.nn.functional as F
from prototypes import Images, NoiseToImage, Unpaired, cyclegan, noise_to_image
from torch.utils.data import default_collate

from ganblocks import Updater

SGD = {"type": "sgd", "lr": 0.02, "momentum": 0.5}


def batches(dataset, steps=3, size=2):
    """Yields batches in double precision."""
    for step in range(steps):
        made = default_collate([dataset[step, index] for index in range(size)])
        yield {k: x.double() if isinstance(x, torch.Tensor) else x for k, x in made.items()}


def plain_optimizer(*networks):
    return torch.optim.SGD([p for n in networks for p in n.parameters()], 0.02, momentum=0.5)


def mean_square(x):
    return (x * x).mean()


def plain_cyclegan(networks, dataset):
    g_ab, g_ba, d_a, d_b = networks
    by_d, by_g = plain_optimizer(d_a, d_b), plain_optimizer(g_ab, g_ba)
    for batch in batches(dataset):
        a, b = batch["a"], batch["b"]
        with torch.no_grad():
            made_b, made_a = g_ab(a), g_ba(b)
        by_d.zero_grad()
        loss = mean_square(d_a(a) - 1) + mean_square(d_a(made_a))
        loss = loss + mean_square(d_b(b) - 1) + mean_square(d_b(made_b))
        loss.backward()
        by_d.step()
        by_g.zero_grad()
        made_b, made_a = g_ab(a), g_ba(b)
        loss = mean_square(d_a(made_a) - 1) + mean_square(d_b(made_b) - 1)
        back = (g_ba(made_b) - a).abs().mean() + (g_ab(made_a) - b).abs().mean()
        gradients = torch.autograd.grad(loss + 10 * back, [*g_ab.parameters(), *g_ba.parameters()])
        for parameter, gradient in zip(by_g.param_groups[0]["params"], gradients, strict=True):
            parameter.grad = gradient
        by_g.step()
    return networks


def plain_noise_to_image(networks, dataset):
    g, d = networks
    by_d, by_g = plain_optimizer(d), plain_optimizer(g)
    for batch in batches(dataset):
        noise = torch.empty(2, NoiseToImage.latent, dtype=torch.float64).normal_()[..., None, None]
        with torch.no_grad():
            fake = g(noise)
        by_d.zero_grad()
        bce = F.binary_cross_entropy_with_logits
        real_logits, fake_logits = d(batch["image"]), d(fake)
        loss = bce(real_logits, torch.ones_like(real_logits))
        (loss + bce(fake_logits, torch.zeros_like(fake_logits))).backward()
        by_d.step()
        fake_logits = d(g(noise))
        loss = bce(fake_logits, torch.ones_like(fake_logits))
        gradients = torch.autograd.grad(loss, list(g.parameters()))
        for parameter, gradient in zip(g.parameters(), gradients, strict=True):
            parameter.grad = gradient
        by_g.step()
    return networks


@pytest.mark.parametrize(
    ("build", "dataset", "plain"),
    [
        (cyclegan, Unpaired(), plain_cyclegan),
        (noise_to_image, Images(), plain_noise_to_image),
    ],
)
def test_gradients_and_weights_are_a_plain_loops(build, dataset, plain):
    task = build(optimizer=SGD).double()
    expected = copy.deepcopy(list(task.networks("generator").values()))
    expected += copy.deepcopy(list(task.networks("discriminator").values()))
    updater = Updater(task)
    torch.manual_seed(5)
    for batch in batches(dataset):
        row = updater.step(batch)
        assert row["skipped_d"] == row["skipped_g"] == 0
    torch.manual_seed(5)
    plain(expected, dataset)
    ours = [*task.networks("generator").values(), *task.networks("discriminator").values()]
    for mine, theirs in zip(ours, expected, strict=True):
        for (name, a), b in zip(mine.named_parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12, msg=name)
            # What is nothing but rounding, as of a bias before a norm, has no relative error.
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-8, atol=1e-12, msg=name)


def test_both_have_an_average_figures_and_the_keys_of_their_networks():
    for task, dataset in [(cyclegan(), Unpaired()), (noise_to_image(), Images())]:
        updater = Updater(task, ema=0.9)
        row = updater.step(default_collate([dataset[0], dataset[1]]))
        assert set(updater.averages) == set(task.averaged)
        assert {"loss_d", "loss_g", "grad_norm_d", "grad_norm_g"} < set(row)
        names = list(task.networks())
        keys = {f"{n}.{key}" for n in names for key in task.network(n).state_dict()}
        assert set(task.state_dict()) == keys


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_unpaired_in_mixed_precision(precision):
    updater = Updater(cyclegan(), precision=precision)
    exact = Updater(cyclegan())
    batch = default_collate([Unpaired()[0], Unpaired()[1]])
    row, plain = updater.step(batch), exact.step(batch)
    assert row["loss_g_cycle"].item() == pytest.approx(plain["loss_g_cycle"].item(), rel=0.02)
    assert row["loss_d"].item() == pytest.approx(plain["loss_d"].item(), rel=0.1)


def test_parts_of_an_unpaired_batch_are_the_batch():
    rows, weights = [], []
    for accumulate in (1, 2):
        task = cyclegan(optimizer=SGD).double()
        updater = Updater(task, accumulate=accumulate)
        rows.append([updater.step(batch) for batch in batches(Unpaired())][-1])
        weights.append(dict(task.named_parameters()))
    for name, value in rows[0].items():
        assert rows[1][name].item() == pytest.approx(value.item(), rel=1e-6), name
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-8, atol=1e-10, msg=name)


def test_a_pool_is_part_of_the_tasks_state():
    tasks = [cyclegan(seed, optimizer=SGD, pool_size=2) for seed in (0, 1)]
    updaters = [Updater(task) for task in tasks]
    steps = [default_collate([Unpaired()[n, 0]]) for n in range(8)]
    for batch in steps[:4]:
        updaters[0].step(batch)
    assert len(tasks[0].pool_a) == 2
    updaters[1].load_state_dict(updaters[0].state_dict())
    for batch in steps[4:]:
        rows = [updater.step(batch) for updater in updaters]
        assert rows[0] == rows[1]
    for name, value in tasks[0].named_parameters():
        assert torch.equal(value, tasks[1].get_parameter(name)), name
