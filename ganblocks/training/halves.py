"""Both players' halves of a step: what each sees, its loss, its gradients, its update."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from ganblocks.augment import Augmentation
from ganblocks.errors import OptionError
from ganblocks.losses import Objective, mean_logit
from ganblocks.losses.functional import full_precision
from ganblocks.losses.logits import Logits, scales_of
from ganblocks.training.precision import autocast
from ganblocks.training.sharding import whole
from ganblocks.training.state import TrainState, frozen


class Halves:
    """One step, part by part of its batch; gradients and figures are means over the parts.

    Args:
        state: Networks and optimisers.
        objective: What is minimised.
        precision: `"fp32"`, `"bf16"` or `"fp16"`.
        augment: Varies what the discriminator sees.
        parts: How many parts come.
    """

    def __init__(
        self,
        state: TrainState,
        objective: Objective,
        *,
        precision: str,
        augment: Augmentation | None,
        parts: int,
    ) -> None:
        self.state = state
        self.objective = objective
        self.precision = precision
        self.augment = augment
        self.parts = parts
        self.figures: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}
        self._scale: Tensor | None = None
        self._measuring = False
        self._came = {"generator": 0, "discriminator": 0}
        # Both, before anything runs: what is left of the last step would only take memory.
        state.generator.zero_grad(set_to_none=True)
        state.discriminator.zero_grad(set_to_none=True)

    def part(self, name: str) -> AbstractContextManager[object]:
        """Opens a part's context: both passes of a network that others train too belong in it.

        Args:
            name: `"discriminator"`, whose half opens it itself, or `"generator"`.
        """
        self._came[name] += 1
        return self.state.synchronized(name, self._came[name] == self.parts)

    def made(self, source: Tensor) -> Tensor:
        """Runs the generator; its output is in fp32, as losses and their networks want it.

        Args:
            source: Input images (B, C, H, W).
        """
        with self._autocast():
            output: Tensor = self.state.call("generator", synced=torch.is_grad_enabled())(source)
        return full_precision(output)

    def discriminate(self, source: Tensor, target: Tensor, fake: Tensor) -> None:
        """Adds a part's gradients to the discriminator's.

        Args:
            source: Input images (B, C, H, W).
            target: Real images.
            fake: Generated ones, detached.
        """
        if not self.objective.needs_discriminator:
            return
        state, pool = self.state, self.state.pool
        older = () if pool is None else pool.exchange(source, fake)
        varied = self._varied(source, target, fake, *older)
        condition, real, fake = varied[:3]
        seen = varied[3:] or (condition, fake)  # a penalty's images are those of its condition
        with self.part("discriminator"):
            fake_logits, real_logits = self._judged(*seen), self._judged(condition, real)
            of_d = self.objective.discriminator(
                real_logits,
                fake_logits,
                step=state.step,
                # Itself, not compiled: a compiled graph has no second derivative.
                judge=state.discriminator,
                real=real,
                fake=fake,
                condition=condition,
            )
            if of_d.total.requires_grad:  # without a term of its own it rests
                self._backward("discriminator", of_d.total)
        self._note(_figures_of(real_logits, fake_logits))
        self._note({"loss_d": of_d.total})
        raw = of_d.raw
        self._note({f"loss_d_{n}": raw[n] for n in self.objective.penalties if n in raw})

    def generate(self, source: Tensor, target: Tensor, output: Tensor) -> None:
        """Adds a part's gradients to the generator's; the discriminator takes none.

        Args:
            source: Input images (B, C, H, W).
            target: The images to make of them.
            output: What the generator made, with its graph.
        """
        seen = output.view_as(output)  # of its own: what comes back through it is D's word
        if output.requires_grad:
            self._square("grad_image", output)
            if self.objective.needs_discriminator:
                self._square("grad_image_d", seen)

        def features(image: Tensor) -> Any:
            discriminator = self.state.discriminator
            maps: Callable[[Tensor], Any] | None = getattr(discriminator, "features", None)
            if maps is None:
                kind = type(discriminator).__name__
                raise OptionError(
                    f"a feature loss compares the discriminator's maps, and {kind} has no method "
                    "`features`: give it one, (B, C, H, W) → tuple of maps, logits last"
                )
            with self._autocast():
                return maps(torch.cat((source, seen if image is output else image), 1))

        with frozen(self.state.discriminator):
            fake_logits: Logits = []
            real_logits = None
            if self.objective.adversarial:
                condition, real, fake = self._varied(source, target, seen)
                fake_logits = self._judged(condition, fake, synced=False)
                if self.objective.needs_real_logits:
                    real_logits = self._judged(condition, real, synced=False)
            of_g = self.objective.generator(
                fake_logits,
                real_logits,
                output=output,
                target=target,
                features=features,
                step=self.state.step,
            )
            if of_g.total.requires_grad:  # all weights may be 0 at this step
                self._backward("generator", of_g.total)
        self._note({f"loss_g_{name}": value for name, value in of_g.raw.items()})

    def update(self, name: str, failed: Tensor | None = None) -> Tensor:
        """Updates a network, unless a gradient is not finite or the step has failed before.

        Args:
            name: `"discriminator"` or `"generator"`.
            failed: Whether the other half has failed, a boolean scalar on the device.

        Returns:
            Whether this step has failed now.
        """
        state = self.state
        optimizer = state.optimizer_g if name == "generator" else state.optimizer_d
        network = getattr(state, name)
        parameters = [p for p in network.parameters() if p.grad is not None]
        if failed is None:
            failed = torch.zeros((), dtype=torch.bool, device=state.device)
        if not parameters:
            return failed
        scaler = self._scaler(name)
        if scaler is not None:
            scaler.unscale_(optimizer)
        norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
        failed = failed | ~whole(norm).isfinite()
        if state.clip_norm is not None:
            clip_grads_with_norm_(parameters, state.clip_norm, norm)
        _step_unless(failed, optimizer)
        if scaler is not None:
            scaler.update()
        self.figures[f"grad_norm_{name[0]}"] = whole(norm)
        return failed

    def scalars(self) -> dict[str, Tensor]:
        """Gives the figures of the step, on the device."""
        norms = {name: square.sqrt() for name, square in self._squares.items()}
        return {**self.figures, **norms}

    def _judged(self, condition: Tensor, image: Tensor, *, synced: bool = True) -> Logits:
        with self._autocast():
            call = self.state.call("discriminator", synced=synced)
            logits: Logits = call(torch.cat((condition, image), 1))
        return logits

    def _varied(self, *images: Tensor) -> tuple[Tensor, ...]:
        return images if self.augment is None else self.augment(*images)

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast(self.precision, self.state.device)

    def _scaler(self, name: str) -> torch.amp.GradScaler | None:
        return self.state.scaler(name) if self.precision == "fp16" else None

    def _backward(self, name: str, total: Tensor) -> None:
        scaler = self._scaler(name)
        total = total / self.parts
        self._scale = None if scaler is None else scaler.scale(torch.ones_like(total))
        self._measuring = True
        (total if scaler is None else scaler.scale(total)).backward()
        self._measuring = False

    def _note(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            share = value.detach() / self.parts
            self.figures[name] = self.figures[name] + share if name in self.figures else share

    def _square(self, name: str, image: Tensor) -> None:
        self._squares.setdefault(name, torch.zeros((), device=image.device))

        def add(gradient: Tensor) -> None:
            if self._measuring:  # not while the objective looks whether its terms reach the image
                gradient = gradient if self._scale is None else gradient / self._scale
                self._squares[name] = self._squares[name] + gradient.float().square().sum()

        image.register_hook(add)


def _figures_of(real_logits: Logits, fake_logits: Logits) -> dict[str, Tensor]:
    reals = [scale.detach() for scale in scales_of(real_logits)]
    fakes = [scale.detach() for scale in scales_of(fake_logits)]
    pairs = list(zip(reals, fakes, strict=True))
    spread = [torch.cat((r.flatten(), f.flatten())).std(correction=0) for r, f in pairs]
    figures = {
        "d_real": mean_logit(reals),
        "d_fake": mean_logit(fakes),
        "d_spread": torch.stack(spread).mean(),
    }
    if all(r.shape == f.shape for r, f in pairs):
        figures["d_accuracy"] = torch.stack([(r > f).float().mean() for r, f in pairs]).mean()
    return figures


def _step_unless(failed: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Steps an optimiser; a fused one reads the flag on the device, for others it is waited for."""
    # A fresh one makes its moments in the first step that counts.
    if not getattr(optimizer, "_step_supports_amp_scaling", False) or not optimizer.state:
        if not failed:
            optimizer.step()
        return
    # Where a loss scaler tells them too. Fused kernels leave everything as it is at found_inf = 1.
    optimizer.grad_scale, optimizer.found_inf = None, failed.float()  # type: ignore[attr-defined]
    optimizer.step()
    del optimizer.grad_scale, optimizer.found_inf  # type: ignore[attr-defined]
