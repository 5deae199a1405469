"""Translation and usage inside Envoy: the filters `translate` and `usage`, and that both hosts of `core` do the same."""

import copy
import json
import os
import pathlib
import re
import subprocess
import time

import httpx
import openai
import pytest
import stack
import yaml
from clients import CLIENT_KEY, Clients
from rules import metric
from test_wasm import FILTERS, configuration

EXAMPLE = stack.ROOT / "examples/wasm/translate.yaml"
KEY = "sk-ant-secret-of-the-gateway"

# Who serves, in the words of both configurations.
UPSTREAMS = {
    "openai": {"dialect": "openai", "path": "/v1", "model": "gpt-4o-mini", "header": "authorization", "key": "Bearer k"},
    "anthropic": {"dialect": "anthropic", "path": "", "model": "claude-haiku-4-5", "header": "x-api-key", "key": "k"},
    "gemini": {"dialect": "gemini", "path": "/v1beta", "model": "gemini-2.5-flash", "header": "x-goog-api-key", "key": "k"},
    "responses": {"dialect": "responses", "path": "/v1", "model": "gpt-4o-mini", "header": "authorization", "key": "Bearer k"},
    "cohere": {"dialect": "cohere", "path": "", "model": "command-a-03-2025", "header": "authorization", "key": "Bearer k"},
    "converse": {"dialect": "converse", "path": "", "model": "anthropic.claude-x", "header": "authorization", "key": "Bearer k"},
}
TOOL = {"name": "look", "description": "Looks", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}


def requests_of(model: str) -> dict[str, tuple[str, dict, dict]]:
    """How each front asks the same: path of a whole answer, of a stream, body, headers."""
    said = [{"role": "user", "content": "Héllo, \"you\""}]
    tools = [{"type": "function", "function": TOOL}]
    claude_tools = [{"name": "look", "description": "Looks", "input_schema": TOOL["parameters"]}]
    chat = {"model": model, "messages": said, "temperature": 0.5, "tools": tools, "logit_bias": {"1": 2}}
    claude = {"model": model, "max_tokens": 50, "system": "Be brief.", "messages": said, "tools": claude_tools}
    gemini = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": {"maxOutputTokens": 50}}
    converse = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}], "inferenceConfig": {"maxTokens": 50}}
    version = {"anthropic-version": "2023-06-01"}
    google = f"/v1beta/models/{model}"
    return {
        "openai": ("/v1/chat/completions", "/v1/chat/completions", chat, {}),
        "anthropic": ("/v1/messages?beta=true", "/v1/messages", claude, version | {"anthropic-beta": "b-1"}),
        "responses": ("/v1/responses", "/v1/responses", {"model": model, "input": "Hello", "store": False}, {}),
        "completions": ("/v1/completions", "/v1/completions", {"model": model, "prompt": "Hello", "max_tokens": 20}, {}),
        "gemini": (f"{google}:generateContent", f"{google}:streamGenerateContent?alt=sse", gemini, {}),
        "converse": (f"/model/{model}/converse", f"/model/{model}/converse-stream", converse, {}),
        "cohere": ("/v2/chat", "/v2/chat", {"model": model, "messages": said}, {}),
    }


FRONTS = list(requests_of(""))
IN_THE_PATH = ("gemini", "converse")


