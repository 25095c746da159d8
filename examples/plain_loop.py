"""pix2pix in your own training loop around `Updater.step`.

python examples/plain_loop.py
"""

import torch
from torch.utils.data import DataLoader

import ganblocks as gb
from ganblocks.pictures import to_picture

STEPS = 400


def main(steps: int = STEPS) -> gb.Updater:
    """Trains a small pix2pix on synthetic facades and saves a translated image."""
    torch.manual_seed(0)
    task = gb.PairedTranslation(
        gb.UNetGenerator(base_channels=16, num_downs=6, up="nearest", dropout_mode="always"),
        gb.PatchDiscriminator(in_channels=6, base_channels=16, n_layers=2),
        gb.Objective(
            {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 300}},
            discriminator_weight=0.5,
        ),
        optimizer={"type": "adam", "lr": 2e-3, "betas": [0.5, 0.999]},
    )
    updater = gb.Updater(task, ema=0.99)
    pairs = DataLoader(gb.SyntheticFacades(length=steps, size=128, direction="b2a"), shuffle=True)
    for step, batch in enumerate(pairs):
        updater.set_lr_factor(gb.training.cosine_decay(step, steps))
        metrics = updater.step(batch)
        if step % 50 == 0 or step == steps - 1:
            shown = ("d_real", "d_fake", "loss_g_adversarial", "loss_g_l1")
            print(step, {name: round(metrics[name].item(), 3) for name in shown})
    generator = updater.inference_network("generator")
    labels = gb.SyntheticFacades(length=1, size=128, split="val")[0]["source"]
    fake = gb.generate(generator, labels[None])
    to_picture(fake[0]).save("plain_loop.png")
    torch.save(updater.state_dict(), "plain_loop.pt")  # updater.load_state_dict resumes from it
    return updater


if __name__ == "__main__":
    main()
