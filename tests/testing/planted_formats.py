"""Small formats: a sound one, and the same with one defect each."""

import torch

from ganblocks.data import ImageFormat


class Bytes(ImageFormat):
    """A sound format; unregistered."""


class DecodesDoubles(Bytes):
    def decode(self, stored):
        return super().decode(stored).double()


class DecodesChannelsLast(Bytes):
    def decode(self, stored):
        return super().decode(stored).movedim(0, -1)


class DecodesBeyond(Bytes):
    def decode(self, stored):
        return super().decode(stored) / 127


class EncodesBytes(Bytes):
    def encode(self, pixels):
        return pixels


class EncodesOneChannel(Bytes):
    def encode(self, pixels):
        return super().encode(pixels)[..., :1, :, :]


class EncodesBeyond(Bytes):
    def encode(self, pixels):
        return 2 * super().encode(pixels)


class CentersBatches(Bytes):
    def encode(self, pixels):
        image = super().encode(pixels)
        return image * 0.5 if image.ndim == 4 else image


class RestoresBelow(Bytes):
    def restore(self, image):
        return super().restore(image - 0.01)


class RestoresFloats(Bytes):
    def restore(self, image):
        values = super().restore(image)
        self.__dict__["calls"] = self.__dict__.get("calls", 0) + 1
        return values if self.__dict__["calls"] % 2 else values.astype("float32")


class ShowsTwoChannels(Bytes):
    def colors(self, image):
        return torch.zeros(2, 5, 6)


class ShowsBytes(Bytes):
    def colors(self, image):
        return super().colors(image) * 255
