"""The service over the network: health, restarts, and replicas that each see only a part of an exchange."""

import json
import re
import signal
import threading

import conftest
import httpx
import pytest
import stack
import yaml
from wire import ask as ask_wire

pytestmark = pytest.mark.timeout(120)


def endpoint(port: int) -> dict:
    return {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}


def cluster_of(bootstrap: dict, name: str) -> dict:
    return next(cluster for cluster in bootstrap["static_resources"]["clusters"] if cluster["name"] == name)


class Replicas:
    """A gateway in the shared topology, and a second service beside its own. `wire` says how Envoy finds the second."""

    def __init__(self, folder, wire):
        self.ports = [stack.free_port(), stack.free_port()]
        self.stack = conftest.Stack(
            folder,
            "shared",
            grpc=f"127.0.0.1:{self.ports[0]}",
            edit_bootstrap=lambda text: yaml.safe_dump(wire(yaml.safe_load(text), self.ports[1])),
        )
        self.gateway = self.stack.gateway
        self.admin_port = stack.free_port()
        text = self.gateway.config_path.read_text()
        text = text.replace(self.gateway.grpc, f"127.0.0.1:{self.ports[1]}")
        path = folder / "second.yaml"
        path.write_text(text.replace(f"127.0.0.1:{self.gateway.admin_port}", f"127.0.0.1:{self.admin_port}"))
        self.second = stack.Process("second", [stack.binary("attache"), "serve", "--config", path], folder)
        for port in self.ports:
            wait_for_health(self.gateway, port, "healthy")

    def stop(self) -> None:
        self.stack.stop()
        self.second.stop()


def health(gateway: stack.Gateway, port: int) -> str:
    """What Envoy thinks of the service at this port."""
    clusters = stack.get(f"http://127.0.0.1:{gateway.envoy_admin_port}/clusters").decode()
    (flags,) = re.findall(rf"^attache\w*::127.0.0.1:{port}::health_flags::(.*)$", clusters, re.MULTILINE)
    return "healthy" if flags == "healthy" else "unhealthy"


def wait_for_health(gateway: stack.Gateway, port: int, expected: str) -> None:
    stack.wait_until(lambda: health(gateway, port) == expected, f"{expected} service at {port}")


def with_second_for_attempts(bootstrap: dict, port: int) -> dict:
    """The exchange stage asks the first replica, the attempt stage the second."""
    clusters = bootstrap["static_resources"]["clusters"]
    second = json.loads(json.dumps(cluster_of(bootstrap, "attache")))
    second["name"] = second["load_assignment"]["cluster_name"] = "attache_second"
    second["load_assignment"]["endpoints"] = [{"lb_endpoints": [endpoint(port)]}]
    text = json.dumps(clusters)
    before = '"envoy_grpc": {"cluster_name": "attache"}'
    assert before in text
    clusters = json.loads(text.replace(before, '"envoy_grpc": {"cluster_name": "attache_second"}'))
    bootstrap["static_resources"]["clusters"] = [*clusters, second]
    return bootstrap


def with_both_behind_one_name(bootstrap: dict, port: int) -> dict:
    cluster_of(bootstrap, "attache")["load_assignment"]["endpoints"][0]["lb_endpoints"].append(endpoint(port))
    return bootstrap


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    started = Replicas(tmp_path_factory.mktemp("apart"), with_second_for_attempts)
    yield started
    started.stop()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("front", ["openai", "anthropic"])
def test_failover_works_though_the_stages_land_on_different_replicas(apart, front, stream):
    apart.stack.reset()
    apart.stack.openai_sim.queue({"status": 503})
    answer = ask_wire(apart.stack, front, "fast", stream)
    assert (answer.text, answer.provider, answer.attempts) == ("You said: hello", "claude", 2)
    record = apart.gateway.record(answer.request_id)
    assert [attempt["provider"] for attempt in record["attempts"]] == ["openai", "claude"]
    # The other one has seen attempts only: it books no exchange.
    assert apart.second.out() == ""


@pytest.fixture
def together(tmp_path):
    started = Replicas(tmp_path, with_both_behind_one_name)
    yield started
    started.stop()


def test_a_rolling_restart_is_not_noticed_by_clients(together):
    """One replica drains and another takes over, under steady traffic."""
    done, answers = threading.Event(), []

    def traffic() -> None:
        with httpx.Client(base_url=together.stack.base, timeout=30) as client:
            while not done.is_set():
                question = {"model": "openai-only", "messages": [{"role": "user", "content": "hello"}]}
                answers.append(client.post("/v1/chat/completions", json=question))

    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for process, port in ((together.gateway.attache, together.ports[0]), (together.second, together.ports[1])):
            process.child.send_signal(signal.SIGTERM)
            assert process.child.wait(30) == 0
            wait_for_health(together.gateway, port, "unhealthy")
            process.start()
            wait_for_health(together.gateway, port, "healthy")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    failed = [answer.text for answer in answers if answer.status_code != 200]
    assert len(answers) > 50 and failed == [], f"{len(failed)} of {len(answers)} failed: {failed[:1]}"


def test_a_service_that_is_killed_is_found_sick_and_after_its_restart_healthy(start):
    port = stack.free_port()
    here = start("shared", grpc=f"127.0.0.1:{port}")
    wait_for_health(here.gateway, port, "healthy")
    assert ask_wire(here, "openai", "claude-only", False).text == "You said: hello"
    here.gateway.attache.stop(signal.SIGKILL)
    wait_for_health(here.gateway, port, "unhealthy")
    refused = ask_wire(here, "anthropic", "claude-only", False)
    assert (refused.status, json.loads(refused.body)["error"]["type"]) == (503, "api_error")
    here.gateway.attache.start()
    wait_for_health(here.gateway, port, "healthy")
    assert ask_wire(here, "openai", "claude-only", True).text == "You said: hello"
