"""The hybrid: WASM filters read and make bodies, the service decides by headers, and Envoy's access log says how it ended."""

import json
import signal
import socket
import subprocess
import time

import pytest
import stack
from conftest import CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY, Stack
from rules import LINES, metric, own, simulator_of, tokens_of
from test_envoy_config import validate
from test_endings import Open, has_text, last_record
from test_compatibility import Another
from wire import FRONTS, KEYS, PATHS, Answer, ask, headers_of, request

RULES = f"""
  exhausted: {{ targets: [ {{ provider: openai, model: gpt-4o }} ] }}
limits: {{ output_tokens_expected: 200, body_bytes_max: 1000000 }}
prices: {{ providers: {{ openai: openai, claude: anthropic }} }}
rate_limits:
  tokens: {{ by: ["header:x-test"], when: {{ "header:x-test": "*" }}, tokens: 1000/h, requests: 100/h }}
  few: {{ by: ["header:x-few"], when: {{ "header:x-few": "*" }}, requests: 1/h }}
  capped: {{ when: {{ "header:x-capped": "*" }}, output_tokens: 40/h, cap_output: true }}
budgets:
  small: {{ when: {{ model: exhausted }}, cost: "0.00001", per: hour, over_budget: {{ use: claude-only }} }}
callers:
  keys: {{ ann: {{ value: {CLIENT_KEY}, team: search }} }}
"""
BY_LINE = pytest.mark.parametrize("front, provider", LINES)
BY_FRONT = pytest.mark.parametrize("front", FRONTS)
BY_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
FILES_KEY = "sk-files-secret-of-the-gateway"
POOL = ("sk-pooled-1", "sk-pooled-2")
CLIENT_SECRET = "secret-at-entra-of-the-gateway"
TWINS = ("{ provider: claude, model: claude-opus-4-7, sampling: false }", "{ provider: claude, model: claude-haiku-4-5 }")
SLOW = {"chunks": 50, "chunk_delay_ms": 100, "text_bytes": 1000}


class Filing(Stack):
    """With a third provider, for what names no model."""

    def __init__(self, folder, topology: str):
        self.files_sim = stack.Simulator("files", folder)
        provider = f'dialect: openai, url: "{self.files_sim.base}/v1", auth: {{ bearer: {FILES_KEY} }}, other_endpoints: true'
        pool = f'dialect: openai, url: "{self.files_sim.base}/v1", auth: {{ bearer: [{", ".join(POOL)}] }}'
        self.entra_sim = stack.Simulator("entra", folder, args=["--token-seconds", "3600", "--client-secret", CLIENT_SECRET])
        app = f"tenant_id: contoso, client_id: app, authority: {self.entra_sim.base}, client_secret: {CLIENT_SECRET}"
        entra = f'dialect: openai, url: "{self.files_sim.base}/v1", auth: {{ azure: {{ {app} }} }}'
        models = f"""
  pooled:
    targets: [ {{ provider: claude, model: claude-haiku-4-5 }}, {{ provider: pooled, model: m }} ]
  entra-only: {{ targets: [ {{ provider: entra, model: m }} ] }}
  impatient:
    targets: [ {{ provider: openai, model: gpt-4o-mini }}, {{ provider: claude, model: claude-haiku-4-5 }} ]
    retry: {{ per_try_timeout: 2s }}
  twins: {{ targets: [ {TWINS[0]}, {TWINS[1]} ] }}"""
        providers = f"  files: {{ {provider} }}\n  pooled: {{ {pool} }}\n  entra: {{ {entra} }}"
        super().__init__(folder, topology, models + RULES, providers)

    def reset(self) -> None:
        super().reset()
        self.files_sim.reset()

    def stop(self) -> None:
        super().stop()
        self.files_sim.stop()
        self.entra_sim.stop()


@pytest.fixture(scope="module")
def _hybrid(tmp_path_factory):
    started = Filing(tmp_path_factory.mktemp("hybrid"), "hybrid")
    # Its token has some age when it matters.
    ask(started, "openai", "entra-only")
    yield started
    started.stop()


@pytest.fixture
def hybrid(_hybrid):
    _hybrid.reset()
    return _hybrid


@pytest.fixture(scope="module")
def _beside(tmp_path_factory):
    started = Filing(tmp_path_factory.mktemp("sidecar"), "sidecar")
    yield started
    started.stop()


