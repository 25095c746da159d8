"""pix2pix written by hand: the script that ours is measured against."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainUNet(nn.Module):
    """The U-Net of the paper, in plain torch."""

    def __init__(self, base: int, downs: int) -> None:
        super().__init__()
        widths = [base * min(2**i, 8) for i in range(downs)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(widths):
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if i else []
            layers.append(nn.Conv2d(widths[i - 1] if i else 3, width, 4, 2, 1, bias=False))
            if 0 < i < downs - 1:
                layers.append(nn.BatchNorm2d(width))
            self.downs.append(nn.Sequential(*layers))
        for i in reversed(range(downs)):
            ins = widths[i] * (1 if i == downs - 1 else 2)
            out = widths[i - 1] if i else 3
            layers = [nn.ReLU(), nn.ConvTranspose2d(ins, out, 4, 2, 1, bias=False)]
            if i:
                layers.append(nn.BatchNorm2d(out))
            if downs - 3 <= i and i:
                layers.append(nn.Dropout(0.5))
            self.ups.append(nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        """Translates a batch."""
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for i, up in enumerate(self.ups):
            x = up(x if i == 0 else torch.cat((skips.pop(), x), 1))
        return torch.tanh(x)


def plain_patchgan(base: int) -> nn.Module:
    """The 70×70 PatchGAN, in plain torch."""
    layers: list[nn.Module] = [nn.Conv2d(6, base, 4, 2, 1), nn.LeakyReLU(0.2)]
    for i in range(1, 4):
        ins, out = base * 2 ** (i - 1), base * 2**i
        layers += [nn.Conv2d(ins, out, 4, 2 if i < 3 else 1, 1, bias=False)]
        layers += [nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * base, 1, 4, 1, 1))


class PlainTraining:
    """Both networks, a plain Adam for each, and their alternating step.

    Args:
        base: Channels of the first level.
        downs: Halvings of the generator.
        device: Where to train.
        precision: `"fp32"`, or `"bf16"` for autocast around the networks and the losses.
        tf32: Whether cuDNN may compute fp32 convolutions in TF32, as it does by default.
    """

    def __init__(
        self,
        base: int,
        downs: int,
        device: torch.device,
        *,
        precision: str = "fp32",
        tf32: bool = True,
    ) -> None:
        self.g = PlainUNet(base, downs).to(device)
        self.d = plain_patchgan(base).to(device)
        self.opt_g = torch.optim.Adam(self.g.parameters(), 2e-4, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.d.parameters(), 2e-4, betas=(0.5, 0.999))
        self.device, self.bf16, self.tf32 = device, precision == "bf16", tf32

    def autocast(self) -> torch.autocast:
        """Uses autocast inside the block if bf16 was requested."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def step(self, source: Tensor, target: Tensor) -> dict[str, float]:
        """One alternating update; the losses are read at once, as scripts that print them do."""
        torch.backends.cudnn.allow_tf32 = self.tf32
        bce = F.binary_cross_entropy_with_logits
        with self.autocast():
            fake = self.g(source)
            pred_real = self.d(torch.cat((source, target), 1))
            pred_fake = self.d(torch.cat((source, fake.detach()), 1))
            loss_real = bce(pred_real, torch.ones_like(pred_real))
            loss_d = 0.5 * (loss_real + bce(pred_fake, torch.zeros_like(pred_fake)))
        self.opt_d.zero_grad()
        loss_d.backward()
        self.opt_d.step()
        with self.autocast():
            pred_fake = self.d(torch.cat((source, fake), 1))
            loss_l1 = F.l1_loss(fake, target)
            loss_g = bce(pred_fake, torch.ones_like(pred_fake)) + 100 * loss_l1
        self.opt_g.zero_grad()
        loss_g.backward()
        self.opt_g.step()
        torch.backends.cudnn.allow_tf32 = True
        return {"loss_d": loss_d.item(), "loss_g": loss_g.item(), "loss_l1": loss_l1.item()}
