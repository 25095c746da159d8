"""Networks of the PyTorch port and of the tutorial, written plainly and apart from the library.

They are written from what the architectures are, with the layers in the places that their state
dicts name; `test_plain_port.py` compares those with the recorded keys and shapes.
"""

from itertools import pairwise

import torch
from torch import nn

NORMS = {
    "batch": nn.BatchNorm2d,
    "instance": nn.InstanceNorm2d,
    "none": lambda channels: nn.Identity(),
}


class UNet(nn.Module):
    def __init__(self, inputs=3, outputs=3, base=64, downs=8, norm="batch", most=8, dropout=0.5):
        super().__init__()
        widths = [base * min(2**i, most) for i in range(downs)]
        bias = norm == "instance"
        level = None
        for depth in range(downs - 1, -1, -1):
            outer = widths[depth - 1] if depth else outputs
            down = nn.Conv2d(outer if depth else inputs, widths[depth], 4, 2, 1, bias=bias)
            width = widths[depth] * (1 if level is None else 2)
            up = nn.ConvTranspose2d(width, outer, 4, 2, 1, bias=bias or depth == 0)
            layers = [nn.LeakyReLU(0.2, True), down] if depth else [down]
            if level is not None:
                layers += [NORMS[norm](widths[depth]), level] if depth else [level]
            layers += [nn.ReLU(True), up]
            layers += [NORMS[norm](outer)] if depth else [nn.Tanh()]
            if dropout and 0 < downs - 1 - depth <= downs - 5:
                layers.append(nn.Dropout(dropout))
            level = UNetLevel(layers, skips=depth > 0)
        self.model = level

    def forward(self, x):
        return self.model(x)


class UNetLevel(nn.Module):
    def __init__(self, layers, skips):
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.skips = skips

    def forward(self, x):
        y = self.model(x)  # its first layer works in place, so what is skipped is activated
        return torch.cat([x, y], 1) if self.skips else y


class ResNet(nn.Module):
    def __init__(
        self,
        inputs=3,
        outputs=3,
        base=64,
        blocks=9,
        norm="batch",
        dropout=False,
        padding="reflect",
        downs=2,
    ):
        super().__init__()
        bias = norm == "instance"
        widths = [base * 2**i for i in range(downs + 1)]
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, base, 7, bias=bias)]
        layers += [NORMS[norm](base), nn.ReLU(True)]
        for narrow, wide in pairwise(widths):
            layers.append(nn.Conv2d(narrow, wide, 3, 2, 1, bias=bias))
            layers += [NORMS[norm](wide), nn.ReLU(True)]
        layers += [ResNetBlock(widths[-1], norm, dropout, padding) for _ in range(blocks)]
        for narrow, wide in reversed(list(pairwise(widths))):
            layers.append(nn.ConvTranspose2d(wide, narrow, 3, 2, 1, output_padding=1, bias=bias))
            layers += [NORMS[norm](narrow), nn.ReLU(True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(base, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


class ResNetBlock(nn.Module):
    def __init__(self, channels, norm, dropout, padding):
        super().__init__()
        pads = {"reflect": [nn.ReflectionPad2d(1)], "replicate": [nn.ReplicationPad2d(1)]}
        pad, own = pads.get(padding, []), 1 if padding == "zeros" else 0

        def conv():
            one = nn.Conv2d(channels, channels, 3, padding=own, bias=norm == "instance")
            return [*pad, one, NORMS[norm](channels)]

        between = [nn.ReLU(True), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*conv(), *between, *conv())

    def forward(self, x):
        return x + self.conv_block(x)


class Patch(nn.Module):
    def __init__(self, inputs=6, base=64, layers=3, norm="batch", most=8):
        super().__init__()
        widths = [base * min(2**i, most) for i in range(layers + 1)]
        made = [nn.Conv2d(inputs, base, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for i in range(1, layers + 1):
            stride, bias = 2 if i < layers else 1, norm == "instance"
            made.append(nn.Conv2d(widths[i - 1], widths[i], 4, stride, 1, bias=bias))
            made += [NORMS[norm](widths[i]), nn.LeakyReLU(0.2, True)]
        self.model = nn.Sequential(*made, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


class Pixel(nn.Module):
    def __init__(self, inputs=6, base=64, norm="batch"):
        super().__init__()
        bias = norm == "instance"
        self.net = nn.Sequential(
            nn.Conv2d(inputs, base, 1),
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(base, 2 * base, 1, bias=bias),
            NORMS[norm](2 * base),
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(2 * base, 1, 1, bias=bias),
        )

    def forward(self, x):
        return self.net(x)


class Tutorial(nn.Module):
    """conv1 … convN and deconv1 … deconvN, each with its activation last."""

    def __init__(self, inputs=3, outputs=3, base=64, downs=8, most=8, dropout=0.5):
        super().__init__()
        self.downs = downs
        width, skipped = inputs, []
        for i in range(1, downs + 1):
            out = base * min(2 ** (i - 1), most)
            layers = [nn.Conv2d(width, out, 4, 2, 1, bias=False)]
            if 1 < i < downs:
                layers.append(nn.BatchNorm2d(out))
            layers.append(nn.LeakyReLU(0.2) if i < downs else nn.ReLU())
            self.add_module(f"conv{i}", nn.Sequential(*layers))
            skipped.append(out)
            width = out
        skipped.pop()
        for i in range(1, downs + 1):
            out = skipped.pop() if skipped else outputs
            layers = [nn.ConvTranspose2d(width, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out)]
            layers.append(nn.ReLU() if i < downs else nn.Tanh())
            if dropout and i <= 3 and i < downs:
                layers.append(nn.Dropout(dropout))
            self.add_module(f"deconv{i}", nn.Sequential(*layers))
            width = 2 * out

    def forward(self, x):
        maps = []
        for i in range(1, self.downs + 1):
            x = self.get_submodule(f"conv{i}")(x)
            maps.append(x)
        x = self.deconv1(maps.pop())
        for i in range(2, self.downs + 1):
            x = self.get_submodule(f"deconv{i}")(torch.cat([x, maps.pop()], 1))
        return x


def recorded(entry):
    """Builds the network whose state dict an entry of port_state_dicts.json records."""
    kind, *words = entry.split()
    norm = next(word for word in words if word in NORMS)
    if kind.startswith("unet"):
        return UNet(downs={"unet_128": 7, "unet_256": 8}[kind], norm=norm)
    if kind.startswith("resnet"):
        return ResNet(blocks=int(kind[7]), norm=norm, dropout="dropout" in words)
    if kind == "patch":
        return Patch(layers=int(words[0].removeprefix("n_layers=")), norm=norm)
    return Pixel(norm=norm)


def randomized(network):
    """Returns every parameter and running statistic its own value, as after a training."""
    for module in network.modules():
        for name, value in [*module._parameters.items(), *module._buffers.items()]:
            if value is None:
                continue
            if name == "num_batches_tracked":
                value.fill_(int(torch.randint(1, 1000, ())))
            elif name == "running_var":
                value.uniform_(0.5, 2)
            elif value.dim() == 1:
                value.data.uniform_(-1, 1)
            else:  # keeps the size of what goes through
                value.data.normal_(std=value[0].numel() ** -0.5)
    return network


def without_dropout(network):
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network
