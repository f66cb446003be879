"""What an expert objects to in the paper, by number; each experiment says which of these it answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OBJECTIONS: Mapping[int, str] = MappingProxyType(
    {
        1: "The validation loss is nine times below the training loss.",
        2: "Table 2 sets a training loss beside other papers' figures, from other data and in other units.",
        3: "The mean squared error over the whole image is mostly that of untouched pixels.",
        4: "There is no trivial baseline.",
        5: "There is no ablation: the same graph with ReLU, or with a rounded activation of as many levels.",
        6: "Temporal dynamics are claimed for a still image.",
        7: "The receptive field is 13 x 13: more than 6 px inside a hole the network sees nothing.",
        8: "What lies under the mask may leak into the result.",
        9: "It is not shown that the noise helps.",
        10: "The energy is asserted, not counted.",
    }
)
