"""What the service says of itself, to people, to clients and to what watches it."""

from __future__ import annotations

import re

import httpx

import spikefill

from .running import Running


def test_the_model(client: httpx.Client, weights: str) -> None:
    info = client.get("/api/v1/model").json()
    assert (info["name"], info["model_type"], info["need_prompt"]) == ("model.safetensors", "inpaint", False)
    assert weights not in str(info)  # folders of this machine stay here


def test_the_configuration(client: httpx.Client) -> None:
    config = client.get("/api/v1/server-config").json()
    assert [model["name"] for model in config["modelInfos"]] == ["model.safetensors"]
    assert (config["plugins"], config["samplers"], config["disableModelSwitch"]) == ([], [], True)
    assert (config["largestMegabytes"], config["largestMegapixels"], config["seconds"]) == (12, 4, 4)
    assert config["version"] == spikefill.__version__


def test_it_lives_and_is_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_its_page_of_the_interface_comes_from_itself(client: httpx.Client) -> None:
    page = client.get("/docs").text
    addresses = re.findall(r"""(?:src|href)="([^"]*)\"""", page)
    assert len(addresses) == 3
    for address in addresses:
        assert address.startswith(("/", "data:"))
        if address.startswith("/"):
            assert client.get(address).status_code == 200
    assert "http://" not in page
    assert "https://" not in page


def test_its_figures(client: httpx.Client, service: Running) -> None:
    def figures() -> dict[str, float]:
        lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    name = 'spikefill_http_answers_total{path="/api/v1/inpaint",status="415"}'
    before = figures().get(name, 0)
    client.post("/api/v1/inpaint")
    after = figures()
    assert after[name] == before + 1
    assert after["spikefill_tasks_waiting"] == after["spikefill_tasks_busy"] == 0
    assert after["spikefill_process_restarts_total"] == service.workers.restarts
    assert 'spikefill_http_seconds_count{path="/api/v1/inpaint"}' in after
    client.get("/api/v1/thought-up")
    assert "thought-up" not in client.get("/metrics").text
