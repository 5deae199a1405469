"""However an exchange ends, a cut answer never looks whole, and the books are right: one usage record each."""

import collections
import http.client
import json
import re

import anthropic
import openai
import pytest
from stack import now_ms, wait_until
from wire import FRONTS, KEYS, PATHS, ask, delta_of, events_of, request

LINES = [(front, provider) for front in FRONTS for provider in ("openai", "claude")]
BY_LINE = pytest.mark.parametrize("front, provider", LINES)
BY_FRONT = pytest.mark.parametrize("front", FRONTS)
LONG = {"chunks": 60, "chunk_delay_ms": 500, "text_bytes": 6000}
ALL_CLIENTS_ERRORS = (openai.APIError, anthropic.APIError)


class Open:
    """A request on a connection of its own, which can be left at any moment."""

    def __init__(
        self,
        stack,
        front: str,
        model: str,
        stream: bool = True,
        script: dict | None = None,
        headers: dict | None = None,
        **params,
    ):
        self.connection = http.client.HTTPConnection("127.0.0.1", stack.gateway.port, timeout=30)
        headers = KEYS[front] | {"content-type": "application/json"} | (headers or {})
        if script is not None:
            headers["x-sim"] = json.dumps(script)
        self.connection.request("POST", PATHS[front], json.dumps(request(front, model, stream, **params)), headers)
        self.response: http.client.HTTPResponse | None = None
        self.seen = b""

    def read_headers(self) -> "Open":
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        return self

    def read_until(self, reached) -> "Open":
        """Reads events until `reached` holds for what has come."""
        while not reached(self.seen):
            piece = self.response.read1()
            assert piece, f"the stream ended: {self.seen[-200:]}"
            self.seen += piece
        return self

    def read_rest(self) -> bytes:
        return self.seen + self.response.read()

    @property
    def request_id(self) -> str:
        return self.response.headers["x-request-id"]

    def leave(self) -> None:
        if self.response:
            self.response.close()
        self.connection.close()


def simulator(stack, provider: str):
    return stack.openai_sim if provider == "openai" else stack.claude_sim


def last_record(stack, known: int) -> dict:
    """The record after the `known` ones, where nothing else may still be booked; `record_since` holds anywhere."""
    records = wait_until(lambda: stack.gateway.records()[known:], "usage record")
    assert len(records) == 1, records
    return records[0]


def has_text(seen: bytes) -> bool:
    complete = seen[: seen.rfind(b"\n\n") + 1]
    return any(map(delta_of, events_of(complete)))


def is_over(seen: bytes) -> bool:
    return b"[DONE]\n\n" in seen or (b'"message_stop"' in seen and seen.endswith(b"\n\n"))


def attempts(record: dict) -> list[tuple[str, str]]:
    return [(attempt["provider"], attempt["outcome"]) for attempt in record["attempts"]]


# The upstream fails in the middle


@BY_LINE
def test_a_reset_in_mid_stream_raises_in_the_sdk_and_is_cut_in_the_books(both, front, provider):
    simulator(both, provider).script(reset_after_events=5, chunks=20, text_bytes=400)
    began = now_ms()
    texts, finished = [], False
    with pytest.raises(Exception) as raised:
        for text, finish in sdk_stream(both, front, f"{provider}-only"):
            texts.append(text)
            finished |= bool(finish)
    assert not isinstance(raised.value, AssertionError)
    assert texts and not finished
    record = both.gateway.record_since(began)
    assert (record["ending"], record["status"], attempts(record)) == ("cut", 200, [(provider, "served")])
    if provider == "claude":
        assert record["tokens"]["input"] > 0, "message_start had told"
    assert record["tokens"]["output"] > 0 and record["tokens_counted_here"], "what was delivered was counted"


def sdk_stream(stack, front: str, model: str):
    """Text and finish reason of every event, as the SDK gives them."""
    messages = [{"role": "user", "content": "hello"}]
    if front == "openai":
        for chunk in stack.openai.chat.completions.create(model=model, messages=messages, stream=True):
            for choice in chunk.choices:
                yield choice.delta.content or "", choice.finish_reason
        return
    for event in stack.anthropic.messages.create(model=model, messages=messages, max_tokens=100, stream=True):
        if event.type == "content_block_delta":
            yield event.delta.text, None
        if event.type in ("message_delta", "message_stop"):
            yield "", event.type


BROKEN = {
    "ends early": {"close_after_events": 5, "chunks": 20, "text_bytes": 400},
    "ends without its last event": {"omit_done": True},
    "holds an error": {"error_after_events": {"after": 4, "type": "overloaded_error", "message": "no room"}, "chunks": 9},
    "holds what cannot be read": {"garbage_after_events": 4, "chunks": 9},
}


