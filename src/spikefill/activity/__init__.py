"""What the neurons of a network do while it restores a picture: how often, when first, and step by step.

    activity = record(model, masked, mask)          # rates and counts of every layer, at every level of the picture
    traces = trace(model, masked, mask, (64, 64))   # membranes and spikes at one pixel

Forward hooks look on; what the network computes stays the same, bit for bit.
"""

from spikefill.activity.layers import Call, SpikingLayer, spiking_layers
from spikefill.activity.places import telling_pixels
from spikefill.activity.recording import Activity, LayerActivity, record
from spikefill.activity.tracing import Trace, trace
from spikefill.activity.watching import Levels, watching

__all__ = [
    "Activity",
    "Call",
    "LayerActivity",
    "Levels",
    "SpikingLayer",
    "Trace",
    "record",
    "spiking_layers",
    "telling_pixels",
    "trace",
    "watching",
]
