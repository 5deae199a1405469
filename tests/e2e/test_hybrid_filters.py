"""The filters' side of the hybrid in a real Envoy: what `model-router` tells a service that sees headers only, how `translate`
follows its plan, and what Envoy's access log then knows. Envoy itself plays the service: the plan comes from the test."""

import copy
import json
import uuid

import pytest
import stack
import yaml
from conftest import CLIENT_KEY
from test_wasm_translate import EXAMPLE, UPSTREAMS, Proxy, manager_of, one_after_the_other, requests_of, say, wasm

CHAT = "/v1/chat/completions"
OPENAI = {"to": "fast/openai/gpt-4o-mini", "provider": "openai", "model": "gpt-4o-mini"}
CLAUDE = {"to": "fast/anthropic/claude-haiku-4-5", "provider": "anthropic", "model": "claude-haiku-4-5"}
KEYS = {"openai": ("authorization", "Bearer key-of-openai"), "anthropic": ("x-api-key", "key-of-anthropic")}
USAGE = {
    "openai": {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020},
    "anthropic": {"input_tokens": 1000, "output_tokens": 20},
}


def mutation(name: str, mutations: list[dict]) -> dict:
    kind = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
    return {"name": name, "typed_config": {"@type": kind, "mutations": {"request_mutations": mutations}}}


def put(name: str, value: str) -> dict:
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


# What the service would say by headers: the test's own plan, and the first target's key in place of the client's.
SERVICE = mutation("service", [
    {"remove": "authorization"}, {"remove": "x-api-key"}, put(*KEYS["openai"]),
    put("x-attache-plan", "%REQ(x-plan)%"), {"remove": "x-plan"}, put("x-asked", "%REQ(x-attache-ask)%"),
])  # fmt: skip


@pytest.fixture(scope="module")
def _proxy(tmp_path_factory):
    """Attempt 1 goes to OpenAI, attempt 2 to Anthropic."""
    folder = tmp_path_factory.mktemp("hybrid")
    simulators = {name: stack.Simulator(name, folder) for name in KEYS}
    envoy = yaml.safe_load(EXAMPLE.read_text())
    manager = manager_of(envoy)
    manager["http_filters"] = [wasm("model-router", {"routes": [], "facts": True}), SERVICE, manager["http_filters"][-1]]
    log = {"id": "%REQ(x-test)%", "status": "%RESPONSE_CODE%", "flags": "%RESPONSE_FLAGS%", "told": "%FILTER_STATE(wasm.attache_usage:PLAIN)%"}
    manager["access_log"][0]["typed_config"]["log_format"]["json_format"] = log
    (host,) = manager["route_config"]["virtual_hosts"]
    host |= {"include_request_attempt_count": True, "routes": [one_after_the_other(KEYS)]}
    (cluster,) = envoy["static_resources"]["clusters"]
    envoy["static_resources"]["clusters"] = [of_provider(cluster, name) for name in KEYS]
    started = Proxy(folder, envoy, simulators)
    yield started
    started.stop()


