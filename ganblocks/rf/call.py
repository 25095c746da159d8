"""A traced call of a torch operation, passed to the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.rf.region import InputRegion
from ganblocks.rf.torch_internals import tensors_in

Rule = Callable[["Call"], InputRegion | Sequence[InputRegion | None] | None]


@dataclass
class Call:
    """A traced call of an operation, passed to its rule.

    Attributes:
        name: The operation's name, such as `aten.convolution`.
        arguments: Its arguments by name, including defaults.
        out: Its outputs: meta tensors with the right shapes.
        find: Returns the region of a tensor; None for a constant.
        axes: Number of spatial axes.
        place: The running module, as the start of an error message.
        size_known: Whether the caller set the image's size.
        statistics: "ignored" or "counted".
        detail: For the table: kernel, stride and similar.
        note: For the table: remarks.
        ignored: Whether the rule ignored statistics of the map.
    """

    name: str
    arguments: dict[str, Any]
    out: Any
    find: Callable[[Tensor], InputRegion | None]
    axes: int
    place: str
    size_known: bool
    statistics: str
    detail: str = ""
    note: str = ""
    ignored: bool = False

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]

    @property
    def outputs(self) -> list[Any]:
        """The outputs as a list."""
        return list(self.out) if isinstance(self.out, list | tuple) else [self.out]

    def region(self, argument: str = "") -> InputRegion:
        """Returns the region of a tensor argument, by default the first."""
        tensor = self[argument] if argument else next(iter(self.arguments.values()))
        return self.region_of(tensor)

    def region_of(self, tensor: Tensor) -> InputRegion:
        """Returns the region of a tensor; a constant's is empty."""
        return self.find(tensor) or InputRegion.of_nothing(tensor.shape, self.axes)

    def regions(self) -> list[InputRegion]:
        """Returns the regions of the tensor arguments, without constants."""
        known = [self.find(tensor) for tensor in tensors_in(self.arguments)]
        return [region for region in known if region is not None]

    def apply(self, rule: Rule) -> list[InputRegion | None]:
        """Returns a rule's region of each output; that of an output without elements is empty."""
        outputs = self.outputs
        if not any(tensor.numel() for tensor in tensors_in(outputs)):
            return [None] * len(outputs)
        made = rule(self)
        listed = list(made) if isinstance(made, Sequence) else [made]
        listed += [None] * (len(outputs) - len(listed))
        return [
            r if tensors_in(t)[:1] and t.numel() else None
            for r, t in zip(listed, outputs, strict=True)
        ]

    def ignore_statistics(self) -> bool:
        """Returns whether statistics of the map are ignored; if so, records it."""
        if self.statistics == "ignored":
            self.ignored = True
            self.note = "statistics of the map ignored"
        return self.ignored

    def require_size(self, region: InputRegion, *dims: int) -> None:
        """Raises `OptionError` if whole spatial dimensions are read but no image size was set."""
        if not self.size_known and any(region.periodic(dim) for dim in dims):
            raise OptionError(
                f"{self.place}{self.name} sees the whole map, so it depends on the image's "
                "size: write receptive_field(network, (channels, height, width))",
                see="unknown-operation",
            )
