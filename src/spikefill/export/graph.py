"""An ONNX graph in the making: operators and weights are added one after the other, and come out as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

OPSET = 18
"""Version of ONNX's operators; ONNX Runtime reads it since 1.14."""

IR_VERSION = 8
"""Version of the file format that goes with it."""

Input = str | float | list[int] | list[float]
"""What an operator takes: the name of a value, a number (a float32 of no dimension), a list of int64 or of float32."""


class Graph:
    """Operators in the order in which they are added. Values are known by their names."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._stored: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: Input, name: str | None = None, **attributes: Any) -> str:
        """Adds an operator with one result.

        Args:
            operator: Its ONNX name.
            inputs: What it takes.
            name: The name of the result; None makes one.
            **attributes: Of the operator.

        Returns:
            The name of the result.
        """
        result = name or f"{operator.lower()}_{len(self._nodes)}"
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operator, names, [result], name=result, **attributes))
        return result

    def weight(self, name: str, value: Tensor) -> str:
        """Stores a tensor in float32, once for each name."""
        if name not in self._stored:
            self._stored[name] = numpy_helper.from_array(value.detach().float().cpu().contiguous().numpy(), name)
        return name

    def double(self, value: float) -> str:
        """Stores a number in double precision."""
        name = f"double {value}"
        self._stored.setdefault(name, numpy_helper.from_array(np.asarray(value, np.float64), name))
        return name

    def _constant(self, value: float | list[int] | list[float]) -> str:
        whole = isinstance(value, list) and isinstance(value[0], int)
        array = np.asarray(value, np.int64 if whole else np.float32)
        name = f"constant {value}"
        self._stored.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def model(
        self,
        name: str,
        inputs: Mapping[str, Sequence[int | str]],
        outputs: Mapping[str, Sequence[int | str]],
        metadata: Mapping[str, str],
    ) -> onnx.ModelProto:
        """The finished model, checked by ONNX with the shapes that follow.

        Args:
            name: Of the graph.
            inputs: Names and shapes, float32; a name in a shape is a length that may differ from call to call.
            outputs: Likewise.
            metadata: Text that the file carries.
        """
        takes, gives = (
            [helper.make_tensor_value_info(one, TensorProto.FLOAT, shape) for one, shape in values.items()]
            for values in (inputs, outputs)
        )
        graph = helper.make_graph(self._nodes, name, takes, gives, list(self._stored.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="spikefill",
            producer_version=metadata.get("spikefill_version", ""),
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
