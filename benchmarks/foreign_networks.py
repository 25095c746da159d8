"""Tries the receptive-field calculator on other libraries' networks: timm's and torchvision's.

One model of each of timm's modules, and torchvision's classifiers and the backbones of its
segmentation and detection networks. Each calculated field is compared with the measured one;
networks too large to be measured are skipped.

`make foreign` installs timm and runs all; python benchmarks/foreign_networks.py NAME … runs some.
"""

import argparse
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import timm
import torchvision
from torch import Tensor, nn

from ganblocks import GanBlocksError
from ganblocks.cli import run_command
from ganblocks.rf import receptive_field, verify_receptive_field

SMALL = r"atto|femto|pico|nano|tiny|_xs|xxs|_s\b|small|18|b0|_050|_025|_35"
MOST_PARAMETERS = 200_000_000  # the probe runs in float64


class Features(nn.Module):
    """One of timm's networks without its head, with the channels of maps and tokens first."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Any:
        """Returns the last maps (B, C, *spatial), a list if there are several."""
        features = self.network.forward_features(image)
        if isinstance(features, Tensor):
            return self._channels_first(features)
        return [self._channels_first(x) for x in features]

    def _channels_first(self, features: Tensor) -> Tensor:
        stages = self.network.feature_info or []
        channels = {self.network.num_features, *(stage["num_chs"] for stage in stages)}
        last = features.shape[-1] in channels and features.shape[1] not in channels
        return features.movedim(-1, 1) if last else features


def names() -> Iterator[str]:
    """Yields library:model, the smallest of each of timm's modules first."""
    for module in timm.list_modules():
        known = timm.list_models(module=module)
        if known:
            yield f"timm:{min(known, key=lambda n: (not re.search(SMALL, n), len(n), n))}"
    for part in ("models", "models.segmentation", "models.detection"):
        module = torchvision
        for name in part.split("."):
            module = getattr(module, name)
        yield from (f"{part}:{name}" for name in torchvision.models.list_models(module))


def build(key: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Builds a network with random weights, and returns the shape of its image."""
    library, name = key.split(":")
    if library == "timm":
        network: Any = timm.create_model(name, pretrained=False).eval()
        return Features(network), network.default_cfg["input_size"]
    options: dict[str, Any] = {} if library == "models" else {"weights_backbone": None}
    if name in ("inception_v3", "googlenet"):
        options["init_weights"] = False  # it takes a minute
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    side = 320 if name.startswith("ssd") else 224
    return network if library == "models" else network.backbone, (3, side, side)


def verdict(key: str) -> tuple[str, str]:
    """Returns "right", "wrong", "refused" or "skipped", and the reason."""
    try:
        network, shape = build(key)
        parameters = sum(p.numel() for p in network.parameters())
        if parameters > MOST_PARAMETERS:
            return "skipped", f"{parameters / 1e6:.0f} million parameters, in float64, need memory"
        fields = receptive_field(network, shape)
        differing = verify_receptive_field(network, shape)
    except GanBlocksError as error:
        return "refused", str(error).partition("\n")[0]
    except Exception as error:  # every error but ours is a fault of the calculator
        return "wrong", f"{type(error).__name__}: {error}".partition("\n")[0]
    if differing:
        return "wrong", f"{len(differing)} places: {differing[0]}"
    return "right", str(fields)


def main() -> None:
    """Prints a table, how many are right, wrong and refused, and the share of the right ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as timm:resnet18; all if none is named")
    warnings.simplefilter("ignore")
    found: Counter[str] = Counter()
    for key in parser.parse_args().names or names():
        result, reason = verdict(key)
        found[result] += 1
        print(f"{result:9}  {key:45}  {reason[:120]}", flush=True)
    tried = found.total() - found["skipped"]
    print(", ".join(f"{count} {result}" for result, count in found.items()))
    print(f"{found['right']} of {tried} right: {found['right'] / max(1, tried):.1%}")


if __name__ == "__main__":
    run_command(main)
