"""Which parameter does a tensor belong to, also where weights come from disk for each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from swa.models.discovery.layers import layer_lists
from swa.models.discovery.matmuls import storage_of


class ParameterOwners:
    """Finds the parameter behind an operand.

    Resident parameters are found by their storage. Weights that are read from disk exist only while their module or
    its layer runs; they are sought among the parameters of what is running.
    """

    def __init__(self, model: nn.Module) -> None:
        self._resident: dict[int, tuple[str, str, Tensor]] = {}
        self._running: list[tuple[str, nn.Module]] = []
        for path, module in model.named_modules():
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.device.type != "meta":
                    self._resident.setdefault(storage_of(parameter), (path, name, parameter))

    def find(self, tensor: Tensor) -> tuple[str, str, Tensor] | None:
        """Module path, parameter name and parameter that `tensor` is a view of, or `None`."""
        address = storage_of(tensor)
        if address in self._resident:
            return self._resident[address]
        for path, module in reversed(self._running):
            for name, parameter in module.named_parameters():
                if parameter.device.type != "meta" and storage_of(parameter) == address:
                    owner, _, last = f"{path}.{name}".rpartition(".")
                    return owner, last, parameter
        return None

    @classmethod
    @contextmanager
    def watching(cls, model: nn.Module) -> Iterator[ParameterOwners]:
        """Owners of a model's parameters while it runs forward passes in this context."""
        owners = cls(model)
        with ExitStack() as stack:
            layers = {id(layer) for some in layer_lists(model).values() for layer in some}
            for path, module in model.named_modules():
                parameters = module.parameters(recurse=id(module) in layers)
                if any(parameter.device.type == "meta" for parameter in parameters):
                    before = module.register_forward_pre_hook(
                        lambda module, _args, path=path: owners._running.append((path, module))
                    )
                    after = module.register_forward_hook(lambda *_: owners._running.pop() and None)
                    stack.callback(before.remove)
                    stack.callback(after.remove)
            yield owners
