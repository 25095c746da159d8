"""The code of the pictures: a template for each kind."""

from string import Template

UP = Template("""\
import torch
from torch.nn.functional import avg_pool2d, interpolate, l1_loss
from ganblocks import SyntheticFacades
from ganblocks.blocks import UPSAMPLERS
from ganblocks.pictures import grid, to_picture

torch.manual_seed(0)
photo = SyntheticFacades(size=128)[4]["target"][None]
small = avg_pool2d(photo, 2)
up = UPSAMPLERS.build("$name", 3, 3$arguments)
untrained = up(small)
optimizer = torch.optim.Adam(up.parameters(), lr=0.02)
for _ in range(15):
    optimizer.zero_grad()
    l1_loss(up(small), photo).backward()
    optimizer.step()
corners = [x[..., 8:72, 64:] for x in (untrained, up(small))]
large = [interpolate(x, scale_factor=3)[0] for x in corners]
picture = to_picture(grid([large]))
""")

DOWN = Template("""\
import torch
from torch.nn.functional import interpolate
from ganblocks import SyntheticFacades
from ganblocks.blocks import DOWNSAMPLERS
from ganblocks.pictures import heat, to_bytes, to_picture

torch.manual_seed(0)
photo = SyntheticFacades(size=128)[4]["target"][None]
down = DOWNSAMPLERS.build("$name", 3, 3$arguments)
small = down(photo)[0]
moved = down(photo.roll(1, -1))[0]
change = (small - moved).abs().mean(0) / small.std()
colors = to_bytes(small / small.std() / 2)
both = torch.cat((colors, heat(change)), 2)
picture = to_picture(interpolate(both[None], scale_factor=3)[0])
""")

NORM = Template("""\
import torch
from ganblocks import SyntheticFacades
from ganblocks.blocks import NORMS
from ganblocks.pictures import grid, to_picture

facades = SyntheticFacades(size=192)
dark = 0.25 * facades[4]["target"] - 0.6
bright = facades[2]["target"]
norm = NORMS.build("$name", 3$arguments)
normed = norm(torch.stack((dark, bright)))
picture = to_picture(grid([[image / 2 for image in normed]]))
""")

PADDING = Template("""\
from PIL import ImageDraw
from ganblocks import SyntheticFacades
from ganblocks.blocks import PADDINGS
from ganblocks.pictures import to_picture

photo = SyntheticFacades(size=256)[4]["target"]
padded = PADDINGS.build("$name", 64$arguments)(photo[None])[0]
picture = to_picture(padded)
border = (63, 63, 320, 320)
ImageDraw.Draw(picture).rectangle(border, outline="#d55e00", width=2)
""")

AUGMENTATION = Template("""\
import torch
from ganblocks import SyntheticFacades
from ganblocks.augment import AUGMENTATIONS
from ganblocks.pictures import grid, to_picture

torch.manual_seed(2)
pair = SyntheticFacades(size=96)[4]
photo, labels = pair["target"], pair["source"]
augment = AUGMENTATIONS.build("$name"$arguments)
three = (3, -1, -1, -1)
photos, maps = augment(photo.expand(three), labels.expand(three))
picture = to_picture(grid([[photo, *photos], [labels, *maps]]))
""")

ADVERSARIAL = Template("""\
import torch
from ganblocks import ADVERSARIAL_LOSSES

loss = ADVERSARIAL_LOSSES.build("$name"$arguments)
logits = torch.linspace(-4, 4, 161, requires_grad=True)
other = torch.zeros(1)
values = {
    "D, real logit": [loss.discriminator(x[None], other) for x in logits],
    "D, fake logit": [loss.discriminator(other, x[None]) for x in logits],
    "G, fake logit": [loss.generator(x[None], other) for x in logits],
}
gradients = {
    side: torch.autograd.grad(sum(curve), logits)[0]
    for side, curve in values.items()
}
""")

RECONSTRUCTION = Template("""\
import torch
from ganblocks import RECONSTRUCTION_LOSSES

loss = RECONSTRUCTION_LOSSES.build("$name"$arguments)
differences = torch.linspace(-2, 2, 161, requires_grad=True)
target = torch.zeros(1, 1, 1, 1)
curve = [loss(d.view_as(target), target) for d in differences]
(gradient,) = torch.autograd.grad(sum(curve), differences)
values, gradients = {"one pixel": curve}, {"one pixel": gradient}
""")

CHANGES = """\
import torch
from torch.nn.functional import avg_pool2d
from ganblocks import RECONSTRUCTION_LOSSES, SyntheticFacades
from ganblocks.pictures import grid, to_picture

torch.manual_seed(0)
photo = SyntheticFacades(size=192)[4]["target"][None]
changes = {
    "brighter": torch.ones_like(photo),
    "less contrast": photo.mean() - photo,
    "blurred": avg_pool2d(photo, 3, 1, 1) - photo,
    "shifted": photo.roll(1, -1) - photo,
    "noise": torch.randn_like(photo),
}
changed = {
    name: photo + 0.14 * change / change.square().mean().sqrt()
    for name, change in changes.items()
}
values = {}
for name in RECONSTRUCTION_LOSSES.names():
    loss = RECONSTRUCTION_LOSSES.build(name)
    values[name] = {key: loss(x, photo).item() for key, x in changed.items()}
images = [photo, *changed.values()]
picture = to_picture(grid([[x[0] for x in images]]))
"""
"""Changes with one and the same L2."""
