"""When the first target fails the next one answers, whatever dialect it speaks, in both topologies."""

import collections
import json
import re

import pytest
from conftest import CLAUDE_KEY, CLIENT_KEY, OPENAI_KEY, Stack
from wire import FRONTS, ask, headers_of, request

import stack

SECOND_KEY = "sk-second-secret-of-the-gateway"
FAILURES = {
    "503": {"status": 503},
    "429": {"status": 429, "headers": {"retry-after": "7"}},
    "500": {"status": 500},
    "529": {"status": 529},
    "says that Envoy shall not retry": {"status": 503, "headers": {"x-envoy-ratelimited": "true"}},
    "resets before the headers": {"reset_before_headers": True},
}
BY_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
BY_FRONT = pytest.mark.parametrize("front", FRONTS)


class Wide(Stack):
    """A third provider that answers, and two that nobody can reach."""

    def __init__(self, folder, topology: str):
        self.second_sim = stack.Simulator("second", folder)
        providers = f"""
  second: {{ dialect: openai, url: "{self.second_sim.base}/v1", auth: {{ bearer: {SECOND_KEY} }} }}
  closed: {{ dialect: openai, url: "http://127.0.0.1:{stack.free_port()}/v1", auth: {{ bearer: sk-closed }} }}
  closed-claude: {{ dialect: anthropic, url: "http://127.0.0.1:{stack.free_port()}", auth: {{ bearer: sk-closed }} }}
  nameless: {{ dialect: openai, url: "http://does-not-exist.invalid/v1", auth: {{ bearer: sk-nameless }} }}"""
        models = {
            "closed-first": ["closed", "claude"],
            "closed-claude-first": ["closed-claude", "openai"],
            "nameless-first": ["nameless", "claude"],
            "nobody": ["closed", "nameless"],
            "same-dialect": ["openai", "second"],
            "three": ["openai", "claude", "second"],
            "again": (["openai", "claude"], "retry: { attempts: 4 }"),
            "once": (["openai", "claude"], "retry: { attempts: 1 }"),
            # The second has to answer within it, on a busy machine as well.
            "impatient": (["openai", "claude"], "retry: { per_try_timeout: 2s }"),
            # Large bodies take longer.
            "patient": (["openai", "claude"], "retry: { per_try_timeout: 30s }"),
            "impatient-alone": (["openai"], "retry: { per_try_timeout: 250ms }"),
            "only-429": (["openai", "claude"], "retry: { on: [429] }"),
            "spread": (["openai", "claude"], "select: weighted"),
            "strict-second": (["openai", "claude"], "losses: refuse"),
        }
        super().__init__(folder, topology, "\n".join(map(written, models.items())), providers)

    def reset(self) -> None:
        super().reset()
        self.second_sim.reset()

    def stop(self) -> None:
        super().stop()
        self.second_sim.stop()


def written(model: tuple) -> str:
    name, meaning = model
    providers, more = meaning if isinstance(meaning, tuple) else (meaning, "losses: allow")
    targets = ", ".join(f"{{ provider: {provider}, model: {model_of(provider)} }}" for provider in providers)
    return f"  {name}: {{ targets: [ {targets} ], {more} }}"


def model_of(provider: str) -> str:
    return "claude-haiku-4-5" if "claude" in provider else "gpt-4o-mini"


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _wide(request, tmp_path_factory):
    started = Wide(tmp_path_factory.mktemp(f"wide-{request.param}"), request.param)
    yield started
    started.stop()


@pytest.fixture
def wide(_wide):
    _wide.reset()
    return _wide


def first_and_second(stack, model: str):
    """The providers of the models `fast` and `smart`, in order."""
    sims = [(stack.openai_sim, "openai"), (stack.claude_sim, "claude")]
    return sims if model == "fast" else sims[::-1]


# Who answers


@BY_STREAM
@BY_FRONT
@pytest.mark.parametrize("model", ["fast", "smart"])
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_the_second_target_answers_when_the_first(both, failure, model, front, stream):
    (first, _), (second, served) = first_and_second(both, model)
    first.script(**failure)
    second.script(require_content_length=True)
    answer = ask(both, front, model, stream)
    assert answer.text == "You said: hello"
    assert (answer.provider, answer.attempts) == (served, 2)
    assert not stream or answer.whole
    assert "retry-after" not in answer.headers


