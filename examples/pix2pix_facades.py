"""pix2pix (Isola et al., CVPR 2017) on building fronts, assembled from ganblocks' parts.

Without a flag it trains a small model on drawn facades in three minutes on two cores:

    python examples/pix2pix_facades.py

The paper's model on the real ones, or on a folder of your own pairs:

    python examples/pix2pix_facades.py --preset paper --data cmp --out runs/paper
    python examples/pix2pix_facades.py --preset paper --data my_pairs --out runs/mine

The same on four GPUs, each with batches of its own:

    torchrun --nproc-per-node 4 examples/pix2pix_facades.py --preset paper --data my_pairs

A run leaves a folder with weights, log, pictures and a report, index.html.
"""

import platform
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import nn

import ganblocks
from ganblocks import (
    ADVERSARIAL_LOSSES,
    AUGMENTATIONS,
    DISCRIMINATORS,
    GENERATORS,
    PENALTIES,
    SCHEDULES,
    Augmentation,
    DataError,
    JsonLinesLogger,
    Logger,
    Objective,
    OptionError,
    PairedDataset,
    PairedImageDataset,
    PairTransform,
    RunError,
    RunFolder,
    SyntheticFacades,
    TensorBoardLogger,
    TrainState,
    World,
    best_layout,
    check_pairs,
    download_cmp_facades,
    fit,
    load_checkpoint,
    make_deterministic,
    mean_l1,
    process_group,
    rehearse,
    resolve_device,
    resolve_precision,
    restarted,
    source_and_target,
    spec_of,
    split_names,
)
from ganblocks.cli import continued, run_command, typed_flags


def flag(default: Any, help: str, *choices: str, least: float | None = None) -> Any:  # noqa: A002
    """Makes a field that explains itself in --help and says what it may be."""
    return field(
        default=default, metadata={"help": help, "choices": choices or None, "least": least}
    )


DIALECTS = ("unet", "unet_256_lua", "unet_256_tutorial")
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "data": "cmp",
        "load_size": 286,
        "crop_size": 256,
        "epochs": 200,
        "generator": "unet_256_lua",
        "base_channels": 64,
        "num_downs": 8,
        "n_layers": 3,
        "lr": 2e-4,
        "log_every": 1,
    }
}
PRESETS["tutorial"] = {
    **PRESETS["paper"],
    "generator": "unet_256_tutorial",
    "adversarial": "lsgan",
    "lambda_l1": 10.0,
}


