"""Nothing reaches the wrong place: headers, keys, requests, whatever a client sends, a provider answers, or breaks."""

import re
import signal

import pytest
from conftest import CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY
from stack import wait_until
from test_endings import Open, access_log_of, has_text, is_over
from wire import FRONTS, KEYS, PATHS, ask, headers_of, request

import stack

TOPOLOGIES = ("sidecar", "shared")
BY_TOPOLOGY = pytest.mark.parametrize("topology", TOPOLOGIES)
BY_FRONT = pytest.mark.parametrize("front", FRONTS)
BY_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

CREDENTIALS = {
    "authorization": f"Bearer {CLIENT_KEY}",
    "x-api-key": CLIENT_KEY,
    "api-key": CLIENT_KEY,
    "x-goog-api-key": CLIENT_KEY,
    "proxy-authorization": f"Basic {CLIENT_KEY}",
    "cookie": f"session={CLIENT_KEY}",
    "openai-organization": "org-of-the-client",
    "openai-project": "proj-of-the-client",
}
SPOOFED = {
    "x-attache-target": "claude",
    "x-attache-exchange": "00000000000000000000000000000001",
    "x-attache-provider": "claude",
    "x-attache-planned": "1",
    "x-attache-stage": "attempt",
    "x-gateway-destination-endpoint": "127.0.0.1:1",
    "x-envoy-retry-on": "5xx,retriable-4xx",
    "x-envoy-max-retries": "9",
    "x-envoy-retriable-status-codes": "400",
    "x-envoy-attempt-count": "2",
    "x-envoy-upstream-alt-stat-name": "stolen",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-upstream-rq-per-try-timeout-ms": "1",
    "x-envoy-original-path": "/stolen",
    "x-envoy-decorator-operation": "stolen",
    "x-envoy-hedge-on-per-try-timeout": "true",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "stolen.example",
    "x-request-id": "of-the-client",
}
OWN = {"x-team": "blue", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1"}
# All that a provider may see of a client that sends the headers above.
SEEN_BY_PROVIDERS = {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent"} | OWN.keys()
SEEN_BY = {
    "openai": SEEN_BY_PROVIDERS | {"authorization"},
    "claude": SEEN_BY_PROVIDERS | {"x-api-key", "anthropic-version"},
}


def sims(started) -> dict:
    return {"openai": started.openai_sim, "claude": started.claude_sim}


def received(started) -> list[tuple[str, dict]]:
    return [(name, each) for name, sim in sims(started).items() for each in sim.requests()]


# Headers


@BY_FRONT
@pytest.mark.parametrize("model", ["fast", "smart", "openai-only", "claude-only"])
def test_a_provider_sees_the_client_s_own_headers_and_nothing_that_is_not_for_it(both, front, model):
    queue_failure(both, model)
    assert ask(both, front, model, headers=CREDENTIALS | SPOOFED | OWN).text
    for name, each in received(both):
        headers = headers_of(each)
        assert headers.keys() == SEEN_BY[name]
        assert OWN.items() <= headers.items()
        assert CLIENT_KEY not in str(each)
        assert (OPENAI_KEY in str(each), CLAUDE_KEY in str(each)) == (name == "openai", name == "claude")


def queue_failure(both, model: str) -> None:
    """The first target of a model with two fails."""
    if model == "fast":
        both.openai_sim.script(status=503)
    if model == "smart":
        both.claude_sim.script(status=503)


@BY_FRONT
def test_spoofed_headers_have_no_effect(both, front):
    both.openai_sim.script(latency_ms=100)
    answer = ask(both, front, "openai-only", headers=SPOOFED)
    assert (answer.text, answer.provider, answer.attempts) == ("You said: hello", "openai", 1), "times and targets"
    both.openai_sim.script(status=503)
    assert ask(both, front, "openai-only", headers=SPOOFED).status in (503, 529)
    assert len(both.openai_sim.requests()) == 2, "nothing was tried again"
    assert both.claude_sim.requests() == []
    for path in ("clusters", "stats"):
        assert "stolen" not in stack.get(f"http://127.0.0.1:{both.gateway.envoy_admin_port}/{path}").decode()


def test_a_header_in_other_letters_or_twice_is_as_unwelcome(both):
    headers = [("X-Attache-Target", "claude"), ("x-ENVOY-Max-Retries", "3"), ("x-team", "blue"), ("x-team", "red")]
    headers += [("Authorization", "Bearer one"), ("authorization", "Bearer two"), ("X-API-Key", "three")]
    answer = both.http.post(PATHS["openai"], json=request("openai", "openai-only", False), headers=headers)
    assert answer.status_code == 200
    (each,) = both.openai_sim.requests()
    assert not [name for name, _ in each["headers"] if name.startswith(("x-attache", "x-envoy", "x-api"))]
    assert [value for name, value in each["headers"] if name == "authorization"] == [f"Bearer {OPENAI_KEY}"]
    assert "red" in str(each["headers"])


@BY_STREAM
@BY_FRONT
@pytest.mark.parametrize("status", [200, 400, 503])
def test_a_provider_cannot_speak_for_the_gateway_nor_set_cookies(both, front, stream, status):
    spoofed = {
        "set-cookie": "a=b",
        "alt-svc": 'h3=":443"',
        "strict-transport-security": "max-age=1",
        "x-attache-provider": "liar",
        "x-attache-exchange": "liar",
        "x-envoy-ratelimited": "true",
        "x-envoy-overloaded": "true",
        "x-envoy-upstream-service-time": "1",
        "x-of-the-provider": "kept",
    }
    script = {"headers": spoofed} | ({"status": status} if status != 200 else {})
    both.claude_sim.script(**script)
    answer = ask(both, front, "claude-only", stream)
    assert answer.status // 100 == status // 100
    assert not {"set-cookie", "alt-svc", "strict-transport-security"} & answer.headers.keys()
    told = {name: value for name, value in answer.headers.items() if name.startswith(("x-attache-", "x-envoy-"))}
    losses = {"x-attache-losses"} & told.keys()
    assert told.keys() - losses == {"x-attache-provider", "x-attache-model", "x-attache-attempts"}
    assert answer.provider == "claude"
    assert answer.headers["x-of-the-provider"] == "kept"


# Secrets


@BY_TOPOLOGY
def test_no_secret_shows_anywhere(start, topology):
    started = start(topology, "log: { level: trace }")
    bodies = []

    def try_all(**script):
        started.openai_sim.script(**script)
        for front in FRONTS:
            for model in ("fast", "openai-only", "claude-only", "no-such-model"):
                for stream in (False, True):
                    answer = ask(started, front, model, stream, headers=CREDENTIALS)
                    bodies.append(f"{answer.headers} {answer.body}")

    try_all()
    try_all(status=503)
    try_all(status=401, error_message=f"Incorrect API key provided: {OPENAI_KEY}")
    try_all(status=403, error_message=f"Key {OPENAI_KEY[:12]}… is not allowed here")
    started.claude_sim.script(status=401, raw_body=f"no such key: {CLAUDE_KEY}")
    try_all(status=503)
    request_id = ask(started, "openai", "fast").request_id
    access_log_of(started, request_id)
    gateway = started.gateway
    admin = f"http://127.0.0.1:{gateway.envoy_admin_port}"
    places = {
        "answers": "\n".join(bodies),
        "attache's stdout": gateway.attache.out(),
        "attache's stderr": gateway.attache.err(),
        "metrics": gateway.metrics(),
        "config view": stack.get(f"http://127.0.0.1:{gateway.admin_port}/config").decode(),
        "bootstrap": gateway.print_bootstrap(),
        "envoy's stdout": gateway.envoy.out(),
        "envoy's stderr": gateway.envoy.err(),
        "envoy's configuration": stack.get(f"{admin}/config_dump").decode(),
        "envoy's numbers": stack.get(f"{admin}/stats").decode(),
    }
    assert "TRACE" in places["attache's stderr"], "it does speak"
    for place, text in places.items():
        assert len(text) > 100 or place == "envoy's stderr", place
        for secret in (OPENAI_KEY, CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY[:12]):
            assert secret not in text, f"{secret} in {place}"


@BY_STREAM
@BY_FRONT
@pytest.mark.parametrize("status", [401, 403])
def test_what_a_provider_says_about_the_gateway_s_key_stays_here(both, front, stream, status):
    both.claude_sim.script(status=status, error_message=f"invalid x-api-key {CLAUDE_KEY[:10]}")
    answer = ask(both, front, "claude-only", stream)
    assert answer.status == 502, "the client's own key is not at fault"
    assert CLAUDE_KEY[:10] not in answer.body.decode()
    assert "claude" in answer.error["message"] and "credentials" in answer.error["message"]


# A bootstrap that was broken on purpose


def renamed(bootstrap: str, cluster: str) -> str:
    """Without the cluster of that name."""
    edited, n = re.subn(rf"(?m)^  - name: {cluster}$", f"  - name: not-{cluster}", bootstrap)
    assert n == 1
    return edited


def replaced(bootstrap: str, old: str, new: str) -> str:
    assert old in bootstrap
    return bootstrap.replace(old, new)


def namespace_lost(bootstrap: str, options: str) -> str:
    """With another namespace in the first such list of `metadata_options`."""
    edited, n = re.subn(rf"({options}:\s+untyped:\s+- )attache\b", r"\1other", bootstrap, count=1)
    assert n == 1
    return edited


def everything_to_claude(bootstrap: str) -> str:
    """The plan is not read, and where that leads is a real provider."""
    bootstrap = replaced(bootstrap, "override_metadata_namespace: attache", "override_metadata_namespace: other")
    return replaced(bootstrap, "cluster_name: attache_refuse", "cluster_name: claude")


PASS_TO = 'envoy: { admin: "ENVOY_ADMIN", on_service_failure: { pass_to: openai } }'
# What is broken; the rest of the configuration; models for which it is; what providers may have received.
BROKEN = {
    "the router looks for the plan elsewhere": (
        lambda b: replaced(b, "override_metadata_namespace: attache", "override_metadata_namespace: other"),
        "",
        {"openai-only": [], "fast": [], "claude-only": []},
    ),
    "the router falls back to a real provider": (
        everything_to_claude,
        "",
        {"openai-only": [], "fast": []},
    ),
    "Envoy does not take the plan": (
        lambda b: namespace_lost(b, "receiving_namespaces"),
        "",
        {"openai-only": [], "fast": [], "claude-only": []},
    ),
    "Envoy does not take the plan, and may pass on": (
        lambda b: namespace_lost(b, "receiving_namespaces"),
        PASS_TO,
        {"openai-only": [], "fast": [], "claude-only": []},
    ),
    "the second provider's cluster has gone": (
        lambda b: renamed(b, "claude"),
        "",
        {"claude-only": [], "fast": ["openai"]},
    ),
    "the attempt stage is told nothing": (
        lambda b: namespace_lost(namespace_lost(b, "forwarding_namespaces"), "forwarding_namespaces"),
        "",
        {"fast": ["openai"]},
    ),
    "the attempt stage does not say that it is one": (
        lambda b: replaced(b, "value: attempt", "value: ''"),
        "",
        {"fast": ["openai"]},
    ),
}


@BY_TOPOLOGY
@pytest.mark.parametrize("what", BROKEN)
def test_no_provider_gets_what_was_made_for_another_when(start, what, topology):
    edit, extra, models = BROKEN[what]
    started = start(topology, extra, edit_bootstrap=edit)
    started.openai_sim.script(status=503)
    for model, allowed in models.items():
        for front in FRONTS:
            answer = ask(started, front, model)
            assert answer.status >= 500 and answer.error["message"]
    wrong = [(name, each["path"]) for name, each in received(started) if name not in set(sum(models.values(), []))]
    assert wrong == []
    for name, each in received(started):
        assert each["path"] == {"openai": "/v1/chat/completions", "claude": "/v1/messages"}[name]
        assert (CLAUDE_KEY if name == "openai" else OPENAI_KEY) not in str(each)


# The service dies


def options(topology: str) -> dict:
    """A shared service is reached over the network."""
    return {"grpc": f"127.0.0.1:{stack.free_port()}"} if topology == "shared" else {}


def assert_unavailable(answer) -> None:
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert "not available" in answer.error["message"]


@BY_TOPOLOGY
def test_a_killed_service_gives_clean_errors_and_comes_back(start, topology):
    started = start(topology, **options(topology))
    script = {"chunks": 60, "chunk_delay_ms": 500, "text_bytes": 600}
    lines = [(front, model) for front in FRONTS for model in ("openai-only", "claude-only")] * 5
    streams = [Open(started, front, model, script=script).read_headers().read_until(has_text) for front, model in lines]
    waiting = [(front, Open(started, front, model, False, script={"never_answer": True})) for front, model in lines]
    everybody = lambda: sum(sim.stats()["open"] for sim in sims(started).values()) == 2 * len(lines)
    wait_until(everybody, "everybody at the providers", 20)
    started.gateway.attache.stop(signal.SIGKILL)
    for exchange in streams:
        with pytest.raises(Exception) as raised:
            exchange.read_rest()
        assert not isinstance(raised.value, AssertionError)
        assert not is_over(exchange.seen)
    for front, exchange in waiting:
        response = exchange.connection.getresponse()
        assert response.status == 503 and b"not available" in response.read()
    for front in FRONTS:
        for stream in (False, True):
            assert_unavailable(ask(started, front, "fast", stream))
    wait_until(lambda: not any(sim.stats()["open"] for sim in sims(started).values()), "hang-ups at the providers")
    started.gateway.attache.start()
    wait_until(lambda: ask(started, "openai", "fast").status == 200, "answer")
    for front in FRONTS:
        assert ask(started, front, "claude-only", stream=True).whole


@BY_TOPOLOGY
def test_where_it_is_allowed_requests_go_on_unchanged_while_the_service_is_away(start, topology):
    started = start(topology, PASS_TO, **options(topology))
    started.openai_sim.script(validate=False, text="straight")
    answer = ask(started, "openai", "openai-only", seed=3)
    assert (answer.text, answer.provider) == ("straight", "openai")
    started.gateway.attache.stop(signal.SIGKILL)
    started.openai_sim.reset()
    body = request("openai", "gpt-4o-mini", True, odd_field=1)
    passed = CREDENTIALS | SPOOFED | OWN
    wait_until(lambda: started.http.post(PATHS["openai"], json=body, headers=passed).status_code != 503, "way past it")
    each = started.openai_sim.requests()[-1]
    headers = headers_of(each)
    assert each["path"] == "/v1/chat/completions" and '"odd_field":1' in each["body"] and "gpt-4o-mini" in each["body"]
    assert headers["authorization"] == f"Bearer {CLIENT_KEY}"
    assert OWN.items() <= headers.items()
    assert not [name for name in headers if name.startswith(("x-attache-", "x-envoy-", "x-forwarded-", "x-gateway-"))]
    assert not {"cookie", "proxy-authorization"} & headers.keys()
    assert OPENAI_KEY not in str(each)
    assert_unavailable(ask(started, "anthropic", "gpt-4o-mini"))
    assert started.claude_sim.requests() == []
    started.gateway.attache.start()
    wait_until(lambda: ask(started, "openai", "openai-only").provider == "openai", "answer by the service")
    assert headers_of(started.openai_sim.requests()[-1])["authorization"] == f"Bearer {OPENAI_KEY}"


@BY_TOPOLOGY
def test_what_the_service_has_processed_is_not_passed_on_and_does_not_look_whole(start, topology):
    started = start(topology, PASS_TO)
    for name, model in [("claude", "claude-only"), ("openai", "openai-only")]:
        slow = {"chunks": 60, "chunk_delay_ms": 500, "text_bytes": 300}
        streaming = Open(started, "openai", model, script=slow).read_headers().read_until(has_text)
        waiting = Open(started, "openai", model, False, script={"never_answer": True})
        wait_until(lambda: sims(started)[name].stats()["open"] == 2, "both at the provider", 20)
        started.gateway.attache.stop(signal.SIGKILL)
        with pytest.raises(Exception) as raised:
            streaming.read_rest()
        assert not isinstance(raised.value, AssertionError)
        assert waiting.connection.getresponse().status == 503
        assert len(sims(started)[name].requests()) == 2, "they were not sent again"
        started.gateway.attache.start()
        started.gateway.attache.wait_for(started.gateway.is_ready, "answer of /readyz")
        wait_until(lambda: ask(started, "openai", "openai-only").provider, "answer by the service")
        started.reset()


@BY_TOPOLOGY
def test_passing_on_changes_nothing_while_the_service_is_there(start, topology):
    started = start(topology, PASS_TO)
    for front in FRONTS:
        for model in ("fast", "smart", "openai-only", "claude-only"):
            for stream in (False, True):
                queue_failure(started, model)
                answer = ask(started, front, model, stream, headers=CREDENTIALS | SPOOFED | OWN)
                assert (answer.text, answer.attempts) == ("You said: hello", 2 if model in ("fast", "smart") else 1)
                for name, each in received(started):
                    assert headers_of(each).keys() == SEEN_BY[name]
                    assert CLIENT_KEY not in str(each)
                started.reset()
    assert ask(started, "openai", "no-such-model").status == 404
    assert received(started) == []