@pytest.fixture
def beside(_beside):
    _beside.reset()
    return _beside


def told(answer, gateway) -> dict:
    """What the books say, without what differs from one exchange to the next."""
    record = gateway.record(answer.request_id)
    for once in ("request_id", "started_unix_ms", "duration_ms", "first_token_ms"):
        record.pop(once, None)
    for limit in record.get("limits", []):
        # Prompts are counted roughly here.
        limit.pop("held", None)
    return record


def settled(record: dict) -> dict[str, int]:
    """What was settled for the rule `tokens`, by what it counts."""
    return {limit["unit"]: limit.get("settled", 0) for limit in record["limits"] if limit["name"] == "tokens"}


def sent(each, front: str, body: str, headers: dict | None = None) -> Answer:
    """What a body of any kind is answered."""
    headers = (headers or KEYS[front]) | {"content-type": "application/json"}
    met = each.http.post(PATHS[front], content=body, headers=headers)
    return Answer(front, met.status_code, met.headers, met.content, False)


def test_envoy_takes_the_sample(tmp_path):
    written = (stack.ROOT / "envoy/envoy-hybrid.yaml").read_text()
    sample = tmp_path / "envoy.yaml"
    sample.write_text(written.replace("target/wasm-filters", str(stack.TARGET / "wasm-filters")))
    validate(sample)


@BY_LINE
@BY_STREAM
def test_the_books_are_those_of_the_service_that_sees_bodies(hybrid, beside, front, provider, stream):
    usage = {
        "openai": {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320, "prompt_tokens_details": {"cached_tokens": 256}},
        "claude": {"input_tokens": 44, "cache_read_input_tokens": 256, "output_tokens": 20},
    }
    met = {}
    for each in (hybrid, beside):
        simulator_of(each, provider).script(usage=usage[provider], chunks=5, text="The quick brown fox. " * 4)
        answer = ask(each, front, f"{provider}-only", stream, headers=own(), max_tokens=100)
        (received,) = simulator_of(each, provider).requests()
        names = sorted(name for name in headers_of(received) if name not in ("host", "traceparent"))
        shown = {name: answer.headers.get(name) for name in ("content-type", "x-attache-provider", "x-attache-model", "x-attache-attempts")}
        limits = {name: answer.headers.get(name) for name in ("x-ratelimit-limit-tokens", "x-ratelimit-limit-requests")}
        met[each] = (answer.text, received["path"], received["body"], names, shown, limits, told(answer, each.gateway))
    assert met[hybrid] == met[beside]
    record = met[hybrid][-1]
    assert (record["ending"], tokens_of(record), record["cost"]["nanos"] > 0) == ("complete", (300, 20), True)
    assert settled(record) == {"tokens": 320, "requests": 1}


@BY_LINE
@BY_STREAM
def test_each_provider_gets_its_own_key_and_nothing_of_ours(hybrid, front, provider, stream):
    ask(hybrid, front, f"{provider}-only", stream)
    (received,) = simulator_of(hybrid, provider).requests()
    headers = headers_of(received)
    key = headers["authorization"] if provider == "openai" else headers["x-api-key"]
    assert key == (f"Bearer {OPENAI_KEY}" if provider == "openai" else CLAUDE_KEY)
    assert CLIENT_KEY not in json.dumps(received)
    assert [name for name in headers if name.startswith(("x-attache-", "x-envoy-", "x-forwarded-"))] == []


@BY_FRONT
@BY_STREAM
@pytest.mark.parametrize("model, first, second", [("fast", "openai", "claude"), ("smart", "claude", "openai")])
def test_the_next_target_answers_in_whatever_dialect(hybrid, front, stream, model, first, second):
    simulator_of(hybrid, first).script(status=503)
    answer = ask(hybrid, front, model, stream)
    assert (answer.text != "", answer.provider, answer.attempts) == (True, second, 2)
    (received,) = simulator_of(hybrid, second).requests()
    wrong, right = (OPENAI_KEY, CLAUDE_KEY) if second == "claude" else (CLAUDE_KEY, OPENAI_KEY)
    assert wrong not in json.dumps(received) and right in json.dumps(received)
    record = hybrid.gateway.record(answer.request_id)
    outcomes = [(attempt["provider"], attempt["outcome"]) for attempt in record["attempts"]]
    assert outcomes == [(first, "failed"), (second, "served")]
    assert record["ending"] == "complete" and not record.get("tokens_counted_here")


