"""envoy/envoy-wasm.yaml, a gateway of filters only, as it stands: on other ports, before scripted providers."""

import json

import pytest
import stack
import yaml
from clients import Clients
from conftest import CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY
from inside import CHAT, FILTERS, INTERNAL, MESSAGES, body, say

SAMPLE = stack.ROOT / "envoy/envoy-wasm.yaml"


class Sample(Clients):
    def __init__(self, folder):
        self.sims = {name: stack.Simulator(name, folder) for name in ("openai", "anthropic")}
        port, admin = stack.free_port(), stack.free_port()
        envoy = yaml.safe_load(SAMPLE.read_text())
        envoy["admin"]["address"]["socket_address"]["port_value"] = admin
        envoy["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = port
        for cluster in envoy["static_resources"]["clusters"]:
            del cluster["transport_socket"]
            (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
            address = {"address": "127.0.0.1", "port_value": self.sims[cluster["name"]].port}
            endpoint["endpoint"]["address"]["socket_address"] = address
        path = folder / "envoy.yaml"
        path.write_text(yaml.safe_dump(envoy).replace("target/wasm-filters", str(FILTERS)))
        keys = {"OPENAI_API_KEY": OPENAI_KEY, "ANTHROPIC_API_KEY": CLAUDE_KEY}
        argv = [stack.envoy_binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
        argv += ["--file-flush-interval-msec", "50"]
        self.envoy = stack.Process("envoy", argv, folder, env=keys)
        self.admin = f"http://127.0.0.1:{admin}"
        self.envoy.wait_for(lambda: stack.get(f"{self.admin}/ready").startswith(b"LIVE"), "answer of Envoy's /ready", 60)
        super().__init__(f"http://127.0.0.1:{port}")

    def stop(self) -> None:
        self.close()
        for process in (self.envoy, *self.sims.values()):
            process.stop()


@pytest.fixture(scope="module")
def _sample(tmp_path_factory):
    started = Sample(tmp_path_factory.mktemp("sample"))
    yield started
    started.stop()


@pytest.fixture
def sample(_sample):
    for simulator in _sample.sims.values():
        simulator.reset()
    return _sample


def came(sample, name: str, path: str) -> dict:
    """The one request that a provider got: with the gateway's key, and with nothing of the client's or of ours."""
    (request,) = sample.sims[name].requests()
    headers = dict(request["headers"])
    key = headers.pop("authorization", None) or headers.pop("x-api-key")
    assert (request["path"], key) == (path, f"Bearer {OPENAI_KEY}" if name == "openai" else CLAUDE_KEY)
    assert CLIENT_KEY not in str(request["headers"]) and not set(INTERNAL) & set(headers)
    return json.loads(request["body"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("model", "name", "path"), [("gpt-4o", "openai", CHAT), ("claude-haiku-4-5", "anthropic", MESSAGES)])
class TestEveryClientBeforeEveryProvider:
    def test_openai_s_sdk(self, sample, stream, model, name, path):
        answer = sample.openai.chat.completions.create(model=model, messages=say("hi"), max_tokens=50, stream=stream)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
        else:
            text = answer.choices[0].message.content
        assert text == "You said: hi"
        assert "Answer briefly." in str(came(sample, name, path))

    def test_anthropic_s_sdk(self, sample, stream, model, name, path):
        asked = {"model": model, "max_tokens": 50, "messages": say("hi")}
        if stream:
            with sample.anthropic.messages.stream(**asked) as events:
                answer = events.get_final_message()
        else:
            answer = sample.anthropic.messages.create(**asked)
        assert answer.content[0].text == "You said: hi"
        assert "Answer briefly." in str(came(sample, name, path))


def test_a_retried_request_is_the_same_one(sample):
    sample.sims["anthropic"].queue({"status": 503}, {})
    answer = sample.openai.chat.completions.create(model="claude-haiku-4-5", messages=say("hi"), max_tokens=50)
    assert answer.choices[0].message.content == "You said: hi"
    first, second = sample.sims["anthropic"].requests()
    assert (first["path"], first["body"]) == (second["path"], second["body"]) and first["path"] == MESSAGES


def test_what_nobody_knows_is_not_found(sample):
    assert sample.http.post(CHAT, json=body("hi", model="gemini")).json()["error"]["code"] == "model_not_found"
    for headers in ({}, {"x-attache-route": "openai"}):
        answer = sample.http.get("/v1/files", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert [simulator.requests() for simulator in sample.sims.values()] == [[], []]


def test_tokens_and_their_price_are_in_the_access_log(sample):
    """It reads what the others left, too."""
    sample.openai.chat.completions.create(model="claude-haiku-4-5", messages=say("hi"), max_tokens=50)
    said = lambda: [json.loads(line) for line in sample.envoy.out().splitlines() if '"claude-haiku-4-5"' in line]
    *_, line = stack.wait_until(said, "line of the access log")
    assert (line["cluster"], line["provider"], line["status"]) == ("anthropic", "anthropic", 200)
    assert int(line["input_tokens"]) > 0 and int(line["output_tokens"]) > 0 and int(line["cost_nanos"]) > 0


def test_counters_have_labels_and_keys_are_not_shown(sample):
    sample.http.post(CHAT, json=body("hi"))
    counted = lambda: 'attache_routed{rule="openai"}' in stack.get(f"{sample.admin}/stats/prometheus").decode()
    stack.wait_until(counted, "counter of the rule")
    shown = stack.get(f"{sample.admin}/config_dump").decode()
    assert OPENAI_KEY not in shown and CLAUDE_KEY not in shown