@BY_STREAM
@BY_FRONT
@pytest.mark.parametrize(
    "model, served",
    [("closed-first", "claude"), ("closed-claude-first", "openai"), ("nameless-first", "claude")],
)
def test_the_second_target_answers_when_the_first_cannot_be_reached(wide, model, served, front, stream):
    answer = ask(wide, front, model, stream)
    assert (answer.text, answer.provider, answer.attempts) == ("You said: hello", served, 2)


@BY_STREAM
@BY_FRONT
def test_the_second_target_answers_when_the_first_never_does(wide, front, stream):
    wide.openai_sim.script(never_answer=True)
    answer = ask(wide, front, "impatient", stream)
    assert (answer.text, answer.provider, answer.attempts) == ("You said: hello", "claude", 2)


def test_the_time_for_an_attempt_does_not_limit_streams(wide):
    wide.openai_sim.script(chunks=5, chunk_delay_ms=600)
    answer = ask(wide, "openai", "impatient", stream=True)
    assert (answer.provider, answer.whole) == ("openai", True)


@BY_FRONT
def test_a_second_target_of_the_same_dialect_answers(wide, front):
    wide.openai_sim.script(status=503)
    answer = ask(wide, front, "same-dialect")
    assert (answer.text, answer.provider) == ("You said: hello", "second")
    assert headers_of(wide.second_sim.requests()[0])["authorization"] == f"Bearer {SECOND_KEY}"


@BY_STREAM
@BY_FRONT
def test_a_third_target_answers_after_two_dialects(wide, front, stream):
    wide.openai_sim.script(status=500)
    wide.claude_sim.script(status=529)
    answer = ask(wide, front, "three", stream)
    assert (answer.text, answer.provider, answer.attempts) == ("You said: hello", "second", 3)
    received = headers_of(wide.second_sim.requests()[0])
    assert received["authorization"] == f"Bearer {SECOND_KEY}"
    assert received["host"] == f"127.0.0.1:{wide.second_sim.port}"
    assert not {"x-api-key", "anthropic-version"} & received.keys()
    assert wide.second_sim.requests()[0]["body"] == wide.openai_sim.requests()[0]["body"]


@pytest.mark.parametrize("to_openai, to_claude, served", [("503 200", "503", 3), ("503 503", "503 200", 4)])
def test_more_attempts_than_targets_start_over(wide, to_openai, to_claude, served):
    wide.openai_sim.queue(*scripts(to_openai))
    wide.claude_sim.queue(*scripts(to_claude))
    answer = ask(wide, "anthropic", "again")
    assert (answer.text, answer.attempts) == ("You said: hello", served)
    record = wide.gateway.record(answer.request_id)
    assert outcomes(record) == [("openai", "failed"), ("claude", "failed"), ("openai", "failed"), ("claude", "failed")][
        : served - 1
    ] + [(answer.provider, "served")]
    for received in wide.openai_sim.requests():
        assert headers_of(received)["authorization"] == f"Bearer {OPENAI_KEY}"
        assert received["path"] == "/v1/chat/completions"
    for received in wide.claude_sim.requests():
        assert headers_of(received)["x-api-key"] == CLAUDE_KEY
        assert received["path"] == "/v1/messages"


def scripts(statuses: str) -> list[dict]:
    return [{} if status == "200" else {"status": int(status)} for status in statuses.split()]


# What the second target gets


@BY_STREAM
@BY_FRONT
def test_the_anthropic_target_gets_a_request_of_its_own(both, front, stream):
    both.openai_sim.script(status=503)
    ask(both, front, "fast", stream, headers={"cookie": "a=b"})
    (received,) = both.claude_sim.requests()
    headers = headers_of(received)
    assert (received["method"], received["path"]) == ("POST", "/v1/messages")
    assert headers["host"] == f"127.0.0.1:{both.claude_sim.port}"
    assert headers["x-api-key"] == CLAUDE_KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert int(headers["content-length"]) == received["body_bytes"]
    assert not {"authorization", "transfer-encoding", "cookie"} & headers.keys()
    assert OPENAI_KEY not in str(received) and CLIENT_KEY not in str(received)
    body = json.loads(received["body"])
    assert (body["model"], body["messages"][0]["role"]) == ("claude-haiku-4-5", "user")
    assert "max_tokens" in body and "stream_options" not in body


