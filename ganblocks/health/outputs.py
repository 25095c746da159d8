"""Checks for generator outputs that ignore the input or the noise, or are all alike."""

from __future__ import annotations

from ganblocks.health.probe import Probe

# Before that, a generator is close to its initialization.
STEPS = 100
# Relative to the inputs' differences: even if those are large, below a tenth of a gray level.
IGNORED = 1e-3
# A hundredth of a gray level; with dropout, it was 0.008 or more on facades.
NO_NOISE = 1e-4
# Relative to the inputs' differences; on facades: 0.2 before training, and 0.26 or more after it.
COLLAPSED = 1e-2
# 1.25 gray levels, which looks like a single color. On facades, it was 0.19 or more.
FLAT = 1e-2
# A few channels are dead in many healthy networks.
DEAD = 0.5


def problems(step: int, probe: Probe) -> dict[str, str | None]:
    """Returns a message for each problem of a generator, or None if it is absent."""
    if step < STEPS:
        return {}
    return {
        "ignores-input": _ignores_input(probe),
        "ignores-noise": _ignores_noise(probe),
        "collapsed-output": _collapsed(probe),
        "dead-channels": _dead(probe),
    }


def _ignores_input(probe: Probe) -> str | None:
    if not probe.input_spread or probe.by_input is None:
        return None
    if probe.by_input >= IGNORED * probe.input_spread:
        return None
    return (
        f"the generator's outputs for {probe.inputs} inputs differ by {probe.by_input:.1g}, while "
        f"the inputs differ by {probe.input_spread:.2g} (root mean square, in [-1, 1]): it "
        "ignores its input. A layer near the input is dead, or a norm removes the differences "
        "between inputs. Check the dataset's direction and the sample grids, try another `norm`, "
        "raise the weights of the terms that compare with the target, and start again with a lower "
        "`lr`."
    )


def _ignores_noise(probe: Probe) -> str | None:
    if probe.by_noise is None or probe.by_noise >= NO_NOISE:
        return None
    return (
        "the generator draws noise, but its output for one input differs only by "
        f"{probe.by_noise:.1g} from draw to draw (root mean square, in [-1, 1]): it ignores the "
        "noise. That is harmless if you want one output for each input; "
        '`dropout_mode="train"` then avoids the noise. For varied outputs, use dropout at more '
        "levels (`dropout_levels` of the dialect), or lower the weights of the terms that compare "
        "with the target."
    )


def _collapsed(probe: Probe) -> str | None:
    if probe.contrast < FLAT:
        seen = (
            "every output of the generator is one color: the standard deviation of its values is "
            f"{probe.contrast:.1g} at most, in [-1, 1]"
        )
        if probe.saturated > DEAD:
            seen += f", and {probe.saturated:.0%} of them are at an end of the range"
    elif (
        probe.input_spread
        and probe.output_spread is not None
        and probe.output_spread < COLLAPSED * probe.input_spread
    ):
        seen = (
            f"the generator's outputs for {probe.inputs} inputs are nearly the same: they differ "
            f"by {probe.output_spread:.1g}, while the inputs differ by {probe.input_spread:.2g} "
            "(root mean square, in [-1, 1])"
        )
    else:
        return None
    return (
        f"{seen}. The generator has collapsed, and rarely recovers by itself. Go back to an "
        "earlier checkpoint or start again, with a lower `lr`, `clip_norm=1`, a lower `lr` for the "
        "discriminator's optimizer only, or a penalty on the discriminator such as r1."
    )


def _dead(probe: Probe) -> str | None:
    dead = {name: share for name, share in probe.dead.items() if share >= DEAD}
    if not dead:
        return None
    layers = ", ".join(f"`{name}` {share:.0%}" for name, share in dead.items())
    return (
        "channels of the generator are dead, that is, constant over all images and positions: "
        f"{layers}. They carry no information and, after a ReLU, cannot recover, as they get no "
        "gradient. Start again with a lower `lr`, an activation that is not 0 below 0 "
        '(`up_activation="leaky_relu"`), or a norm before the activation (`norm`).'
    )
