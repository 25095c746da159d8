"""A task: the networks of a GAN, what they generate, and what each player minimizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.errors import DataError, OptionError, listed, require_count
from ganblocks.losses import LossTerms
from ganblocks.registry import ComponentLike, Registry
from ganblocks.tasks.metrics import mean_l1_error

Batch = Mapping[str, Any]
"""Tensors whose first axis is the batch, and lists (such as names), by key."""

LARGEST = 1.001  # of an image in [-1, 1], after rounding

TASKS: Registry[Task] = Registry("tasks")
"""Tasks by name."""


class Comparison(NamedTuple):
    """Generated and real images, (B, C, H, W) in [-1, 1], to score.

    Attributes:
        fake: The generated images.
        real: The real ones.
        source: The generator's input, or None.
        paired: Whether each real image is the target of the generated one.

    Examples:
        >>> import torch
        >>> Comparison(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)).paired
        True
    """

    fake: Tensor
    real: Tensor
    source: Tensor | None = None
    paired: bool = True


@checked
class Player:
    """Networks that one optimizer updates together.

    Args:
        *networks: Names of the task's attributes that hold the networks.
        optimizer: A name from `OPTIMIZERS`, a spec, or a callable that takes the parameters and
            returns an optimizer.
        interval: Steps between updates; a WGAN may update its generator every fifth step.
        start: The first step at which the player is updated, counting from 0.

    Raises:
        OptionError: No network is named, or a number is too small.

    Examples:
        >>> Player("encoder", "decoder", optimizer={"type": "adam", "lr": 1e-4})
        Player('encoder', 'decoder', optimizer={'type': 'adam', 'lr': 0.0001}, interval=1, start=0)
        >>> [step for step in range(8) if Player("generator", interval=3, start=2).moves(step)]
        [2, 5]
    """

    def __init__(
        self, *networks: str, optimizer: ComponentLike = "adam", interval: int = 1, start: int = 0
    ) -> None:
        if not networks or not all(isinstance(name, str) for name in networks):
            raise OptionError(
                f"a player has the networks {networks!r}: name attributes of the task, such as "
                'Player("generator")'
            )
        require_count("interval of a player", interval, 1)
        require_count("start of a player", start, 0)
        self.networks = networks
        self.optimizer = optimizer
        self.interval = interval
        self.start = start

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self.networks))
        return (
            f"Player({names}, optimizer={self.optimizer!r}, interval={self.interval}, "
            f"start={self.start})"
        )

    def moves(self, step: int) -> bool:
        """Returns whether the player is updated at a step.

        Args:
            step: The step, counting from 0.
        """
        return step >= self.start and (step - self.start) % self.interval == 0

    def updates(self, step: int) -> int:
        """Returns the number of the player's updates before a step.

        Args:
            step: The step, counting from 0.

        Examples:
            >>> Player("generator", interval=3, start=2).updates(6)  # at steps 2 and 5
            2
        """
        return max(0, -(-(step - self.start) // self.interval))


class Task(nn.Module, ABC):
    """Base class: owns the networks and defines, in plain PyTorch, what each player minimizes.

    A subclass sets its networks as attributes, lists its `players` in the order of their updates,
    and implements `generate` and `loss`. It may call networks directly, as in `self.generator(x)`,
    or any of their methods. An `Updater` runs both methods under autocast, averages gradients over
    processes, and compiles and shards networks in place. Networks are never wrapped, so state-dict
    keys stay the same.

    Other parts of a loss are attributes, too: an augmentation, an image pool, an `Objective`.
    Checkpoints contain their buffers and extra state.

    Attributes:
        players: The players by name, in the order of their updates.
        averaged: Names of networks that may have a running average (`Updater(ema=…)`).
        sharded: Names of networks that may be sharded over processes (`Updater(shard=True)`).
        images: Batch keys of images in [-1, 1], which `check` verifies.
        translates: Networks that map images to images, with the batch keys of input and output.
        probed: Name of the network whose outputs the health check inspects, and the batch key of
            its input; or None.
        step: The current step, counting from 0; set by the `Updater`.

    Examples:
        A GAN that generates images from noise:

        >>> import torch
        >>> import torch.nn.functional as F
        >>> class NoiseToImage(Task):
        ...     players = {"discriminator": Player("d"), "generator": Player("g")}
        ...
        ...     def __init__(self, g, d):
        ...         super().__init__()
        ...         self.g, self.d = g, d
        ...
        ...     def generate(self, batch):
        ...         return {"fake": self.g(torch.randn(len(batch["image"]), 4, 1, 1))}
        ...
        ...     def loss(self, player, batch, generated):
        ...         fake_logits = self.d(generated["fake"])
        ...         if player == "generator":
        ...             return {"adversarial": F.softplus(-fake_logits).mean()}
        ...         on_real = F.softplus(-self.d(batch["image"])).mean()
        ...         return {"real": on_real, "fake": F.softplus(fake_logits).mean()}
        >>> task = NoiseToImage(nn.ConvTranspose2d(4, 1, 8), nn.Conv2d(1, 1, 8))
        >>> sorted(task.state_dict())
        ['d.bias', 'd.weight', 'g.bias', 'g.weight']
    """

    players: Mapping[str, Player] = {}
    averaged: tuple[str, ...] = ()
    sharded: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    translates: Mapping[str, tuple[str, str]] = {}
    probed: tuple[str, str] | None = None
    step: int = 0

    @abstractmethod
    def generate(self, batch: Batch) -> dict[str, Any]:
        """Returns what the networks generate from a batch, for the losses of all players.

        Called once per step; with `Updater(accumulate=…)` once per micro-batch and player.

        Args:
            batch: The batch, on the networks' device.

        Returns:
            Tensors, or lists of them, by name.
        """

    @abstractmethod
    def loss(
        self, player: str, batch: Batch, generated: dict[str, Any]
    ) -> LossTerms | dict[str, Tensor]:
        """Returns the named terms that a player minimizes.

        The networks of other players get no gradients from it.

        Args:
            player: The player's name.
            batch: The batch.
            generated: The result of `generate`, detached unless this player's networks produced it.
        """

    def inputs(self, batch: Batch) -> Batch:
        """Adds inputs that the task draws itself, such as a latent, to a batch.

        Args:
            batch: A batch.
        """
        return batch

    def check(self, batch: Batch) -> None:
        """Checks that all `images` are floats in [-1, 1]; called once, by `dry_run`.

        Args:
            batch: A batch.

        Raises:
            DataError: One of them is missing, has the wrong dtype, or has values out of range.
        """
        for key in self.images:
            _require_image(batch, key)

    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Returns images (B, C, H, W) in [-1, 1] for a grid, by column heading.

        By default, these are all images in the batch and in the result of `generate`.

        Args:
            batch: A batch.
        """
        values = {**batch, **self.generate(batch)}
        return {k: x for k, x in values.items() if isinstance(x, Tensor) and x.dim() == 4}

    def comparison(self, batch: Batch) -> Comparison | None:
        """Returns what the metrics of `best_by` compare; None by default.

        Args:
            batch: A batch.
        """
        return None

    def score(self, batch: Batch) -> dict[str, float]:
        """Returns the scores of a held-out batch, where lower is better.

        By default, this is the L1 error of a `comparison` of pairs.

        Args:
            batch: A batch with one sample.
        """
        compared = self.comparison(batch)
        if compared is None or not compared.paired:
            return {}
        return {"l1": mean_l1_error(compared.fake, compared.real)}

    def baseline(self, batches: Iterator[Batch]) -> dict[str, float]:
        """Returns the scores of a baseline prediction without training; empty by default.

        Args:
            batches: The held-out batches, with one sample each.
        """
        return {}

    def network(self, name: str) -> nn.Module:
        """Returns a network of the task.

        Args:
            name: An attribute of the task.

        Raises:
            OptionError: The network does not exist.
        """
        network = getattr(self, name, None)
        if not isinstance(network, nn.Module):
            modules = [key for key, _ in self.named_children()]
            raise OptionError(
                f"{type(self).__name__} has no network {name!r}: it has {listed(modules)}. "
                "Players, `averaged` and `sharded` name attributes that hold modules"
            )
        return network

    def networks(self, player: str | None = None) -> dict[str, nn.Module]:
        """Returns the networks of one player, or of all players, by name.

        Args:
            player: The player's name.

        Raises:
            OptionError: There are no players, or a player names an unknown network.
        """
        if not self.players:
            raise OptionError(
                f'{type(self).__name__} has no players: write players = {{"generator": '
                'Player("generator")}'
            )
        players = self.players.values() if player is None else (self.players[player],)
        return {name: self.network(name) for each in players for name in each.networks}