@BY_STREAM
@BY_FRONT
def test_the_openai_target_gets_a_request_of_its_own(both, front, stream):
    both.claude_sim.script(status=503)
    ask(both, front, "smart", stream, headers={"x-goog-api-key": CLIENT_KEY})
    (received,) = both.openai_sim.requests()
    headers = headers_of(received)
    assert (received["method"], received["path"]) == ("POST", "/v1/chat/completions")
    assert headers["host"] == f"127.0.0.1:{both.openai_sim.port}"
    assert headers["authorization"] == f"Bearer {OPENAI_KEY}"
    assert int(headers["content-length"]) == received["body_bytes"]
    assert not {"x-api-key", "x-goog-api-key", "transfer-encoding", "anthropic-version"} & headers.keys()
    assert CLAUDE_KEY not in str(received) and CLIENT_KEY not in str(received)
    body = json.loads(received["body"])
    assert body["model"] == "gpt-4o"
    assert body.get("stream_options") == ({"include_usage": True} if stream else None)


@pytest.mark.parametrize("model", ["claude-only", "fast", "smart"])
def test_what_belongs_to_the_anthropic_api_reaches_it_at_any_attempt_and_nobody_else(both, model):
    both.openai_sim.script(status=503)
    both.claude_sim.script(status=503)
    headers = {"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2023-01-01"}
    both.http.post("/v1/messages?beta=true", json=request("anthropic", model, False), headers=headers)
    (received,) = both.claude_sim.requests()
    assert received["path"] == "/v1/messages?beta=true"
    assert headers.items() <= headers_of(received).items()
    for received in both.openai_sim.requests():
        assert received["path"] == "/v1/chat/completions"
        assert not headers.keys() & headers_of(received).keys()


# What is told


@BY_STREAM
def test_record_and_metrics_name_who_failed_and_who_served(both, stream):
    both.openai_sim.script(status=503)
    before = attempts_metric(both)
    answer = ask(both, "openai", "fast", stream)
    record = both.gateway.record(answer.request_id)
    assert outcomes(record) == [("openai", "failed"), ("claude", "served")]
    assert [attempt["model"] for attempt in record["attempts"]] == ["gpt-4o-mini", "claude-haiku-4-5"]
    assert (record["ending"], record["status"], record["response_model"]) == ("complete", 200, "claude-haiku-4-5")
    assert record["tokens"]["output"] > 0
    more = attempts_metric(both) - before
    assert more == {("openai", "failed"): 1, ("claude", "served"): 1}


def test_the_losses_are_those_of_the_target_that_answered(both):
    both.openai_sim.script(status=503)
    answer = ask(both, "openai", "fast", seed=7, logit_bias={"1": 1})
    assert set(answer.headers["x-attache-losses"].split(", ")) == {"seed", "logit_bias"}
    assert set(both.gateway.record(answer.request_id)["losses"]) == {"seed", "logit_bias"}
    answer = ask(both, "openai", "openai-only", seed=7, headers={"x-sim": "{}"})
    assert "x-attache-losses" not in answer.headers


def outcomes(record: dict) -> list[tuple[str, str]]:
    return [(attempt["provider"], attempt["outcome"]) for attempt in record["attempts"]]


def attempts_metric(stack) -> collections.Counter:
    line = re.compile(r'attache_attempts_total\{outcome="(\w+)",provider="(\w+)"\} (\d+)')
    found = line.findall(stack.gateway.metrics())
    return collections.Counter({(provider, outcome): int(n) for outcome, provider, n in found})


# When there is no second answer


@BY_FRONT
@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_is_the_request_s_own_fault_is_not_tried_again(both, status, front):
    both.openai_sim.script(status=status, error_message="that is wrong")
    answer = ask(both, front, "fast")
    assert (answer.status, answer.provider, answer.attempts) == (status if status != 422 else answer.status, "openai", 1)
    assert answer.error["message"] == "that is wrong"
    assert 400 <= answer.status < 500
    assert both.claude_sim.requests() == []


@BY_FRONT
def test_a_refused_key_of_the_gateway_is_not_tried_again(both, front):
    both.openai_sim.script(status=401, error_message=f"Incorrect API key provided: {OPENAI_KEY}")
    answer = ask(both, front, "fast")
    assert (answer.status, answer.provider, answer.attempts) == (502, "openai", 1)
    assert "credentials" in answer.error["message"] and OPENAI_KEY not in answer.body.decode()
    assert both.claude_sim.requests() == []