@dataclass(frozen=True)
class Config:
    """The flags, with the values of the run that no flag asks for."""

    preset: str | None = flag(None, "values of many flags at once", *PRESETS)
    data: str = flag("synthetic", "'synthetic', 'cmp' (downloads), or a folder of pairs")
    direction: str = flag("b2a", "input to output; facades: a photo, b labels", "a2b", "b2a")
    labels: str = flag("b", "which side of a folder's pairs is a label map", "a", "b", "none")
    channels: int = flag(3, "pictures are read as: 1 grey, 3 RGB, 4 RGBA", least=1)
    load_size: int = flag(128, "pictures are resized to this square", least=1)
    crop_size: int = flag(128, "and this one is cut out of it at random", least=1)
    epochs: int = flag(6, "passes over the data; the rate falls in the second half", least=1)
    steps: int | None = flag(None, "stop after so many steps in all", least=1)
    batch_size: int = flag(1, "pairs of one step", least=1)
    generator: str = flag("unet", "dialect of the U-Net; depth and width are flags", *DIALECTS)
    base_channels: int = flag(16, "channels of the first layer of both networks", least=1)
    num_downs: int = flag(6, "how often the generator halves the image", least=1)
    n_layers: int = flag(2, "stride-2 layers of the PatchGAN; 3 sees 70x70 patches", least=1)
    norm: str = flag("batch", "norm of both networks", *ganblocks.NORMS.names())
    adversarial: str = flag("vanilla", "adversarial loss", "none", *ADVERSARIAL_LOSSES.names())
    lambda_l1: float = flag(100.0, "weight of the L1 loss", least=0)
    penalty: str = flag("none", "penalty on the discriminator", "none", *PENALTIES.names())
    penalty_weight: float = flag(1.0, "its weight", least=0)
    penalty_every: int = flag(1, "steps from one penalty to the next", least=1)
    augment: str = flag(
        "none", "varies what the discriminator sees", "none", *AUGMENTATIONS.names()
    )
    pool_size: int = flag(0, "generated images that the discriminator may see again", least=0)
    lr: float = flag(2e-3, "learning rate of both Adams", least=0)
    lr_discriminator: float | None = flag(None, "that of the discriminator, if another", least=0)
    lr_scaling: str = flag(
        "none", "how the rates grow with the number of processes", "none", "sqrt", "linear"
    )
    schedule: str = flag("linear", "learning rate by the epoch", *SCHEDULES)
    clip_norm: float | None = flag(None, "longer gradients are scaled down to this norm", least=0)
    ema: float | None = flag(None, "decay of the generator's running average, such as 0.999")
    accumulate: int = flag(1, "parts that a batch is cut into to save memory", least=1)
    precision: str = flag("auto", "number format of the networks", "fp32", "bf16", "fp16", "auto")
    device: str = flag("auto", "auto, cpu, cuda, cuda:N or mps")
    compile: bool = flag(False, "compile both networks before the training")
    cuda_graph: bool = flag(False, "run the step as one CUDA graph")
    shard: bool = flag(False, "leave each process a part of the generator")
    deterministic: bool = flag(False, "the same numbers from every run, bit for bit")
    cache: str = flag("auto", "keep decoded pairs in memory", "auto", "always", "never")
    workers: int = flag(0, "processes that read pairs ahead, if they are not cached", least=0)
    seed: int = flag(0, "seed of weights, order, crops and dropout", least=0)
    log_every: int = flag(10, "steps between rows of metrics.csv", least=1)
    sample_every: int = flag(400, "steps between picture grids", least=1)
    checkpoint_every: int = flag(400, "steps between checkpoints", least=1)
    keep: int = flag(1, "checkpoints to keep", least=1)
    best_by: str = flag("none", "keep the best generator by its held-out L1", "none", "l1")
    logger: str = flag("none", "log elsewhere too", "none", "jsonl", "tensorboard")
    out: str = flag("runs/facades", "folder of the run")
    resume: bool = flag(False, "go on from the last checkpoint in --out")


MAY_CHANGE_ON_RESUME = [
    *(
        "resume",
        "out",
        "data",
        "steps",
        "device",
        "workers",
        "cache",
        "compile",
        "cuda_graph",
        "shard",
    ),
    *("log_every", "sample_every", "checkpoint_every", "keep", "best_by", "logger"),
]

FLAGS_OF_FIT = [
    *("direction", "epochs", "steps", "batch_size", "accumulate", "schedule", "seed"),
    *("cuda_graph", "cache", "workers", "log_every", "sample_every", "checkpoint_every", "keep"),
]


def read_config() -> Config:
    """Takes flags before the preset, and a resumed run's own flags before both."""
    typed = typed_flags(Config, prog="pix2pix_facades.py", description=__doc__)
    if restarted() and RunFolder(typed.get("out", Config.out)).begun:
        typed["resume"] = True  # torchrun has started us again, after a failure
    if typed.get("resume"):
        stored = RunFolder.open(typed.get("out", Config.out)).spec.get("config", {})
        if set(stored) != {entry.name for entry in fields(Config)}:
            raise RunError("the run's spec.json has other flags than this recipe: start a new run")
        return Config(**continued(stored, typed, MAY_CHANGE_ON_RESUME))
    config = Config(**{**PRESETS.get(typed.get("preset", ""), {}), **typed})
    if config.penalty == "none" and typed.keys() & {"penalty_weight", "penalty_every"}:
        raise OptionError("--penalty-weight and --penalty-every say more of --penalty: write one")
    if config.batch_size % config.accumulate:
        raise OptionError(
            f"--batch-size {config.batch_size} is no multiple of --accumulate {config.accumulate}"
        )
    return config