def wasm(name: str, written: dict, policy: str = "FAIL_RELOAD") -> dict:
    """A filter of Envoy's configuration."""
    code = FILTERS / f"{name}.wasm"
    assert code.exists(), f"{code} is missing; run `make wasm`"
    value = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": json.dumps(written)}
    config = {
        "name": name,
        "allow_on_headers_stop_iteration": True,
        "failure_policy": policy,
        "vm_config": {"vm_id": name, "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(code)}}},
        "configuration": value,
    }
    kind = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
    return {"name": name, "typed_config": {"@type": kind, "config": config}}


class Proxy(Clients):
    """An Envoy from the example's, and whoever serves behind it."""

    def __init__(self, folder: pathlib.Path, envoy: dict, simulators: dict[str, stack.Simulator]):
        self.simulators, self.port, self.admin_port = simulators, stack.free_port(), stack.free_port()
        envoy["admin"]["address"]["socket_address"]["port_value"] = self.admin_port
        (listener,) = envoy["static_resources"]["listeners"]
        listener["address"]["socket_address"]["port_value"] = self.port
        for cluster in envoy["static_resources"]["clusters"]:
            cluster.pop("transport_socket", None)
            (group,) = cluster["load_assignment"]["endpoints"]
            address = {"address": "127.0.0.1", "port_value": simulators[cluster["name"]].port}
            group["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] = address
        path = folder / "envoy.yaml"
        path.write_text(yaml.safe_dump(envoy))
        argv = [stack.envoy_binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart"]
        argv += ["--log-level", "warning", "--file-flush-interval-msec", "50"]
        self.envoy = stack.Process("envoy", argv, folder, {"ANTHROPIC_API_KEY": KEY})
        ready = f"http://127.0.0.1:{self.admin_port}/ready"
        self.envoy.wait_for(lambda: stack.get(ready).startswith(b"LIVE"), "answer of Envoy's /ready", 60)
        super().__init__(f"http://127.0.0.1:{self.port}")

    def metrics(self) -> str:
        return stack.get(f"http://127.0.0.1:{self.admin_port}/stats/prometheus").decode()

    def access_log(self) -> list[dict]:
        return [json.loads(line) for line in self.envoy.out().splitlines() if line.startswith("{")]

    def all_logged(self) -> list[dict]:
        """What Envoy wrote of every request so far, as soon as it has."""
        asked = metric(self.metrics(), "envoy_http_downstream_rq_total", envoy_http_conn_manager_prefix="llm")
        stack.wait_until(lambda: len(self.access_log()) == asked, f"{asked} lines of access log")
        return self.access_log()

    def stop(self) -> None:
        self.close()
        for process in (self.envoy, *self.simulators.values()):
            process.stop()


def one_after_the_other(clusters) -> dict:
    """A route to the first of these clusters, and after an error to the next."""
    groups = [{"name": name, "clusters": [{"cluster_name": name, "weight": 1}]} for name in clusters]
    kind = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier"
    extension = {"name": "groups", "typed_config": {"@type": kind, "priority_groups": groups}}
    retry = {"retry_on": "5xx", "num_retries": 1, "refresh_cluster_on_retry": True}
    route = {"inline_cluster_specifier_plugin": {"extension": extension}, "timeout": "0s", "retry_policy": retry}
    return {"match": {"prefix": "/"}, "route": route}


def manager_of(envoy: dict) -> dict:
    (listener,) = envoy["static_resources"]["listeners"]
    (manager,) = listener["filter_chains"][0]["filters"]
    return manager["typed_config"]


@pytest.fixture(scope="module")
def _example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translate")
    envoy = yaml.safe_load(EXAMPLE.read_text())
    for name in ("usage", "translate"):
        configuration(envoy, name)["vm_config"]["code"]["local"]["filename"] = str(FILTERS / f"{name}.wasm")
    started = Proxy(folder, envoy, {"anthropic": stack.Simulator("anthropic", folder)})
    yield started
    started.stop()


@pytest.fixture
def example(_example):
    """The example as it stands, but for its addresses."""
    for simulator in _example.simulators.values():
        simulator.reset()
    return _example


def say(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
class TestTheExample:
    def test_openai_s_sdk(self, example, stream):
        asked = {"model": "fast", "messages": say("hello")}
        if stream:
            chunks = list(example.openai.chat.completions.create(**asked, stream=True))
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert not any(chunk.usage for chunk in chunks), "nobody asked for it"
        else:
            answer = example.openai.chat.completions.with_raw_response.create(**asked)
            text = answer.parse().choices[0].message.content
            assert answer.headers["x-attache-provider"] == "claude"
            usage = answer.parse().usage
            assert answer.headers["x-attache-input-tokens"] == str(usage.prompt_tokens)
            assert float(answer.headers["x-attache-cost"]) == pytest.approx(
                (usage.prompt_tokens + 5 * usage.completion_tokens) / 1e6
            )
        assert text == "You said: hello"
        (received,) = example.simulators["anthropic"].requests()
        headers = dict(received["headers"])
        assert received["path"] == "/v1/messages" and headers["x-api-key"] == KEY
        assert "authorization" not in headers and CLIENT_KEY not in json.dumps(received)
        assert headers["host"] == "api.anthropic.com"

    def test_anthropic_s_sdk(self, example, stream):
        asked = {"model": "smart", "max_tokens": 100, "messages": say("hello")}
        if stream:
            with example.anthropic.messages.stream(**asked) as events:
                answer = events.get_final_message()
        else:
            answer = example.anthropic.messages.create(**asked)
        assert answer.content[0].text == "You said: hello"
        assert json.loads(example.simulators["anthropic"].requests()[0]["body"])["model"] == "claude-sonnet-4-5"

    def test_access_log_and_counters(self, example, stream):
        usage = {"input_tokens": 1000, "output_tokens": 20, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
        labels = {"provider": "claude", "model": "claude-haiku-4-5"}
        example.simulators["anthropic"].script(usage=usage)
        # What was asked before may be told of late.
        lines, before = example.all_logged(), example.metrics()
        example.http.post("/v1/chat/completions", json={"model": "fast", "messages": say("a"), "stream": stream})
        (line,) = example.all_logged()[len(lines) :]
        assert line == {
            "status": 200, "provider": "claude", "model": "claude-haiku-4-5",
            "input_tokens": "1000", "output_tokens": "20", "cost_nanos": "1100000",
        }  # fmt: skip
        grown = lambda name, **more: metric(example.metrics(), name, **labels, **more) - metric(before, name, **labels, **more)
        counted = lambda: [grown("attache_tokens", kind=kind) for kind in ("input", "output")] + [grown("attache_cost_nanos", currency="USD")]
        stack.wait_until(lambda: counted() == [1000, 20, 1_100_000], "what is counted")


def test_errors_are_the_client_s(example):
    example.simulators["anthropic"].queue({"status": 429, "error_message": "slow down"})
    with pytest.raises(openai.RateLimitError, match="slow down"):
        example.openai.chat.completions.create(model="fast", messages=say("a"))
    with pytest.raises(openai.BadRequestError):
        example.openai.chat.completions.create(model="fast", messages="none")
    for content in (b"{not json", b""):
        answer = example.http.post("/v1/chat/completions", content=content)
        assert answer.status_code == 400 and "error" in answer.json(), content
    example.simulators["anthropic"].queue({"gzip": True})
    answer = example.http.post("/v1/chat/completions", json={"model": "fast", "messages": say("a")})
    assert answer.status_code == 502 and "gzip" in answer.json()["error"]["message"]
    example.simulators["anthropic"].queue({"close_after_events": 3})
    answer = example.http.post("/v1/chat/completions", json={"model": "fast", "messages": say("a"), "stream": True})
    assert "stream_truncated" in answer.text and "[DONE]" not in answer.text
    example.simulators["anthropic"].queue({"reset_before_headers": True})
    answer = example.http.post("/v1/chat/completions", json={"model": "fast", "messages": say("a")})
    assert answer.json()["error"]["message"] == "provider `claude` closed the connection before it answered"
    assert example.http.get("/v1/files").json()["error"]["code"] == "unsupported_endpoint"


@pytest.mark.parametrize("cut_bytes", [1, 7])
def test_however_the_provider_cuts_its_stream(example, cut_bytes):
    example.simulators["anthropic"].script(cut_bytes=cut_bytes, chunks=5, text="Héllo wörld")
    chunks = example.openai.chat.completions.create(model="fast", messages=say("a"), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Héllo wörld"


def test_a_megabyte(example):
    text = "many words " * 95_000
    answer = example.openai.chat.completions.create(model="fast", messages=say(text))
    assert answer.choices[0].message.content.startswith("You said: many words")
    assert example.simulators["anthropic"].requests()[0]["body_bytes"] > 1_000_000


def test_clients_that_leave_are_counted(example):
    example.simulators["anthropic"].script(chunk_delay_ms=500, chunks=20)
    lines = example.all_logged()
    body = {"model": "fast", "messages": say("a"), "stream": True, "max_tokens": 9}
    with example.http.stream("POST", "/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"}) as answer:
        next(answer.iter_bytes())
    (line,) = example.all_logged()[len(lines) :]
    assert int(line["input_tokens"]) > 0


# One table, two hosts.


HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
EXPLICITLY = "explicit_http_config:\n          "


def by_http_2(bootstrap: str) -> str:
    """A bootstrap whose plain-text providers are spoken to in HTTP/2."""
    wanted, instead = f"{EXPLICITLY}http_protocol_options: {{}}", f"{EXPLICITLY}http2_protocol_options: {{}}"
    assert bootstrap.count(wanted) == len(UPSTREAMS)
    return bootstrap.replace(wanted, instead)


class Hosts:
    """One provider of every dialect, behind a gateway with the service and behind an Envoy with the filter. Both speak HTTP/2
    to it, which has trailers."""

    def __init__(self, folder: pathlib.Path):
        # One each, which count alike: what they answer to the same requests is the same.
        self.sim, self.other_sim = stack.Simulator("everybody", folder), stack.Simulator("everybody-else", folder)
        url, simulators = self.sim.base, {"anthropic": self.other_sim}
        envoy = yaml.safe_load(EXAMPLE.read_text())
        manager = manager_of(envoy)
        router = manager["http_filters"][-1]
        manager["http_filters"] = [wasm("translate", {"translate": list(map(self.target, UPSTREAMS))}), router]
        del manager["access_log"]
        (cluster,) = envoy["static_resources"]["clusters"]
        spoken = {"explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {HTTP_OPTIONS: {"@type": f"type.googleapis.com/{HTTP_OPTIONS}"} | spoken}
        self.proxy = Proxy(folder, envoy, simulators)
        lines = ["providers:"]
        for name, up in UPSTREAMS.items():
            auth = f"{{ header: {up['header']}, value: \"{up['key']}\" }}"
            lines.append(f"  {name}: {{ dialect: {up['dialect']}, url: \"{url}{up['path']}\", auth: {auth} }}")
        lines.append("models:")
        for name, up in UPSTREAMS.items():
            lines.append(f"  to-{name}: {{ targets: [ {{ provider: {name}, model: {up['model']} }} ] }}")
        self.gateway = stack.Gateway(folder / "gateway", "\n".join(lines) + "\n", edit_bootstrap=by_http_2)
        self.service = httpx.Client(base_url=self.gateway.base, timeout=30)

    def target(self, name: str) -> dict:
        up = UPSTREAMS[name]
        return {
            "name": name,
            "when": {"model": f"to-{name}"},
            "dialect": up["dialect"],
            "url": f"{self.other_sim.base}{up['path']}",
            "model": up["model"],
            "headers": {up["header"]: up["key"]},
        }

    def stop(self) -> None:
        self.service.close()
        self.gateway.stop()
        self.proxy.stop()
        self.sim.stop()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    started = Hosts(tmp_path_factory.mktemp("hosts"))
    yield started
    started.stop()


# What is Envoy's own, or says when.
OF_ENVOY = {"x-request-id", "x-forwarded-proto", "x-envoy-expected-rq-timeout-ms", "x-envoy-attempt-count", "x-envoy-internal"}
OF_ENVOY |= {"host", "x-forwarded-for", "x-envoy-external-address", "date", "server", "x-envoy-upstream-service-time"}
OF_THE_SERVICE = {"x-attache-attempts"}


def exchange(simulator: stack.Simulator, client: httpx.Client, path: str, body: dict, headers: dict):
    """What the provider got, and what the client got."""
    simulator.reset()
    simulator.script(**(headers.pop("script", None) or {}))
    answer = client.post(path, content=json.dumps(body), headers=headers | {"content-type": "application/json"})
    asked = [
        (received["path"], received["body"], {k: v for k, v in received["headers"] if k not in OF_ENVOY})
        for received in simulator.requests()
    ]
    kept = {k: v for k, v in answer.headers.items() if k not in OF_ENVOY | OF_THE_SERVICE}
    return asked, (answer.status_code, answer.content, kept)


def compare(hosts: Hosts, path: str, body: dict, headers: dict) -> tuple:
    # An id that a provider does not give is made of the second, too: both are asked in the same one.
    for _ in range(10):
        began = int(time.time())
        first = exchange(hosts.sim, hosts.service, path, body, dict(headers))
        second = exchange(hosts.other_sim, hosts.proxy.http, path, body, dict(headers))
        if int(time.time()) == began:
            break
    for asked in (first[0], second[0]):
        for _, _, sent in asked:
            # Whether a length is announced or a body comes in chunks is the host's.
            for name in ("content-length", "transfer-encoding"):
                sent.pop(name, None)
    assert second[0] == first[0]
    (status, content, kept), (other_status, other_content, other) = first[1], second[1]
    assert (other_status, timeless(other_content)) == (status, timeless(content))
    for name in ("content-length", "transfer-encoding"):
        kept.pop(name, None), other.pop(name, None)
    assert other == kept
    return first


def timeless(content: bytes) -> bytes:
    """What says when: both providers answered when they did."""
    return re.sub(rb'"(created|created_at|completed_at)": ?\d+', rb'"\1":0', content)


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("front", FRONTS)
def test_both_hosts_do_the_same(hosts, front, upstream):
    whole, streamed, body, headers = requests_of(f"to-{upstream}")[front]
    headers = headers | {"authorization": f"Bearer {CLIENT_KEY}", "x-attache-made-up": "1"}
    (asked, answer) = compare(hosts, whole, body, headers)
    assert answer[0] == 200 and len(asked) == 1, answer
    body = body if front in IN_THE_PATH else body | {"stream": True}
    (asked, answer) = compare(hosts, streamed, body, headers | {"script": {"chunks": 4}})
    assert answer[0] == 200 and len(asked) == 1, answer
    assert CLIENT_KEY not in json.dumps(asked)


@pytest.mark.parametrize("script", [
    {"status": 429, "error_message": "slow down"},
    {"status": 500},
    {"status": 401},
    {"raw_body": "<html>", "content_type": "text/html"},
    {"close_after_events": 2},
    {"error_after_events": {"after": 2, "type": "overloaded_error", "message": "busy"}},
], ids=lambda script: "-".join(map(str, script)))  # fmt: skip
@pytest.mark.parametrize("upstream", ["openai", "anthropic"])
@pytest.mark.parametrize("front", ["openai", "anthropic"])
def test_both_hosts_say_the_same_of_what_goes_wrong(hosts, front, upstream, script):
    _, path, body, headers = requests_of(f"to-{upstream}")[front]
    for stream in (False, True):
        compare(hosts, path, body | {"stream": stream}, headers | {"script": script})


NUMBERS = re.compile(rb'"(?:id|request_id|responseId|created)": ?("[^"]*"|\d+)')


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("front", ["openai", "anthropic", "gemini"])
def test_an_answer_that_ends_with_trailers_is_whole(hosts, front, upstream):
    """No byte of it is marked as the last one."""
    whole, streamed, body, headers = requests_of(f"to-{upstream}")[front]
    wish = {} if front in IN_THE_PATH else {"stream": True}
    for path, body in ((whole, body), (streamed, body | wish)):
        for script in ({"chunks": 4}, {"status": 500}):
            _, (status, content, _) = compare(hosts, path, body, headers | {"script": script})
            script = script | {"trailers": {"x-end": "1"}}
            _, with_trailers = compare(hosts, path, body, headers | {"script": script})
            assert with_trailers[0] == status
            assert NUMBERS.sub(b"", with_trailers[1]) == NUMBERS.sub(b"", content)


# In the providers' clusters, where every attempt is translated anew.


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """The first provider speaks OpenAI's dialect, the next one Anthropic's."""
    started = attempts_at(tmp_path_factory.mktemp("attempts"), ["openai", "anthropic"])
    yield started
    started.stop()


def attempts_at(folder, names):
    """Providers that are tried in this order. OpenAI, where it is the second, is asked for the client's own model."""
    simulators = {name: stack.Simulator(name, folder) for name in names}
    envoy = yaml.safe_load(EXAMPLE.read_text())
    manager = manager_of(envoy)
    manager["http_filters"] = manager["http_filters"][-1:]
    del manager["access_log"]
    (host,) = manager["route_config"]["virtual_hosts"]
    host["routes"] = [one_after_the_other(simulators)]
    (cluster,) = envoy["static_resources"]["clusters"]
    clusters = []
    for name in simulators:
        up = UPSTREAMS[name]
        target = {
            "name": name,
            "dialect": up["dialect"],
            "url": f"http://{name}.example{up['path']}",
            "model": up["model"],
            "headers": {up["header"]: up["key"], f"x-key-of-{name}": "k"},
        }
        if names == ["anthropic", "openai"] and name == "openai":
            del target["model"]
        codec = {"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"}
        filters = [wasm("translate", {"translate": [target], "per_attempt": True})]
        options = {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {}},
            "http_filters": [*filters, {"name": "envoy.filters.http.upstream_codec", "typed_config": codec}],
        }
        one = copy.deepcopy(cluster) | {"name": name, "per_connection_buffer_limit_bytes": 16777216}
        one["load_assignment"]["cluster_name"] = name
        one["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
        clusters.append(one)
    envoy["static_resources"]["clusters"] = clusters
    return Proxy(folder, envoy, simulators)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("front", ["openai", "anthropic"])
def test_a_retry_is_translated_anew(attempts, front, stream):
    for simulator in attempts.simulators.values():
        simulator.reset()
    attempts.simulators["openai"].script(status=503)
    _, path, body, headers = requests_of("any")[front]
    headers = headers | {"authorization": f"Bearer {CLIENT_KEY}"}
    answer = attempts.http.post(path, json=body | {"stream": stream}, headers=headers)
    assert answer.status_code == 200 and answer.headers["x-attache-provider"] == "anthropic", answer.text
    assert answer.text.count("data: [DONE]" if front == "openai" else '"message_stop"}') == stream
    (first,), (second,) = (simulator.requests() for simulator in attempts.simulators.values())
    assert (first["path"], second["path"]) == ("/v1/chat/completions", "/v1/messages")
    headers = dict(second["headers"])
    assert headers["host"] == "anthropic.example" and headers["x-api-key"] == "k"
    assert not {"authorization", "x-key-of-openai"} & set(headers), "a key of the first provider"
    assert json.loads(second["body"])["model"] == "claude-haiku-4-5"
    attempts.simulators["openai"].script()
    answer = attempts.http.post(path, json=body | {"stream": stream}, headers={**answer.request.headers})
    assert answer.headers["x-attache-provider"] == "openai"


def test_a_retry_with_the_client_s_own_body_has_its_length_again(tmp_path):
    attempts = attempts_at(tmp_path, ["anthropic", "openai"])
    try:
        attempts.simulators["anthropic"].script(status=503)
        asked = {"model": "gpt-4o-mini", "messages": say("hello " * 50)}
        answer = attempts.http.post("/v1/chat/completions", json=asked)
        assert answer.status_code == 200, answer.text
        (first,), (second,) = (simulator.requests() for simulator in attempts.simulators.values())
        assert first["body"] != second["body"] and json.loads(second["body"]) == asked
        headers = dict(second["headers"])
        assert int(headers["content-length"]) == len(second["body"])
        assert "x-key-of-anthropic" not in headers and "x-api-key" not in headers
    finally:
        attempts.stop()


def test_where_all_attempts_fail_the_error_is_the_client_s(attempts):
    for simulator in attempts.simulators.values():
        simulator.reset()
        simulator.script(status=503, error_message="not now")
    with pytest.raises(openai.InternalServerError, match="not now"):
        attempts.openai.chat.completions.create(model="any", messages=say("hello"))
    assert [len(simulator.requests()) for simulator in attempts.simulators.values()] == [1, 1]


@pytest.mark.parametrize(("name", "written", "said"), [
    ("translate", {"translate": [{"name": "a", "dialect": "klingon", "url": "http://a"}]}, "translate[0].dialect: `klingon` is no dialect"),
    ("translate", {"translate": [{"name": "a", "preset": "anthropic", "modle": "x"}]}, "translate[0].modle: unknown field `modle`"),
    ("usage", {"usage": [{"name": "a", "prices": [{"provider": "a"}]}]}, "usage[0].prices[0].models"),
])  # fmt: skip
def test_a_broken_configuration_does_not_load(tmp_path, name, written, said):
    envoy = yaml.safe_load(EXAMPLE.read_text())
    manager = manager_of(envoy)
    manager["http_filters"] = [wasm(name, written), manager["http_filters"][-1]]
    (listener,) = envoy["static_resources"]["listeners"]
    for bound in (envoy["admin"], listener):
        bound["address"]["socket_address"]["port_value"] = stack.free_port()
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(envoy))
    argv = [stack.envoy_binary(), "-c", path, "--disable-hot-restart"]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**os.environ, "ANTHROPIC_API_KEY": KEY})
    assert ended.returncode != 0
    assert f"attache {name}: the configuration is wrong: " in ended.stderr and said in ended.stderr, ended.stderr[-2000:]