@BY_LINE
@pytest.mark.parametrize("what", BROKEN)
def test_a_stream_closes_with_an_error_event_if_it(both, what, front, provider):
    simulator(both, provider).script(**BROKEN[what])
    answer = ask(both, front, f"{provider}-only", stream=True)
    assert answer.status == 200
    message = answer.error["message"]
    assert ("no room" in message) == (what == "holds an error"), message
    if what != "ends without its last event":
        assert not any(finish in answer.body for finish in (b'"stop"', b'"end_turn"')), "it must not look finished"
    assert not answer.whole
    record = both.gateway.record(answer.request_id)
    assert (record["ending"], record["status"]) == ("failed", 200)
    assert record["fault"] == ("overloaded" if what == "holds an error" else "upstream")
    assert attempts(record) == [(provider, "failed")]
    with pytest.raises(ALL_CLIENTS_ERRORS):
        list(sdk_stream(both, front, f"{provider}-only"))


@BY_FRONT
def test_an_answer_that_is_no_json_is_an_error(both, front):
    both.openai_sim.script(raw_body='{"id": "chatcmpl-1", "choices": [', content_type="application/json")
    answer = ask(both, front, "openai-only")
    assert answer.status == 502
    assert answer.error["message"]
    assert both.gateway.record(answer.request_id)["fault"] == "upstream"


# The client leaves


@BY_LINE
def test_a_hang_up_in_the_middle_cancels_the_upstream_at_once(both, front, provider):
    exchange = Open(both, front, f"{provider}-only", script=LONG).read_headers().read_until(has_text)
    exchange.leave()
    # Half a minute of the answer is left: it does not end by itself within the wait.
    gone = lambda: [received["ended"] for received in simulator(both, provider).requests()] == ["client_gone"]
    wait_until(gone, "hang-up at the provider", 20)
    record = both.gateway.record(exchange.request_id)
    assert (record["ending"], record["status"], attempts(record)) == ("cut", 200, [(provider, "served")])
    assert record["first_token_ms"] >= 0
    if provider == "claude":
        assert record["tokens"]["input"] > 0


@BY_LINE
def test_a_hang_up_right_after_the_last_event_costs_no_usage(both, front, provider):
    usage = both.gateway.record(ask(both, front, f"{provider}-only", stream=True).request_id)["tokens"]
    exchange = Open(both, front, f"{provider}-only", script={"hold_ms_after_done": 60_000})
    exchange.read_headers().read_until(is_over).leave()
    record = both.gateway.record(exchange.request_id)
    assert (record["ending"], record["tokens"]) == ("complete", usage)
    assert usage["input"] > 0 and usage["output"] > 0
    wait_until(lambda: simulator(both, provider).requests()[-1]["ended"] == "client_gone", "hang-up at the provider")


@pytest.mark.parametrize("stream", [False, True])
@BY_FRONT
def test_a_hang_up_before_the_first_byte_cancels_the_upstream_at_once(both, front, stream):
    began = now_ms()
    exchange = Open(both, front, "fast", stream, script={"never_answer": True})
    wait_until(lambda: both.openai_sim.requests(), "request at the provider")
    exchange.leave()
    wait_until(lambda: both.openai_sim.requests()[-1]["ended"] == "client_gone", "hang-up at the provider")
    record = both.gateway.record_since(began)
    assert (record["ending"], record["status"], attempts(record)) == ("cut", 0, [("openai", "failed")])
    assert "tokens" not in record and "first_token_ms" not in record
    assert both.claude_sim.requests() == [], "nobody waits for another answer"


def test_a_hang_up_in_the_second_attempt_names_both(sidecar):
    began = now_ms()
    sidecar.openai_sim.script(status=503)
    sidecar.claude_sim.script(never_answer=True)
    exchange = Open(sidecar, "openai", "fast")
    wait_until(lambda: sidecar.claude_sim.stats()["open"], "request at the second provider")
    exchange.leave()
    record = sidecar.gateway.record_since(began)
    assert (record["ending"], attempts(record)) == ("cut", [("openai", "failed"), ("claude", "failed")])


def test_a_burst_of_hang_ups_does_not_disturb_open_streams(sidecar):
    began = now_ms()
    # Long enough that they are open until everybody else has come.
    script = {"chunks": 25, "chunk_delay_ms": 300, "text_bytes": 1000}
    leaving = [Open(sidecar, "anthropic", "openai-only", script=LONG) for _ in range(300)]
    staying = [Open(sidecar, "openai", "claude-only", script=script) for _ in range(50)]
    there = lambda: sidecar.openai_sim.stats()["open"] >= 300 and sidecar.claude_sim.stats()["open"] > 0
    wait_until(there, "open streams at the providers")
    for exchange in leaving:
        exchange.leave()
    for exchange in staying:
        assert is_over(exchange.read_headers().read_rest())
        exchange.leave()
    wait_until(lambda: sidecar.openai_sim.stats()["client_gone"] >= 300, "hang-ups at the provider")
    records = wait_until(lambda: len(found := sidecar.gateway.records(began)) >= 350 and found, "record of everybody")
    endings = collections.Counter((record["front"], record["ending"]) for record in records)
    assert endings == {("anthropic", "cut"): 300, ("openai", "complete"): 50}