def test_a_model_with_one_attempt_is_not_tried_again(wide):
    wide.openai_sim.script(status=503, error_message="out of order")
    answer = ask(wide, "openai", "once")
    assert (answer.status, answer.attempts, answer.error["message"]) == (503, 1, "out of order")
    assert wide.claude_sim.requests() == []


def test_only_what_the_model_names_is_tried_again(wide):
    wide.openai_sim.script(status=503)
    assert ask(wide, "openai", "only-429").status == 503
    wide.openai_sim.script(status=429)
    assert ask(wide, "openai", "only-429").provider == "claude"


@BY_STREAM
@BY_FRONT
@pytest.mark.parametrize("model", ["fast", "smart"])
def test_when_all_fail_the_last_error_reaches_the_client(both, model, front, stream):
    (first, _), (last, name) = first_and_second(both, model)
    first.script(status=503, error_message="the first is away")
    last.script(status=429, error_message="the last is busy", headers={"retry-after": "17"})
    answer = ask(both, front, model, stream)
    assert (answer.status, answer.headers["retry-after"]) == (429, "17")
    assert (answer.provider, answer.attempts) == (name, 2)
    assert answer.error["message"] == "the last is busy"
    assert answer.headers["content-type"].startswith("application/json")
    record = both.gateway.record(answer.request_id)
    assert [outcome for _, outcome in outcomes(record)] == ["failed", "failed"]
    assert (record["ending"], record["status"], record["fault"]) == ("failed", 429, "rate_limit")


@BY_STREAM
@BY_FRONT
def test_when_nobody_can_be_reached_the_gateway_says_so(wide, front, stream):
    answer = ask(wide, front, "nobody", stream)
    assert (answer.status, answer.attempts) == (502, 2)
    assert answer.error["message"] == "provider `nameless` could not be reached"
    record = wide.gateway.record(answer.request_id)
    assert outcomes(record) == [("closed", "failed"), ("nameless", "failed")]
    assert (record["ending"], record["fault"]) == ("failed", "upstream")


@BY_FRONT
def test_when_nobody_answers_in_time_the_gateway_says_so(wide, front):
    wide.openai_sim.script(never_answer=True)
    answer = ask(wide, front, "impatient-alone")
    assert (answer.status, answer.error["message"]) == (504, "provider `openai` did not answer in time")


@BY_STREAM
@BY_FRONT
def test_a_connection_that_breaks_before_the_headers_is_told(both, front, stream):
    both.openai_sim.script(reset_before_headers=True)
    answer = ask(both, front, "openai-only", stream)
    assert answer.status == 502
    assert answer.error["message"] == "provider `openai` closed the connection before it answered"


@pytest.mark.parametrize("stream", [False, True])
def test_a_second_target_that_cannot_be_told_all_refuses_where_losses_are_not_allowed(wide, stream):
    wide.openai_sim.script(status=503)
    answer = ask(wide, "openai", "strict-second", stream, seed=7)
    assert (answer.status, answer.error["code"]) == (400, "translation_loss")
    assert "seed" in answer.error["message"]
    assert wide.claude_sim.requests() == []
    record = wide.gateway.record(answer.request_id)
    assert (record["ending"], record["status"], record["fault"]) == ("failed", 400, "invalid_request")
    assert outcomes(record) == [("openai", "failed"), ("claude", "failed")]
    assert ask(wide, "openai", "strict-second", stream).provider == "claude", "without losses it goes on"


# Weights and weight


def test_weights_spread_requests_and_every_request_can_fall_over(wide):
    served = collections.Counter(ask(wide, "openai", "spread").provider for _ in range(40))
    assert served.keys() == {"openai", "claude"}, "40 throws of a coin"
    wide.openai_sim.script(status=503)
    answers = [ask(wide, "openai", "spread") for _ in range(20)]
    assert {answer.provider for answer in answers} == {"claude"}
    assert {answer.attempts for answer in answers} == {1, 2}


@BY_FRONT
def test_a_body_of_20_megabytes_falls_over(wide, front):
    wide.openai_sim.script(status=503, validate=False)
    wide.claude_sim.script(validate=False, require_content_length=True, text="it is long")
    answer = ask(wide, front, "patient", text="x" * (20 << 20))
    assert (answer.text, answer.provider, answer.attempts) == ("it is long", "claude", 2)
    (received,) = wide.claude_sim.requests()
    assert received["body_bytes"] > 20 << 20
    assert int(headers_of(received)["content-length"]) == received["body_bytes"]
