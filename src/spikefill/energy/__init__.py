"""What a network with neurons would cost in hardware: counted operations and bytes times a table of costs, estimated.

    document = measure(models.read("hybrid"), data.open_photographs("embedded"))
    write_report(document, "report")

Beside it always its twins without time: with ReLU, and with activations quantised to the neurons' levels, which give
the same result. It needs the extra ``eval``: ``pip install 'spikefill[eval]'``.
"""

from spikefill.energy.costs import HOROWITZ, PRECISIONS, Costs, read_costs
from spikefill.energy.counting import count
from spikefill.energy.ledger import Work, break_even, designs, weighted_rate
from spikefill.energy.operations import Analog, Convolution, Neurons, Operations, fan_out
from spikefill.energy.plots import PLOTS
from spikefill.energy.protocol import DEFINITIONS, measure
from spikefill.energy.report import PAGE, check_report, write_report
from spikefill.energy.tables import Table, tables
from spikefill.energy.twins import relu_twin

__all__ = [
    "DEFINITIONS",
    "HOROWITZ",
    "PAGE",
    "PLOTS",
    "PRECISIONS",
    "Analog",
    "Convolution",
    "Costs",
    "Neurons",
    "Operations",
    "Table",
    "Work",
    "break_even",
    "check_report",
    "count",
    "designs",
    "fan_out",
    "measure",
    "read_costs",
    "relu_twin",
    "tables",
    "weighted_rate",
    "write_report",
]
