"""The three dialects of the pix2pix U-Net, written plainly and separately from the library.

Each is the network as its own code base writes it, for any depth and width; `copy_weights`
fills it from a ganblocks generator by going through both in the order of their layers.
"""

import torch
from torch import nn


class PortUNet(nn.Module):
    """The PyTorch port: recursive, with in-place activations that also change the skip."""

    def __init__(self, base=64, downs=8, norm=nn.BatchNorm2d):
        super().__init__()
        widths = [base * min(2**i, 8) for i in range(downs)]
        bias = norm is nn.InstanceNorm2d
        block = self.level(widths[-2], widths[-1], None, bias, norm, "innermost")
        for depth in range(downs - 2, 0, -1):
            drop = 1 <= downs - 1 - depth <= downs - 5
            block = self.level(widths[depth - 1], widths[depth], block, bias, norm, drop=drop)
        self.model = self.level(3, widths[0], block, bias, norm, "outermost")

    @staticmethod
    def level(outer, inner, submodule, bias, norm, place="", drop=False):
        down = nn.Conv2d(outer, inner, 4, 2, 1, bias=bias)
        width = inner if place == "innermost" else 2 * inner
        up_bias = True if place == "outermost" else bias
        up = nn.ConvTranspose2d(width, outer, 4, 2, 1, bias=up_bias)
        if place == "outermost":
            layers = [down, submodule, nn.ReLU(True), up, nn.Tanh()]
        elif place == "innermost":
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, norm(outer)]
        else:
            layers = [nn.LeakyReLU(0.2, True), down, norm(inner), submodule]
            layers += [nn.ReLU(True), up, norm(outer), *([nn.Dropout(0.5)] if drop else [])]
        return PortLevel(nn.Sequential(*layers), skips=place != "outermost")

    def forward(self, x):
        return self.model(x)


class PortLevel(nn.Module):
    def __init__(self, layers, skips):
        super().__init__()
        self.layers, self.skips = layers, skips

    def forward(self, x):
        return torch.cat([x, self.layers(x)], 1) if self.skips else self.layers(x)


class LuaUNet(nn.Module):
    """The paper's graph: e1...e8 before their activation, d1...d8, ReLU over each join."""

    def __init__(self, base=64, downs=8):
        super().__init__()
        widths = [base * min(2**i, 8) for i in range(downs)]
        ins = [3, *widths]
        self.e = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1, bias=False) for a, b in zip(ins, widths))
        self.e_norm = nn.ModuleList(nn.BatchNorm2d(w) for w in widths[1:-1])
        outs = [*widths[-2::-1], 3]
        d_ins = [widths[-1], *(2 * w for w in outs[:-1])]
        self.d = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in zip(d_ins, outs)
        )
        self.d_norm = nn.ModuleList(nn.BatchNorm2d(w) for w in outs[:-1])
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        maps = [self.e[0](x)]
        for i, conv in enumerate(self.e[1:]):
            y = conv(nn.functional.leaky_relu(maps[-1], 0.2))
            maps.append(self.e_norm[i](y) if i < len(self.e_norm) else y)
        y = maps.pop()
        for i, deconv in enumerate(self.d):
            y = deconv(torch.relu(y))
            if i < len(self.d_norm):
                y = self.d_norm[i](y)
                if i < 3:
                    y = self.drop(y)
                y = torch.cat([maps.pop(), y], 1)
        return torch.tanh(y)


class TutorialUNet(nn.Module):
    """conv1...conv8, deconv1...deconv8, each a Sequential with its activation last."""

    def __init__(self, base=64, downs=8):
        super().__init__()
        widths = [base * min(2**i, 8) for i in range(downs)]
        self.downs = downs
        for i, (a, b) in enumerate(zip([3, *widths], widths), 1):
            layers = [nn.Conv2d(a, b, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(b)] if 1 < i < downs else []
            layers += [nn.ReLU()] if i == downs else [nn.LeakyReLU(0.2)]
            setattr(self, f"conv{i}", nn.Sequential(*layers))
        outs = [*widths[-2::-1], 3]
        for i, (a, b) in enumerate(zip([widths[-1], *(2 * w for w in outs[:-1])], outs), 1):
            layers = [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b)]
            layers += [nn.Tanh()] if i == downs else [nn.ReLU()]
            layers += [nn.Dropout(0.5)] if i <= 3 and i < downs else []
            setattr(self, f"deconv{i}", nn.Sequential(*layers))

    def forward(self, x):
        maps = []
        for i in range(1, self.downs + 1):
            x = getattr(self, f"conv{i}")(x)
            maps.append(x)
        maps.pop()
        for i in range(1, self.downs + 1):
            x = getattr(self, f"deconv{i}")(x)
            if maps:
                x = torch.cat([x, maps.pop()], 1)
        return x


def copy_weights(generator, plain):
    """Fills `plain` from `generator`: convolutions in order of the path, norms likewise."""
    for kind in (nn.Conv2d, nn.ConvTranspose2d, nn.modules.batchnorm._NormBase):
        ours = [m for m in generator.modules() if isinstance(m, kind)]
        theirs = [m for m in plain.modules() if isinstance(m, kind)]
        assert len(ours) == len(theirs), kind
        for a, b in zip(ours, theirs):
            b.load_state_dict(a.state_dict())
    return plain