def of_provider(cluster: dict, name: str) -> dict:
    up = UPSTREAMS[name]
    same = {"name": name, "dialect": up["dialect"], "url": f"http://{name}.example{up['path']}"}
    targets = [same | {"target": target} for target in (OPENAI["to"] if name == "openai" else CLAUDE["to"], f"{name}/*")]
    made = wasm("translate", {"translate": targets, "per_attempt": True, "planned": True})
    # As the attempt stage does for every attempt but the first.
    credentials = mutation("attempt", [{"remove": "authorization"}, put(*KEYS[name])])
    codec = {"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"}
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [
            *([credentials] if name == "anthropic" else []),
            made,
            {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
        ],
    }
    one = copy.deepcopy(cluster) | {"name": name, "per_connection_buffer_limit_bytes": 16777216}
    one["load_assignment"]["cluster_name"] = name
    one["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
    return one


@pytest.fixture
def proxy(_proxy):
    for name, simulator in _proxy.simulators.items():
        simulator.reset()
        simulator.script(usage=USAGE[name])
    return _proxy


def planned(*targets: dict, **more) -> dict:
    """The headers of a client whose request is planned so; it also tries to plan by itself."""
    forged = json.dumps({"targets": [CLAUDE]})
    return {
        "authorization": f"Bearer {CLIENT_KEY}",
        "x-api-key": CLIENT_KEY,
        "x-attache-ask": "forged",
        "x-attache-plan": forged,
        "x-test": str(uuid.uuid4()),
        "x-plan": json.dumps({"targets": targets} | more, separators=(",", ":")),
    }


def told(proxy: Proxy, request) -> tuple[dict, dict]:
    """The line of the access log, and what it knows of the answer."""
    lines = lambda: [line for line in proxy.access_log() if line["id"] == request.headers["x-test"]]
    stack.wait_until(lines, "line of the access log")
    (line,) = lines()
    return line, json.loads(line["told"]) if line.get("told") else {}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_what_is_told(proxy, attempt, front, stream):
    if attempt == 2:
        proxy.simulators["openai"].script(status=503)
    _, path, body, headers = requests_of("fast")[front]
    body |= {"stream": stream}
    answer = proxy.http.post(path, json=body, headers=headers | planned(OPENAI, CLAUDE))
    assert answer.status_code == 200, answer.text
    name, target = ("openai", OPENAI) if attempt == 1 else ("anthropic", CLAUDE)
    shown = [answer.headers[f"x-attache-{what}"] for what in ("provider", "model", "attempts")]
    assert shown == [name, target["model"], str(attempt)]
    assert "completion_tokens" not in answer.text or not stream, "nobody asked for it"

    received = proxy.simulators[name].requests()[-1]
    sent, asked = dict(received["headers"]), json.loads(dict(received["headers"])["x-asked"])
    key, value = KEYS[name]
    (other,) = {"authorization", "x-api-key"} - {key}
    assert (sent[key], sent.get(other)) == (value, None), "the key that the service has set, and no other"
    assert CLIENT_KEY not in json.dumps(received) and not [name for name in sent if name.startswith("x-attache-")]
    assert sent["host"] == f"{name}.example" and int(sent["content-length"]) == received["body_bytes"]
    assert json.loads(received["body"])["model"] == target["model"]

    said = len(answer.request.content)
    expected = {"model": "fast", "stream": stream, "prompt_tokens": said // 4, "bytes": said}
    assert asked == expected | ({"output_max": 50} if front == "anthropic" else {})

    line, known = told(proxy, answer.request)
    assert (line["status"], line["flags"]) == (200, "-")
    assert (known["attempt"], known["done"], known["content"]) == (attempt, True, True)
    assert (known["usage"]["input"], known["usage"]["output"]) == (1000, 20)
    assert "fault" not in known and known["model"] == target["model"]
    assert ("logit_bias" in known.get("losses", [])) == ((attempt, front) == (2, "openai"))


def test_the_client_s_bytes_stay_but_for_what_is_named(proxy):
    body = b'{ "model" : "fast",\n "messages": [{"role":"user","content":"hi"}] , "max_tokens": 900, "temperature": 0.50}'
    headers = planned(OPENAI, output_cap=50) | {"content-type": "application/json"}
    assert proxy.http.post(CHAT, content=body, headers=headers).status_code == 200
    (received,) = proxy.simulators["openai"].requests()
    assert received["body"].encode() == body.replace(b"fast", b"gpt-4o-mini").replace(b"900", b"50")


def test_what_was_delivered_is_known_when_a_client_hangs_up(proxy):
    proxy.simulators["openai"].script(text="many words " * 200, chunks=100, chunk_delay_ms=10)
    asked = {"model": "fast", "messages": say("a"), "stream": True}
    with proxy.http.stream("POST", CHAT, json=asked, headers=planned(OPENAI)) as answer:
        received = b""
        for part in answer.iter_raw():
            received += part
            if len(received) > 6000:
                break
    line, known = told(proxy, answer.request)
    assert line["flags"] == "DC" and not known["done"] and known["content"] and "usage" not in known
    bytes_of_text = sum(
        len(json.loads(event[6:])["choices"][0]["delta"].get("content") or "")
        for event in received.decode().split("\n\n")
        if event.startswith("data: {") and event.endswith("}")
    )
    assert bytes_of_text / 4 * 0.7 - 20 < known["output"], (bytes_of_text, known)


@pytest.mark.parametrize("plan", [
    [OPENAI | {"to": "fast/openai/gpt-4o"}, CLAUDE],
    [OPENAI | {"provider": "anthropic"}, CLAUDE],
    [CLAUDE, OPENAI],
    [],
], ids=["unknown", "another-name", "another-provider", "empty"])  # fmt: skip
def test_a_plan_that_does_not_fit_reaches_nobody(proxy, plan):
    answer = proxy.http.post(CHAT, json={"model": "fast", "messages": say("a")}, headers=planned(*plan))
    assert not any(simulator.requests() for simulator in proxy.simulators.values())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "attempt_refused")


def test_what_goes_wrong_is_told(proxy):
    for simulator in proxy.simulators.values():
        simulator.script(status=529, error_message="busy")
    answer = proxy.http.post(CHAT, json={"model": "fast", "messages": say("a")}, headers=planned(OPENAI, CLAUDE))
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "busy")
    _, known = told(proxy, answer.request)
    assert (known["attempt"], known["fault"], known["done"]) == (2, "overloaded", False)
    answer = proxy.http.post(CHAT, content=b"{not json", headers=planned(OPENAI))
    assert answer.status_code == 400 and told(proxy, answer.request)[1] == {}, "it went nowhere"