def make_data(config: Config) -> tuple[PairedDataset, PairedDataset]:
    """Gives the pairs to learn from and those to look at."""
    if config.data == "synthetic":  # a new building each time: no need to mirror one
        whole = PairTransform(None, config.crop_size, mirror=False)
        size, seed = config.load_size, config.seed
        return (
            SyntheticFacades(400, size, split="train", transform=whole, seed=seed),
            SyntheticFacades(40, size, split="val", transform=whole, seed=seed),
        )
    root = download_cmp_facades("datasets") if config.data == "cmp" else config.data
    labels = None if config.labels == "none" else config.labels
    held_out = next((split for split in ("val", "test") if split in split_names(root)), "train")
    train_set, val_set = (
        PairedImageDataset(
            root,
            split=split,
            direction=config.direction,
            channels=config.channels,
            transform=PairTransform(
                config.load_size, config.crop_size, random=random, labels=labels
            ),
            seed=config.seed,
        )
        for split, random in (("train", True), (held_out, False))
    )
    looked_at = [train_set, val_set] if held_out != "train" else [train_set]
    problems = [line for pairs in looked_at for line in check_pairs(pairs)]
    if problems:
        raise DataError("\n".join([f"{len(problems)} pairs cannot be used:", *problems]))
    if len(looked_at) == 1 and World.current().writes:
        print(f"{root} has no val/ and no test/: grids and the last L1 are of training pairs")
    return train_set, val_set


def make_networks(config: Config, train_set: PairedDataset) -> tuple[nn.Module, nn.Module]:
    """Builds generator and discriminator for the channels that the data have."""
    source, target = source_and_target(train_set[0], config.direction)
    generator = GENERATORS.build(
        config.generator,
        in_channels=source.shape[0],
        out_channels=target.shape[0],
        base_channels=config.base_channels,
        num_downs=config.num_downs,
        norm=config.norm,
        dropout_mode="always",  # the noise of pix2pix, at test time too
    )
    discriminator = DISCRIMINATORS.build(
        "patch",
        in_channels=source.shape[0] + target.shape[0],
        base_channels=config.base_channels,
        n_layers=config.n_layers,
        norm=config.norm,
    )
    return generator, discriminator


def make_objective(config: Config) -> Objective:
    """Puts together what both networks minimise."""
    terms: dict[str, Any] = {"l1": {"type": "l1", "weight": config.lambda_l1}}
    if config.adversarial != "none":
        terms = {"adversarial": config.adversarial, **terms}
    if config.penalty != "none":
        spec = {"type": config.penalty, "every": config.penalty_every}
        if "scalar" in [p.name for p in PENALTIES.describe(config.penalty).parameters]:
            spec["scalar"] = "mean"  # the weight then holds for a map of any size
        terms[config.penalty] = {**spec, "weight": config.penalty_weight}
    return Objective(terms, discriminator_weight=0.5)  # D at half speed, as the paper


def make_state(
    config: Config, train_set: PairedDataset, precision: str, device: torch.device, world: World
) -> TrainState:
    """Puts networks and optimisers together."""
    grown = {"none": 1.0, "sqrt": world.size**0.5, "linear": float(world.size)}[config.lr_scaling]
    own = config.lr if config.lr_discriminator is None else config.lr_discriminator
    torch.manual_seed(config.seed)
    layout = best_layout(precision, device)
    generator, discriminator = (
        network.to(memory_format=layout) for network in make_networks(config, train_set)
    )
    discriminator.to(device)
    shard = config.shard and not (config.resume and world.size == 1)  # one can go on alone
    if not shard:  # else each process is sent its part
        generator.to(device)
    state = TrainState(
        generator,
        discriminator,
        lr=config.lr * grown,
        lr_discriminator=own * grown,
        clip_norm=config.clip_norm,
        ema_decay=config.ema,
        pool_size=config.pool_size,
        shard_generator=shard,
        seed=config.seed,
    )
    rehearse(state, train_set[0], config.direction)  # what does not fit shows before we write
    if config.compile:
        state.compile()
    return state


