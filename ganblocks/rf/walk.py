"""One run through a network on tensors without data, which watches every operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from ganblocks.errors import OptionError, UnknownOperationError
from ganblocks.rf.joining import cat, misalignment, union
from ganblocks.rf.layers import Layer, summary
from ganblocks.rf.reach import Reach
from ganblocks.rf.taps import others, steps, transposed_window

Rule = Callable[["Call"], "Reach | Sequence[Reach | None] | None"]


@dataclass
class Call:
    """One call of an operation, as a rule sees it.

    Attributes:
        walk: The run it is part of.
        name: The operation's name, such as `aten.convolution`.
        arguments: Its arguments by the names of its schema, defaults filled in.
        out: What it gave: meta tensors with the right shapes.
        detail: What the rule wants the table to say of it.
        note: What the rule wants to be remarked.
    """

    walk: Walk
    name: str
    arguments: dict[str, Any]
    out: Any
    detail: str = ""
    note: str = ""

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]

    def reach(self, argument: str = "") -> Reach:
        """Gives what a tensor among the arguments sees, the first of all by default."""
        tensor = self[argument] if argument else next(iter(self.arguments.values()))
        return self.reach_of(tensor)

    def reach_of(self, tensor: Tensor) -> Reach:
        """Gives what a tensor sees; a constant sees nothing."""
        known = self.walk.reach(tensor)
        return known or Reach.of_nothing(tensor.shape, self.walk.axes)

    def tracked(self) -> list[Reach]:
        """Gives what the tensors among the arguments see, constants left out."""
        leaves = tree_leaves(list(self.arguments.values()))
        known = [self.walk.reach(leaf) for leaf in leaves if isinstance(leaf, Tensor)]
        return [reach for reach in known if reach is not None]

    def needs_size(self, reach: Reach, dims: Sequence[int]) -> None:
        """Raises unless the caller named the image's size, if these dimensions are of space.

        Raises:
            OptionError: They are, and no size was named.
        """
        axes = {reach.axis(d) + i for d in dims for i in range(len(reach.dims[d]))}
        if not self.walk.size_known and any(s.runs(axis) for s in reach.field for axis in axes):
            raise OptionError(
                f"{self.walk.place()}{self.name} sees the whole map, and so depends on the "
                "image's size: write receptive_field(network, (channels, height, width))"
            )


@dataclass
class _Entry:
    """What a tensor sees, and how to find it again when the tensor it is a view of changes."""

    tensor: Tensor
    reach: Reach | None
    version: int = 0
    parent: _Entry | None = None
    seen_version: int = -1
    again: Callable[[], Reach | None] | None = None
    call: Call | None = None


@dataclass
class Walk(TorchDispatchMode):  # type: ignore[misc]
    """Follows what every tensor sees while a network runs.

    Args:
        rules: Rule by operation.
        axes: Axes of the image.
        size_known: Whether the caller named the image's size.
        statistics: "ignored" or "counted".
    """

    rules: dict[Any, Rule]
    axes: int
    size_known: bool = True
    statistics: str = "ignored"
    layers: list[Layer] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    misaligned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.applying = False
        self._entries: dict[int, _Entry] = {}
        self._modules: list[tuple[str, nn.Module]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spares the import of torch's compiler, which takes seconds and has no part in this."""
        return False

    def begin(self, image: Tensor) -> None:
        """Names the image."""
        self._entries[id(image)] = _Entry(image, Reach.of_image(image.shape))

    def name_modules(self, network: nn.Module) -> None:
        """Has the network's modules say when they begin and end."""
        for name, module in network.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            module.register_forward_pre_hook(
                lambda m, _, name=name: self._modules.append((name, m)), prepend=True
            )
            module.register_forward_hook(lambda *_: _nothing(self._modules.pop()))

    def place(self) -> str:
        """Names the module that runs now, as the beginning of a message."""
        return f"{self._modules[-1][0]}: " if self._modules and self._modules[-1][0] else ""

    def reach(self, tensor: Tensor) -> Reach | None:
        """Gives what a tensor sees; None for a constant."""
        entry = self._entries.get(id(tensor))
        return self._current(entry) if entry else None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and applies its rule."""
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        named = _named(func._schema, args, kwargs)  # with the data of constants, such as indices
        if any(tensor.is_meta for tensor in tensors):
            args, kwargs = tree_map_only(Tensor, _without_data, (args, kwargs))
        out = _outcome(func, args, kwargs)
        schema = func._schema
        views = any(r.alias_info and not r.alias_info.is_write for r in schema.returns)
        writes = any(r.alias_info and r.alias_info.is_write for r in schema.returns)
        before = [reach for t in tensors if (reach := self.reach(t)) is not None]
        tracked = bool(before)
        if not tracked and not views:
            return out
        call = Call(self, str(func.overloadpacket), named, out)
        rule = self._rule(func, writes) if tracked else None
        self.applying = True  # what goes wrong from here on is no fault of the network's
        found = _as_list(rule(call), out) if rule else [None] * len(_as_list(out, out))
        if writes:
            self._write(self._entry(tensors[0]), found[0], call)
        else:
            self._keep(_as_list(out, out), found, call, tensors[0] if views else None, func)
        if tracked:
            self._log(call, before, found)
        self.applying = False
        return out

    def _rule(self, func: Any, writes: bool) -> Rule:
        packet = func.overloadpacket
        if packet not in self.rules and writes and packet.__name__.endswith("_"):
            packet = getattr(torch.ops.aten, packet.__name__.rstrip("_"), packet)
        if packet in self.rules:
            return self.rules[packet]
        if torch.Tag.pointwise in func.tags:
            return self.rules["pointwise"]
        raise UnknownOperationError(
            f"{self.place()}there is no rule for the operation {func.overloadpacket}. Write one: "
            f"@ganblocks.rf.register_rule(torch.ops.{func.overloadpacket}) over a function that "
            "takes the call and gives what its output sees, such as "
            "`return call.reach().gather(-1, window(count, kernel=3, padding=1))`"
        )

    def _keep(
        self, outs: list[Any], found: list[Any], call: Call, parent: Tensor | None, func: Any
    ) -> None:
        base = self._entry(parent) if parent is not None else None
        for number, (tensor, reach) in enumerate(zip(outs, found, strict=True)):
            if not isinstance(tensor, Tensor) or (reach is None and base is None):
                continue
            entry = _Entry(tensor, reach)
            if base is not None:
                entry.parent, entry.seen_version, entry.call = base, base.version, call
                entry.again = lambda number=number: self._again(func, call, number)
            self._entries[id(tensor)] = entry

    def _again(self, func: Any, call: Call, number: int) -> Reach | None:
        if not call.tracked():
            return None
        found: list[Reach | None] = _as_list(self._rule(func, False)(call), call.out)
        return found[number]

    def _entry(self, tensor: Tensor) -> _Entry:
        return self._entries.setdefault(id(tensor), _Entry(tensor, None))

    def _current(self, entry: _Entry) -> Reach | None:
        if entry.parent is not None and entry.again is not None:
            self._current(entry.parent)
            if entry.parent.version != entry.seen_version:
                entry.seen_version = entry.parent.version
                entry.reach = entry.again()
                entry.version += 1
        return entry.reach

    def _write(self, entry: _Entry, reach: Reach | None, call: Call) -> None:
        """Notes what a tensor sees after it was written to, and the tensor it is a view of."""
        if reach is entry.reach:
            return
        entry.reach = reach
        entry.version += 1
        if entry.parent is None or entry.call is None:
            return
        whole = self._written(entry.parent, entry.call, reach, call)
        self._write(entry.parent, whole, call)
        entry.seen_version = entry.parent.version

    def _written(self, base: _Entry, view: Call, reach: Reach | None, call: Call) -> Reach | None:
        shape = base.tensor.shape
        part = reach or Reach.of_nothing(view.out.shape, self.axes)
        whole = self._current(base) or Reach.of_nothing(shape, self.axes)
        if view.name in ("aten.slice", "aten.select"):
            dim = view["dim"] % len(shape)
            if view.name == "aten.select":
                sides = list(part.shape)
                part = part.reshape([*sides[:dim], 1, *sides[dim:]])
                start, step = view["index"] % shape[dim], 1
            else:
                start, step = slice(view["start"], view["end"]).indices(shape[dim])[0], view["step"]
            if step == 1:
                end = start + part.shape[dim]
                before = whole.gather(dim, steps(start, 0)) if start else None
                after = (
                    whole.gather(dim, steps(shape[dim] - end, end)) if end < shape[dim] else None
                )
                return cat([p for p in (before, part, after) if p is not None], dim)
            spread = transposed_window(shape[dim], 1, step, -start, 1)
            if spread.inside.max() < part.shape[dim]:
                kept = whole.gather(dim, others(shape[dim], start, step))
                return union([kept, part.gather(dim, spread)], shape)
        elif view.name in ("aten.alias", "aten.detach"):
            return part
        elif view.name in ("aten.view", "aten._unsafe_view", "aten.unsqueeze", "aten.squeeze"):
            return part.reshape(shape)
        raise UnknownOperationError(
            f"{self.place()}{call.name} writes through {view.name}, which is not followed: "
            "write to a copy (.clone()) instead"
        )

    def _log(self, call: Call, before: list[Reach], found: list[Any]) -> None:
        """Adds a row to the table where the field changes or branches meet."""
        made = next((reach for reach in found if reach is not None), None)
        if made is None or made.sees_nothing:
            return
        name, module = self._modules[-1] if self._modules else ("", None)
        known = [reach for reach in before if not reach.sees_nothing]
        off = misalignment(known) if _meet(call, known) else 0.0
        note = call.note
        if off > 1e-9:
            note = f"centres differ by {off:g} pixels"
            self.misaligned.append(f"{self.place()}{call.name}: {note}")
        row = summary(made)
        if not note and len(known) == 1 and row == summary(known[0]):
            return
        if (
            not note
            and not call.detail
            and len(known) > 1
            and all(row == summary(k) for k in known)
        ):
            return
        leaf = module is not None and not any(True for _ in module.children())
        operation = type(module).__name__ if leaf else call.name.removeprefix("aten.")
        out = next(t for t in _as_list(call.out, call.out) if isinstance(t, Tensor))
        self.layers.append(Layer(name, operation, call.detail, tuple(out.shape[2:]), *row, note))


ACTIVATIONS = {
    *("relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus"),
    *("sigmoid", "tanh", "hardtanh", "hardswish", "hardsigmoid", "log_sigmoid", "hardshrink"),
    *("softshrink", "relu6", "threshold"),
}
MEETINGS = ("aten.add", "aten.sub", "aten.mul", "aten.cat", "aten.maximum", "aten.minimum")


def _outcome(func: Any, args: Any, kwargs: Any) -> Any:
    """Runs an operation, so that whole numbers keep their data: they may be indices.

    Of an activation only the shape matters, which is its input's: without data torch runs
    activations through its compiler, whose import takes seconds.
    """
    name = func.overloadpacket.__name__
    if str(kwargs.get("device")) == "meta" and not any(_is_meta(a) for a in tree_leaves(args)):
        here = func(*args, **{**kwargs, "device": "cpu"})
        if not (here.is_floating_point() or here.is_complex()):
            return here
    if name.rstrip("_") in ACTIVATIONS and isinstance(args[0], Tensor) and args[0].is_meta:
        return args[0] if name.endswith("_") else torch.empty_like(args[0])
    return func(*args, **kwargs)


def _is_meta(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _meet(call: Call, reaches: list[Reach]) -> bool:
    """Tells whether branches meet here, rather than lie beside one another in space."""
    if len(reaches) < 2 or call.name.rstrip("_") not in MEETINGS:
        return False
    if call.name != "aten.cat":
        return True
    return not any(span.runs(reach.axis(call["dim"])) for reach in reaches for span in reach.field)


def _without_data(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_meta else torch.empty_like(tensor, device="meta")


def _named(schema: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    made = {}
    for place, argument in enumerate(schema.arguments):
        if place < len(args):
            made[argument.name] = args[place]
        elif argument.name in kwargs:
            made[argument.name] = kwargs[argument.name]
        else:
            made[argument.name] = argument.default_value if argument.has_default_value() else None
    return made


def _as_list(value: Any, out: Any) -> list[Any]:
    """Writes what an operation or a rule gives as a list as long as the operation's outputs."""
    count = len(out) if isinstance(out, list | tuple) else 1
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values + [None] * (count - len(values))


def _nothing(_: object) -> None:
    """Gives None, which leaves a module's output as it is."""