@BY_FRONT
def test_a_client_that_reads_slowly_gets_everything(sidecar, front):
    text = "".join(f"word {i} " for i in range(100_000))
    sidecar.claude_sim.script(text=text, chunks=2_000)
    exchange = Open(sidecar, front, "claude-only", max_tokens=1_000_000)
    exchange.read_headers()
    wait_until(lambda: sidecar.claude_sim.requests()[0]["events_sent"] > 100, "events that wait for the client")
    body = exchange.read_rest()
    assert "".join(map(delta_of, events_of(body))) == text
    assert is_over(body)
    assert sidecar.gateway.record(exchange.request_id)["ending"] == "complete"


# What is told


@BY_LINE
@pytest.mark.parametrize("stream", [False, True])
def test_usage_is_counted_once(both, front, provider, stream):
    before = tokens_metric(both, provider)
    answer = ask(both, front, f"{provider}-only", stream)
    tokens = both.gateway.record(answer.request_id)["tokens"]
    count, total = (after - b for after, b in zip(tokens_metric(both, provider), before))
    assert (count, total) == (2, tokens["input"] + tokens["output"]), "one observation of input, one of output"


def tokens_metric(stack, provider: str) -> tuple[float, float]:
    """Number of observations and their sum."""
    text = stack.gateway.metrics()

    def sum_of(what: str) -> float:
        line = rf'gen_ai_client_token_usage_{what}\{{[^}}]*gen_ai_provider_name="{provider}"[^}}]*\}} (\S+)'
        return sum(map(float, re.findall(line, text)))

    return sum_of("count"), sum_of("sum")


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("provider", ["openai", "claude"])
def test_an_openai_client_sees_the_usage_if_it_asked_for_it(both, provider, asked):
    params = {"stream_options": {"include_usage": True}} if asked else {}
    answer = ask(both, "openai", f"{provider}-only", stream=True, **params)
    shown = [event["usage"] for event in answer.events if event.get("usage")]
    assert len(shown) == asked
    assert answer.whole and all(event["choices"] or asked for event in answer.events)
    tokens = both.gateway.record(answer.request_id)["tokens"]
    assert tokens["output"] > 0
    if asked:
        assert shown[0]["completion_tokens"] == tokens["output"]


@BY_LINE
def test_the_first_token_is_timed(both, front, provider):
    simulator(both, provider).script(first_token_ms=120)
    streamed = both.gateway.record(ask(both, front, f"{provider}-only", stream=True).request_id)
    assert 100 <= streamed["first_token_ms"] <= streamed["duration_ms"]
    whole = both.gateway.record(ask(both, front, f"{provider}-only").request_id)
    assert "first_token_ms" not in whole


@BY_FRONT
def test_the_access_log_tells_who_and_how_much_and_no_key(both, front):
    both.openai_sim.script(status=503)
    answers = [ask(both, front, "fast", stream) for stream in (False, True)]
    for answer, stream in zip(answers, (False, True)):
        line = access_log_of(both, answer.request_id)
        record = both.gateway.record(answer.request_id)
        told = {key: line[key] for key in ("front", "model", "provider", "attempts", "status")}
        assert told == {"front": front, "model": "fast", "provider": "claude", "attempts": 2, "status": 200}
        assert (line["input_tokens"], line["output_tokens"]) == (record["tokens"]["input"], record["tokens"]["output"])
        assert (line["ttft_ms"] is not None) == stream


@pytest.mark.parametrize("model, provider", [("fast", "claude"), ("openai-only", "openai")])
def test_the_access_log_names_the_provider_of_an_exchange_that_failed(both, model, provider):
    both.openai_sim.script(reset_before_headers=True)
    both.claude_sim.script(reset_before_headers=True)
    answer = ask(both, "openai", model)
    assert answer.status == 502
    line = access_log_of(both, answer.request_id)
    assert (line["provider"], line["model"], line["status"]) == (provider, model, 502)


def access_log_of(stack, request_id: str) -> dict:
    said = lambda: [line for line in stack.gateway.access_log() if line["request_id"] == request_id]
    found = wait_until(said, "line in the access log")
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("model, status", [("openai-only", 200), ("fast", 200), ("no-such-model", 404)])
@BY_FRONT
def test_every_answer_has_an_id_of_the_gateway_s_own(both, front, model, status):
    both.openai_sim.script(headers={"x-request-id": "of-the-provider"})
    headers = {"x-request-id": "of-the-client"}
    answers = [ask(both, front, model, stream, headers) for stream in (False, True)]
    assert [answer.status for answer in answers] == [status, status]
    ids = {answer.request_id for answer in answers}
    assert len(ids) == 2 and not {"of-the-client", "of-the-provider"} & ids
    for request_id in ids:
        assert both.gateway.record(request_id)["model"] == model
