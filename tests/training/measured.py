"""A training whose rows are measured outside the library, for the tests of the health monitor."""

import torch

from ganblocks.losses import mean_logit
from ganblocks.losses.logits import scales_of
from ganblocks.training.state import frozen


def norm_of(tensors):
    return torch.stack([t.norm() for t in tensors if t is not None]).norm().item()


def spread(real, fake):
    pairs = zip(scales_of(real), scales_of(fake), strict=True)
    return sum(torch.cat((r.flatten(), f.flatten())).std().item() for r, f in pairs) / len(
        scales_of(real)
    )


def accuracy(real, fake):
    pairs = zip(scales_of(real), scales_of(fake), strict=True)
    return sum((r > f).float().mean().item() for r, f in pairs) / len(scales_of(real))


def measured_step(state, source, target, objective):
    """One step of pix2pix, and the row that a log has of it."""
    g, d = state.generator, state.discriminator

    def judged(image):
        return d(torch.cat((source, image), 1))

    fake = g(source)
    fake_logits, real_logits = judged(fake.detach()), judged(target)
    of_d = objective.discriminator(
        real_logits,
        fake_logits,
        step=state.step,
        judge=d,
        real=target,
        fake=fake.detach(),
        condition=source,
    )
    state.optimizer_d.zero_grad()
    of_d.total.backward()
    state.optimizer_d.step()
    with frozen(d):
        seen = fake * 1  # the image as the discriminator sees it: its own part of the gradient
        logits = judged(seen)
        real = judged(target) if objective.needs_real_logits else None
        of_g = objective.generator(logits, real, output=fake, target=target, step=state.step)
        seen.retain_grad()
        fake.retain_grad()
        state.optimizer_g.zero_grad()
        of_g.total.backward()
    state.optimizer_g.step()
    state.step += 1
    return {
        "step": state.step,
        "epoch": 0,
        "lr": state.lr,
        "lr_d": float(state.optimizer_d.param_groups[0]["lr"]),
        "d_real": mean_logit(real_logits).item(),
        "d_fake": mean_logit(fake_logits).item(),
        "d_spread": spread(real_logits, fake_logits),
        "d_accuracy": accuracy(real_logits, fake_logits),
        "grad_norm_d": norm_of(p.grad for p in d.parameters()),
        "grad_norm_g": norm_of(p.grad for p in g.parameters()),
        "grad_image": fake.grad.norm().item(),
        "grad_image_d": seen.grad.norm().item(),
        "loss_d": of_d.total.item(),
        **{f"loss_d_{n}": of_d.raw[n].item() for n in objective.penalties if n in of_d.raw},
        **{f"loss_g_{n}": value.item() for n, value in of_g.raw.items()},
    }