def test_a_key_that_is_refused_rests_also_where_a_later_attempt_showed_it(hybrid):
    hybrid.claude_sim.script(status=503)
    hybrid.files_sim.queue({"status": 401}, *[{}] * 3)
    asked = [ask(hybrid, "openai", "pooled") for _ in range(4)]
    assert [answer.status for answer in asked] == [502, 200, 200, 200], "whose key it is, is no client's business"
    shown = [headers_of(received)["authorization"] for received in hybrid.files_sim.requests()]
    refused, other = shown[:2]
    assert {refused, other} == {f"Bearer {key}" for key in POOL} and shown[1:] == [other] * 3
    assert CLAUDE_KEY not in json.dumps(hybrid.files_sim.requests())


@pytest.mark.parametrize("script", [
    {"raw_body": "<html>"}, {"status": 401}, {"status": 403}, {"status": 400},
], ids=["odd", "401", "403", "400"])  # fmt: skip
def test_an_answer_that_nobody_understands_is_no_reason_to_ask_and_pay_another_target(hybrid, beside, script):
    met = {}
    for each in (hybrid, beside):
        each.openai_sim.script(content_type="application/json", **script)
        answer = ask(each, "openai", "fast")
        met[each] = (answer.status, answer.attempts, answer.provider, each.claude_sim.requests())
        assert not [name for name in answer.headers if name.startswith("x-envoy-r")], answer.headers
    assert met[hybrid] == met[beside] == (400 if script.get("status") == 400 else 502, 1, "openai", [])


@pytest.mark.parametrize("status, answered", [(200, 502), (204, 502), (400, 400), (503, 200), (429, 200)])
def test_an_answer_without_a_body_is_none_and_counts_as_the_provider_s_word(hybrid, beside, status, answered):
    met = {}
    for each in (hybrid, beside):
        each.openai_sim.script(status=status, raw_body="", content_type="application/json")
        answer = ask(each, "openai", "fast")
        said = [answer.headers.get_list(name) for name in ("x-attache-attempts", "x-attache-provider", "x-envoy-ratelimited")]
        met[each] = (answer.status, said, len(each.claude_sim.requests()))
        record = each.gateway.record(answer.request_id)
        assert len(record["attempts"]) == (2 if answered == 200 else 1)
    attempts, provider = ("2", "claude") if answered == 200 else ("1", "openai")
    assert met[hybrid] == met[beside] == (answered, [[attempts], [provider], []], int(attempts) - 1)


def test_the_last_answer_without_a_body_is_said_in_words(hybrid):
    for simulator in (hybrid.openai_sim, hybrid.claude_sim):
        simulator.script(status=503, raw_body="")
    answer = ask(hybrid, "openai", "fast")
    assert (answer.status, answer.headers.get_list("x-attache-attempts")) == (503, ["2"])
    assert "answered HTTP 503" in answer.error["message"]


