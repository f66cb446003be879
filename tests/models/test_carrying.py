from __future__ import annotations

import pytest
import torch
from torch import nn

from spikefill import InputError, models
from spikefill.models.carrying import Potentials, carrying
from spikefill.neurons import LIF


class Twice(nn.Module):
    """A layer of neurons that is called twice for a picture, with other currents."""

    def __init__(self, **neuron: object) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.neuron = LIF(backend="reference", **neuron)  # type: ignore[arg-type]

    def forward(self, masked: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.neuron(masked), self.neuron(self.scale * masked)])


SOFT = {"steps": 1, "beta": 1.0, "reset": "soft", "v_init": 0.5}


def rates(model: nn.Module, current: float, pictures: int) -> list[list[float]]:
    potentials = Potentials()
    network = carrying(model, potentials)
    found = []
    for _ in range(pictures):
        potentials.begin()
        found.append(network(torch.tensor([current]), torch.zeros(1)).flatten().tolist())
    return found


def test_each_call_goes_on_from_its_own_potential():
    # 0.25 from 0.5: 0.75, 1.0 and a spike, 0.25, 0.5, 0.75, 1.0; and 0.5 from 0.5: 1.0 and a spike, 0.5, 1.0, ...
    assert rates(Twice(**SOFT), 0.25, 6) == [[0, 1], [1, 0], [0, 1], [0, 0], [0, 1], [1, 0]]


def test_potentials_stay_between_reset_and_threshold():
    model = Twice(**SOFT)
    potentials = Potentials()
    network = carrying(model, potentials)
    for current in (-50.0, 50.0):
        potentials.begin()
        network(torch.tensor([current]), torch.zeros(1))
    assert [state.v.tolist() for state in potentials.states] == [[1.0], [1.0]]
    potentials.begin()
    network(torch.tensor([-50.0]), torch.zeros(1))
    assert [state.v.tolist() for state in potentials.states] == [[0.0], [0.0]]


def test_synapse_and_refractory_steps_are_carried_as_well():
    model = Twice(steps=2, tau=2.0, tau_syn=3.0, refractory=3, threshold=0.2)
    potentials = Potentials()
    network = carrying(model, potentials)
    current = torch.tensor([1.0])
    network(current, current)
    neuron = model.neuron
    _, after = neuron(current, return_state=True)
    assert potentials.states[0].synapse.equal(after.synapse)
    assert potentials.states[0].refractory.equal(after.refractory)
    assert potentials.states[0].refractory.item() > 0


def test_the_network_stays_as_it_is_and_shares_its_weights():
    model = Twice(**SOFT)
    network = carrying(model, Potentials())
    assert type(model.neuron) is LIF
    (shared,) = network.parameters()
    assert shared is model.scale


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: models.create("hybrid", size="tiny", activation="relu"), "has no neurons"),
        (lambda: models.create("gated-unet"), "has no neurons"),
        (lambda: models.create("spiking-unet", width=4, widest=4, depth=1), "a streaming one"),
        (lambda: models.create("hybrid", size="tiny", streaming={}), "streaming"),
    ],
)
def test_networks_that_carry_nothing_are_refused(model, says):
    with pytest.raises(InputError, match=says):
        carrying(model(), Potentials())