@contextmanager
def frozen(*networks: nn.Module, but: Iterable[nn.Module] = ()) -> Iterator[None]:
    """Context in which parameters get no gradients, but gradients still pass through networks.

    Args:
        *networks: The networks.
        but: Networks whose parameters still get gradients, even if the others share them.

    Examples:
        >>> layer = nn.Linear(1, 1)
        >>> with frozen(layer):
        ...     layer.weight.requires_grad
        False
        >>> layer.weight.requires_grad
        True
    """
    kept = {id(p) for network in but for p in network.parameters()}
    trained = [
        p
        for network in networks
        for p in network.parameters()
        # A sharded parameter would keep the flag from when it was first gathered.
        if p.requires_grad and id(p) not in kept and not hasattr(p, "full_tensor")
    ]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


@contextmanager
def keys_explained(batch: Batch) -> Iterator[None]:
    """Raises `DataError` if a task reads a key that the batch does not have."""
    try:
        yield
    except KeyError as error:
        if not error.args or error.args[0] in batch:
            raise
        raise DataError(
            f"the task reads batch[{error.args[0]!r}], but the batch has {listed(batch)}: pass all "
            "keys that the task names"
        ) from error


def last_layer(network: nn.Module) -> nn.Parameter | None:
    """Returns the weight of a network's last layer, for an adaptive weight; None if unknown."""
    return getattr(network, "last_layer", None)


def _require_image(batch: Batch, key: str) -> None:
    image = batch.get(key)
    if not isinstance(image, Tensor) or not image.is_floating_point():
        kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
        raise DataError(f"batch[{key!r}] is {kind}: pass floats in [-1, 1]")
    values = image[~image.isnan()]  # find_nonfinite finds the origin of NaN
    if not values.numel():
        return
    low, high = values.min().item(), values.max().item()
    if not -LARGEST <= low <= high <= LARGEST:
        raise DataError(
            f"batch[{key!r}] has values from {low:g} to {high:g}: scale images to "
            "[-1, 1], such as pixels / 127.5 - 1"
        )


def built(component: ComponentLike | nn.Module, registry: Registry[Any]) -> Any:
    """Builds a module from its name or spec; returns a module unchanged."""
    return component if isinstance(component, nn.Module) else registry.build(component)
