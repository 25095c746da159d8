"""Learning-rate schedules: pure functions of the epoch."""


def linear_decay(epoch: int, epochs: int) -> float:
    """Factor of the learning rate: 1 in the first half, then down to 0 in equal steps.

    The schedule of pix2pix (Isola et al., 2017, code): with 200 epochs, 100 at the full rate,
    then 1 − (epoch − 99) / 101.

    Args:
        epoch: The current epoch, from 0.
        epochs: All epochs of the run.

    Examples:
        >>> linear_decay(0, 200), linear_decay(99, 200), round(linear_decay(199, 200), 4)
        (1.0, 1.0, 0.0099)
    """
    decaying = epochs // 2
    constant = epochs - decaying
    return max(0.0, 1.0 - max(0, epoch + 1 - constant) / (decaying + 1))