def open_run(
    config: Config,
    state: TrainState,
    objective: Objective,
    augment: Augmentation | None,
    train_set: PairedDataset,
    world: World,
) -> RunFolder:
    """Makes the folder of a new run, or goes on with an old one."""
    if config.resume:
        run = RunFolder.open(config.out)
        if run.has_state:
            load_checkpoint(state, run, objective, train_set)
        elif world.writes:
            print(f"{run.path} has no checkpoint yet: beginning at step 0")
        if world.writes:
            run.write_spec({**run.spec, "config": asdict(config)})
        return run
    if not world.writes:
        return RunFolder(config.out)
    return RunFolder.create(
        config.out,
        {
            "recipe": "pix2pix_facades",
            "data": config.data,
            "direction": config.direction,
            "generator": spec_of(state.result),
            "discriminator": spec_of(state.discriminator),
            "objective": objective.spec,
            "augment": None if augment is None else spec_of(augment),
            "config": asdict(config),
            "versions": {
                "ganblocks": ganblocks.__version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        },
    )


def make_loggers(config: Config, run: RunFolder, state: TrainState) -> list[Logger]:
    """Gives where the log goes beside the run's own."""
    if config.logger == "jsonl":
        return [JsonLinesLogger(run.path / "metrics.jsonl", resumed_at=state.step)]
    if config.logger == "tensorboard":
        return [TensorBoardLogger(run.path / "tensorboard", resumed_at=state.step)]
    return []


def train(config: Config, world: World) -> None:
    """Builds the parts, trains them, and says where the results are."""
    with world.first():  # one downloads, the others find it there
        train_set, val_set = make_data(config)
    if config.batch_size > len(train_set):
        raise OptionError(f"--batch-size {config.batch_size}: there are {len(train_set)} pairs")
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    state = make_state(config, train_set, precision, device, world)
    objective = make_objective(config).to(device)
    augment = None if config.augment == "none" else AUGMENTATIONS.build(config.augment)
    run = open_run(config, state, objective, augment, train_set, world)

    def score(generator: nn.Module) -> float:
        return mean_l1(generator, val_set, config.direction)

    if world.writes:
        where = f"{device}, {world.size} processes" if world.size > 1 else f"{device}"
        print(f"{len(train_set)} pairs an epoch, {precision} on {where}, into {run.path}")
    fit(
        state,
        objective,
        train_set,
        val_set,
        run,
        precision=precision,
        augment=augment,
        best_by=score if config.best_by == "l1" else None,
        loggers=make_loggers(config, run, state) if world.writes else [],
        **{name: getattr(config, name) for name in FLAGS_OF_FIT},
    )
    if world.writes:
        kind = "training" if getattr(val_set, "split", None) == "train" else "held-out"
        print(f"L1 on {len(val_set)} {kind} pairs: {score(state.result):.4f}")
        if state.best is not None:
            print(f"best: {state.best:.4f} at step {state.best_step}, best.safetensors")
        print(f"look at {run.path / 'index.html'}; use it with ganblocks.load({str(run.path)!r})")


def main() -> None:
    """Reads the flags, joins the other processes where there are any, and trains."""
    config = read_config()
    if not config.out or config.seed >= 2**63:
        raise OptionError("write a folder for --out, and a --seed below 2^63")
    if config.deterministic:
        make_deterministic()
    with process_group(resolve_device(config.device)) as world:
        if not config.resume:
            RunFolder(config.out).require_free()  # before anything is fetched
        train(config, world)


if __name__ == "__main__":
    run_command(main)
