"""The experiments that answer what an expert objects to in the paper, each run again with one command.

    plans = [plan("leakage", quick=True)]
    reproduce(plans, folder="experiments")

It needs the extras ``train`` and ``eval``: ``pip install 'spikefill[train,eval]'``.
"""

from spikefill.reproduce.catalogue import NAMES, find
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.findings import Answer, Findings, Plot, Table
from spikefill.reproduce.objections import OBJECTIONS
from spikefill.reproduce.runner import Plan, plan, reproduce
from spikefill.reproduce.trials import Context, Done, Trial

__all__ = [
    "NAMES",
    "OBJECTIONS",
    "Answer",
    "Context",
    "Done",
    "Experiment",
    "Findings",
    "Plan",
    "Plot",
    "Table",
    "Trial",
    "find",
    "plan",
    "reproduce",
]
