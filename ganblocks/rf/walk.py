"""One run through a network on tensors without data, which watches every operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganblocks.errors import UnknownOperationError
from ganblocks.rf.call import Call, Rule, as_list, named_arguments, written_to
from ganblocks.rf.joining import misalignment
from ganblocks.rf.layers import Layer, summary
from ganblocks.rf.reach import Reach
from ganblocks.rf.running import changes_nothing, run_without_data
from ganblocks.rf.tracking import Tracker


@dataclass
class Walk(TorchDispatchMode):  # type: ignore[misc]
    """Follows what every tensor sees while a network runs."""

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
        self.tracker = Tracker(self.axes)
        self._modules: list[tuple[str, nn.Module]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spares the import of torch's compiler, which takes seconds and has no part in this."""
        return False

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

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and applies its rule."""
        kwargs = kwargs or {}
        if changes_nothing(func, args):
            return args[0]
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        out = run_without_data(func, args, kwargs)
        before = [reach for t in tensors if (reach := self.tracker.reach(t)) is not None]
        views = any(r.alias_info and not r.alias_info.is_write for r in func._schema.returns)
        if not before and not views:
            return out
        self.applying = True  # what goes wrong from here on is no fault of the network's
        call = Call(
            self, str(func.overloadpacket), named_arguments(func._schema, args, kwargs), out
        )
        target = written_to(func._schema, args, kwargs)
        rule = self._rule(func) if before else self.rules.get(func.overloadpacket)
        found = as_list(rule(call), out) if before and rule else [None] * len(as_list(out, out))
        if target is not None:
            self.tracker.write(target, found[0], call)
            out = target
        elif views and rule:
            self.tracker.keep_views(as_list(out, out), found, tensors[0], call, rule)
        else:
            self.tracker.keep(as_list(out, out), found)
        if before:
            self._log(call, before, found)
        self.applying = False
        return out

    def _rule(self, func: Any) -> Rule:
        packet = func.overloadpacket
        if packet not in self.rules and packet.__name__.endswith("_"):
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

    def _log(self, call: Call, before: list[Reach], found: list[Any]) -> None:
        """Adds a row to the table where the field changes or branches meet."""
        made = next((reach for reach in found if reach is not None), None)
        if made is None or made.sees_nothing:
            return
        known = [reach for reach in before if not reach.sees_nothing]
        off = misalignment(known) if _meet(call, known) else 0.0
        if off > 1e-9:
            call.note = f"centers differ by {off:g} pixels"
            self.misaligned.append(f"{self.place()}{call.name.removeprefix('aten.')}: {call.note}")
        row = summary(made)
        changed = any(row != summary(reach) for reach in known)
        if not (changed or call.note or (call.detail and len(known) > 1)):
            return
        name, module = self._modules[-1] if self._modules else ("", None)
        leaf = module is not None and not any(True for _ in module.children())
        operation = type(module).__name__ if leaf else call.name.removeprefix("aten.")
        out = next(t for t in as_list(call.out, call.out) if isinstance(t, Tensor))
        self.layers.append(
            Layer(name, operation, call.detail, tuple(out.shape[2:]), *row, call.note)
        )


MEETINGS = ("aten.add", "aten.sub", "aten.mul", "aten.cat", "aten.maximum", "aten.minimum")


def _meet(call: Call, reaches: list[Reach]) -> bool:
    """Tells whether branches meet here, rather than lie beside one another in space."""
    if len(reaches) < 2 or call.name.rstrip("_") not in MEETINGS:
        return False
    if call.name != "aten.cat":
        return True
    return not any(span.runs(reach.axis(call["dim"])) for reach in reaches for span in reach.field)


def _nothing(_: object) -> None:
    """Returns None, which leaves a module's output as it is."""