def test_an_answer_that_is_no_stream_has_to_be_whole_in_time(hybrid, beside):
    body = json.dumps({"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    met = {}
    for each in (hybrid, beside):
        each.openai_sim.script(raw_body=body, content_type="application/json", cut_bytes=len(body) // 3, chunk_delay_ms=1200)
        answer = ask(each, "openai", "impatient")
        met[each] = (answer.status, answer.provider, answer.attempts)
    assert (met[hybrid], met[beside]) == ((200, "claude", 2), (200, "openai", 1))


def test_what_was_lost_is_counted_by_its_name(hybrid):
    def lost(field):
        return metric(hybrid.gateway.metrics(), "attache_losses_total", front="openai", provider="claude", field=field)

    before = lost("logit_bias"), lost("other")
    answer = ask(hybrid, "openai", "claude-only", logit_bias={"1": 2}, of_the_client=1)
    assert sorted(answer.headers["x-attache-losses"].split(", ")) == ["logit_bias", "of_the_client"]
    hybrid.gateway.record(answer.request_id)
    assert (lost("logit_bias"), lost("other")) == (before[0] + 1, before[1] + 1)


@BY_FRONT
def test_errors_are_said_in_the_client_s_dialect_and_booked(hybrid, front):
    for simulator in (hybrid.openai_sim, hybrid.claude_sim):
        simulator.script(status=429)
    answer = ask(hybrid, front, "fast")
    assert (answer.status, bool(answer.error["message"])) == (429, True)
    record = hybrid.gateway.record(answer.request_id)
    assert (record["ending"], record["fault"], len(record["attempts"])) == ("failed", "rate_limit", 2)
    assert "tokens" not in record or record["tokens"] is None


# Who may ask, and whether there is room


@BY_FRONT
def test_who_is_not_let_in_reads_why(hybrid, front):
    (name,) = [name for name in KEYS[front] if name in ("authorization", "x-api-key")]
    for status, model, headers in [
        (401, "openai-only", KEYS[front] | {name: "Bearer sk-of-nobody"}),
        (404, "unknown", KEYS[front]),
        (404, "none/gpt-4o", KEYS[front]),
    ]:
        answer = sent(hybrid, front, json.dumps(request(front, model, False)), headers)
        assert (answer.status, bool(answer.error["message"])) == (status, True), answer.body
    assert hybrid.openai_sim.requests() == []


@BY_FRONT
@pytest.mark.parametrize("body", ["{", "[]", "", '{"model": 7}'])
def test_what_cannot_be_read_is_a_400(hybrid, front, body):
    answer = sent(hybrid, front, body)
    assert answer.status == 400 and "HTTP" not in answer.error["message"], answer.body


@BY_FRONT
def test_what_is_too_large_is_a_413(hybrid, front):
    answer = sent(hybrid, front, json.dumps(request(front, "fast", False, text="x" * 1_000_001)))
    assert answer.status == 413 and answer.error["message"], answer.body


@BY_FRONT
def test_limits_refuse_and_say_so(hybrid, front):
    header = own("x-few")
    first = ask(hybrid, front, "openai-only", headers=header)
    assert (first.status, first.headers["x-ratelimit-remaining-requests"]) == (200, "0")
    refused = ask(hybrid, front, "openai-only", headers=header)
    assert refused.status == 429 and int(refused.headers["retry-after"]) > 0
    assert refused.headers["x-attache-limit"] == "few" and "`few`" in refused.error["message"]
    assert hybrid.gateway.record(refused.request_id)["refused_by"] == "few"


def test_a_rule_caps_the_answer(hybrid):
    answer = ask(hybrid, "openai", "claude-only", headers={"x-capped": "1"}, max_tokens=5000)
    assert answer.status == 200
    (received,) = hybrid.claude_sim.requests()
    assert json.loads(received["body"])["max_tokens"] == 40


def test_a_used_up_budget_has_another_model_serve(hybrid):
    first = ask(hybrid, "openai", "exhausted")
    hybrid.gateway.record(first.request_id)
    assert (first.provider, ask(hybrid, "openai", "exhausted").provider) == ("openai", "claude")


@BY_FRONT
def test_headers_of_clients_are_not_trusted(hybrid, front):
    plan = {"targets": [{"to": "openai-only/openai/gpt-4o-mini", "provider": "openai", "model": "stolen"}]}
    asked = {"model": "openai-only", "stream": False, "prompt_tokens": 0, "bytes": 0}
    forged = {"x-attache-ask": json.dumps(asked), "x-attache-plan": json.dumps(plan), "x-attache-planned": "1"}
    answer = ask(hybrid, front, "claude-only", headers=forged)
    assert (answer.provider, hybrid.openai_sim.requests()) == ("claude", [])


# What names no model


def test_the_service_lists_its_models_and_counts_no_tokens(hybrid):
    listed = hybrid.http.get("/v1/models", headers=KEYS["openai"]).json()
    assert "fast" in [model["id"] for model in listed["data"]]
    counting = {"messages": [{"role": "user", "content": "hello"}]}
    upstream = hybrid.http.post("/v1/messages/count_tokens", json=counting | {"model": "claude-only"}, headers=KEYS["anthropic"])
    assert (upstream.status_code, "input_tokens" in upstream.json()) == (200, True), upstream.text
    for path in ("/v1/messages/count_tokens", "/tokenize"):
        met = hybrid.http.post(path, json=counting | {"model": "openai-only"}, headers=KEYS["anthropic"])
        assert (met.status_code, "does not count tokens" in met.text) == (400, True), met.text


def test_what_names_no_model_goes_to_who_takes_that(hybrid):
    hybrid.files_sim.script(raw_body='{"data": []}', content_type="application/json")
    met = hybrid.http.get("/v1/files?limit=2", headers=KEYS["openai"])
    assert (met.status_code, met.text) == (200, '{"data": []}')
    (received,) = hybrid.files_sim.requests()
    headers = headers_of(received)
    assert (received["path"], headers["authorization"]) == ("/v1/files?limit=2", f"Bearer {FILES_KEY}")
    assert hybrid.gateway.record(met.headers["x-request-id"])["ending"] == "complete"


def test_of_what_names_no_model_an_answer_without_a_body_is_one(hybrid, beside):
    for each in (hybrid, beside):
        for method, said in [("HEAD", '{"id": "file-1"}'), ("POST", "")]:
            each.files_sim.script(raw_body=said, content_type="application/json")
            met = each.http.request(method, "/v1/files/file-1", headers=KEYS["openai"])
            assert (met.status_code, met.content) == (200, b"")
            assert met.headers.get_list("x-attache-attempts") == ["1"]
            assert each.gateway.record(met.headers["x-request-id"])["ending"] == "complete"


def test_an_answer_that_nobody_reads_is_whole_unless_somebody_hangs_up(hybrid):
    hybrid.openai_sim.script(raw_body="RIFF", content_type="audio/wav")
    asked = {"model": "openai-only", "input": "hello", "voice": "alloy"}
    met = hybrid.http.post("/v1/audio/speech", json=asked, headers=KEYS["openai"])
    assert (met.status_code, met.text) == (200, "RIFF")
    assert hybrid.gateway.record(met.headers["x-request-id"])["ending"] == "complete"


# The end


@BY_LINE
def test_a_client_that_leaves_in_the_middle_pays_what_was_delivered(hybrid, front, provider):
    client = Open(hybrid, front, f"{provider}-only", script=SLOW, max_tokens=300, headers=own())
    client.read_headers().read_until(has_text).leave()
    record = hybrid.gateway.record(client.request_id)
    prompt, output = tokens_of(record)
    assert (record["ending"], record["tokens_counted_here"]) == ("cut", True)
    assert prompt >= 2 and output < 60, "of 250 that it would have been"
    assert settled(record)["tokens"] == prompt + output


@BY_FRONT
def test_a_client_that_leaves_before_any_answer_pays_the_prompt(hybrid, front):
    known = len(hybrid.gateway.records())
    client = Open(hybrid, front, "openai-only", stream=False, script={"latency_ms": 3000}, max_tokens=50, headers=own())
    stack.wait_until(hybrid.openai_sim.requests, "request at the provider")
    client.leave()
    record = last_record(hybrid, known)
    assert (record["ending"], record["status"], len(record["attempts"])) == ("cut", 0, 1)
    assert settled(record)["tokens"] == tokens_of(record)[0] > 0


@BY_LINE
def test_a_stream_that_breaks_does_not_look_whole(hybrid, front, provider):
    script = {"chunks": 6, "text_bytes": 300, "reset_after_events": 3}
    client = Open(hybrid, front, f"{provider}-only", script=script, max_tokens=300)
    with pytest.raises(Exception):
        assert client.read_headers().read_rest().endswith((b"[DONE]\n\n", b'"message_stop"}\n\n'))
    record = hybrid.gateway.record(client.request_id)
    assert record["ending"] in ("cut", "failed") and tokens_of(record)[0] > 0
    client.leave()


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def field(name: str, value: str) -> bytes:
    """A header without compression, and shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def test_a_client_that_resets_its_stream_over_http2_has_cut_the_answer(hybrid):
    known = len(hybrid.gateway.records())
    # Nobody reads it, so nothing is told of it; and it does not fit into the client's window, so it stays open.
    hybrid.openai_sim.script(raw_body="RIFF" * 100_000, content_type="audio/wav")
    asked = {":method": "POST", ":scheme": "http", ":path": "/v1/audio/speech", ":authority": "x"} | KEYS["openai"]
    head = b"".join(field(*each) for each in (asked | {"content-type": "application/json"}).items())
    body = json.dumps({"model": "openai-only", "input": "hello", "voice": "alloy"}).encode()
    with socket.create_connection(("127.0.0.1", hybrid.gateway.port), timeout=10) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, head) + frame(0, 1, 1, body))
        kind = None
        with client.makefile("rb") as frames:
            while kind != 1:
                length, kind = int.from_bytes(frames.read(3)), frames.read(1)[0]
                frames.read(5 + length)
        client.sendall(frame(3, 0, 1, (8).to_bytes(4)))
        record = last_record(hybrid, known)
    assert (record["ending"], record["status"]) == ("cut", 200)


def quick_leaver(gateway, wait: float) -> None:
    """Asks, and is gone while the service decides."""
    body = json.dumps(request("openai", "openai-only", True))
    head = f"POST {PATHS['openai']} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(f"{head}authorization: {KEYS['openai']['authorization']}\r\n\r\n{body}".encode())
        time.sleep(wait)


def logged(gateway, outcome: str) -> float:
    return metric(gateway.metrics(), "attache_logged_exchanges_total", outcome=outcome)


def test_a_client_that_leaves_while_the_service_decides_pays_nothing_and_holds_nothing(hybrid):
    known = len(hybrid.gateway.records())

    def untaken() -> bool:
        for i in range(100):
            quick_leaver(hybrid.gateway, i * 0.0001)
        return logged(hybrid.gateway, "untaken") > 0

    stack.wait_until(untaken, "exchange whose reply Envoy never took")
    stack.wait_until(lambda: metric(hybrid.gateway.metrics(), "attache_open_exchanges") == 0, "end of all of them")
    records = hybrid.gateway.records()[known:]
    unsent = [record for record in records if not record["attempts"]]
    assert unsent and {record["ending"] for record in unsent} == {"cut"}
    assert all(record.get("tokens") is None for record in unsent)


# What it cannot do, and what it can do elsewhere


def test_a_reload_that_needs_bodies_is_refused_until_it_goes(hybrid):
    gateway = hybrid.gateway
    written = gateway.config_path.read_text()
    guarded = written + "guards: [ { name: no-crows, patterns: { deny_words: [crow] } } ]\n"
    try:
        gateway.config_path.write_text(guarded)
        refused = stack.wait_until(lambda: refusal(hybrid), "refusal")
        assert (refused.status, hybrid.openai_sim.requests()[1:]) == (500, []), refused.body
        assert "guards" in gateway.attache.err()
        argv = [stack.binary("attache"), "envoy", "--config", gateway.config_path, "--topology", "hybrid"]
        printed = subprocess.run(argv, capture_output=True, text=True)
        assert (printed.returncode, printed.stdout) == (1, "") and "WASM filter `guard`" in printed.stderr
    finally:
        gateway.config_path.write_text(written)
    stack.wait_until(lambda: not refusal(hybrid), "answer")


def test_after_a_reload_a_request_is_made_for_whom_it_goes_to_or_not_at_all(hybrid):
    gateway = hybrid.gateway
    written = gateway.config_path.read_text()
    twins = f"{TWINS[0]}, {TWINS[1]}"

    def sent_to(model, answer=200):
        hybrid.reset()
        status = ask(hybrid, "openai", "twins", temperature=0.5).status
        bodies = [json.loads(received["body"]) for received in hybrid.claude_sim.requests()]
        return (status, bodies) if [status, *(body["model"] for body in bodies)] == [answer, *model] else None

    try:
        (_, (body,)) = sent_to(["claude-opus-4-7"])
        assert "temperature" not in body
        gateway.config_path.write_text(written.replace(twins, f"{TWINS[1]}, {TWINS[0]}"))
        (_, (body,)) = stack.wait_until(lambda: sent_to(["claude-haiku-4-5"]), "reload")
        assert body["temperature"] == 0.5
        gateway.config_path.write_text(written.replace(twins, "{ provider: claude, model: claude-sonnet-4-5 }"))
        stack.wait_until(lambda: sent_to([], 503), "reload")
    finally:
        gateway.config_path.write_text(written)
    stack.wait_until(lambda: sent_to(["claude-opus-4-7"]), "reload")


def refusal(each) -> Answer | None:
    each.reset()
    answer = ask(each, "openai", "openai-only")
    return answer if answer.status != 200 else None


@pytest.fixture(scope="module")
def _older(_hybrid, tmp_path_factory):
    started = Another(_hybrid, tmp_path_factory.mktemp("older") / "envoy", "1.39.3", "hybrid").wait()
    yield started
    started.stop()


@BY_FRONT
@BY_STREAM
def test_envoy_1_39_does_it_too(_older, hybrid, front, stream):
    hybrid.openai_sim.script(status=503)
    answer = ask(_older, front, "fast", stream)
    assert (answer.text != "", answer.provider, answer.attempts) == (True, "claude", 2)
    assert OPENAI_KEY not in json.dumps(hybrid.claude_sim.requests())
    record = hybrid.gateway.record(answer.request_id)
    assert (record["ending"], len(record["attempts"])) == ("complete", 2)


def test_a_token_that_was_revoked_is_renewed(hybrid):
    """Late here: what was fetched a few seconds ago is not fetched again."""

    def renewed():
        hybrid.reset()
        hybrid.files_sim.script(validate=False)
        hybrid.files_sim.queue({"status": 401})
        assert [ask(hybrid, "openai", "entra-only").status for _ in range(2)] == [502, 200]
        shown = [headers_of(received)["authorization"] for received in hybrid.files_sim.requests()]
        assert all(token.startswith("Bearer sim-token.") for token in shown)
        return len(set(shown)) == 2

    stack.wait_until(renewed, "other token", 20)


def test_nothing_waits_for_ever(hybrid):
    def is_over():
        return metric(hybrid.gateway.metrics(), "attache_open_exchanges") == 0

    stack.wait_until(is_over, "end of all exchanges")
    numbers = hybrid.gateway.metrics()
    assert metric(numbers, "attache_logged_exchanges_total", outcome="settled") > 0
    assert metric(numbers, "attache_logged_exchanges_total", outcome="unknown") == 0


def test_who_takes_over_learns_how_its_exchanges_end(hybrid, tmp_path):
    """Envoy goes on telling the process that drains."""
    gateway, old, port = hybrid.gateway, hybrid.gateway.attache, stack.free_port()
    gateway.record(ask(hybrid, "openai", "openai-only").request_id)
    client = Open(hybrid, "openai", "claude-only", script={"chunks": 10, "chunk_delay_ms": 100}, max_tokens=100)
    client.read_headers().read_until(has_text)
    old.child.send_signal(signal.SIGTERM)
    stack.wait_until(lambda: not gateway.socket_path.exists(), "end of the socket")
    config = tmp_path / "attache.yaml"
    config.write_text(gateway.config_path.read_text().replace(f"127.0.0.1:{gateway.admin_port}", f"127.0.0.1:{port}"))
    new = stack.Process("new", [stack.binary("attache"), "serve", "--config", config], tmp_path)
    new.wait_for(lambda: "attache serves" in new.err(), "line that it serves")
    first = stack.wait_until(lambda: served(hybrid), "answer by the new process")
    stack.wait_until(lambda: logged(gateway, "passed_on") == 1, "line that is passed on")
    assert old.child.poll() is None and client.read_rest().endswith(b"[DONE]\n\n")
    assert gateway.record(client.request_id)["ending"] == "complete"
    assert old.child.wait(10) == 0
    # From now on the new one is the gateway's.
    gateway.attache, gateway.admin_port = new, port
    for request_id in [first, *(served(hybrid) for _ in range(5))]:
        assert gateway.record(request_id)["ending"] == "complete"


def served(each) -> str | None:
    answer = ask(each, "openai", "openai-only")
    return answer.request_id if answer.status == 200 else None


def test_a_service_that_drains_settles_what_is_open_and_is_missed_then(hybrid):
    """The last one: the service is gone then."""
    own = hybrid
    # Envoy begins to tell with the first exchange that is over.
    own.gateway.record(ask(own, "openai", "openai-only").request_id)
    own.reset()
    open_one = Open(own, "openai", "claude-only", script={"chunks": 10, "chunk_delay_ms": 100}, max_tokens=100)
    open_one.read_headers().read_until(has_text)
    own.gateway.attache.child.send_signal(signal.SIGTERM)
    assert open_one.read_rest().endswith(b"[DONE]\n\n"), "the service's end is no matter for what goes on"
    began = time.monotonic()
    own.gateway.attache.child.wait(10)
    assert time.monotonic() - began < 3
    record = own.gateway.record(open_one.request_id)
    assert (record["ending"], record.get("tokens_counted_here", False)) == ("complete", False)
    for front in FRONTS:
        answer = ask(own, front, "openai-only")
        assert (answer.status, bool(answer.error["message"])) == (503, True)
    assert own.openai_sim.requests() == []
