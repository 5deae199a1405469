"""What an exchange costs, for clients that ask: in a header, and in the usage."""

import json

import pytest
import sdk
from conftest import Stack
from rules import metric, simulator_of
from wire import ask

PRICES = """
prices:
  built_in: false
  entries:
    openai/gpt-4o-mini: { input: 0.15, cached_input: 0.075, output: 0.60 }
    claude/claude-haiku-4-5: { input: 1, cached_input: 0.10, cache_write: 1.25, output: 5 }
"""
USAGE = {
    "openai": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "prompt_tokens_details": {"cached_tokens": 600}},
    "claude": {"input_tokens": 300, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 100, "output_tokens": 100},
}
# By hand: 400 × 0.15 + 600 × 0.075 + 100 × 0.60, and 300 × 1 + 600 × 0.10 + 100 × 1.25 + 100 × 5, millionths of a dollar.
NANOS = {"openai": 165_000, "claude": 985_000}
LINE = pytest.mark.parametrize("front, provider", [(f, p) for f in sdk.FRONTS for p in sdk.PROVIDERS])


@pytest.fixture(scope="module")
def _priced(tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp("priced"), extra=PRICES)
    yield started
    started.stop()


@pytest.fixture
def priced(_priced):
    _priced.reset()
    return _priced


def asked(stack, front: str, provider: str, stream: bool, wish: str | None):
    simulator_of(stack, provider).script(usage=USAGE[provider], chunks=3)
    params = {"stream_options": {"include_usage": True}} if front == "openai" and stream else {}
    headers = {} if wish is None else {"x-include-cost": wish}
    return ask(stack, front, f"{provider}-only", stream, headers=headers, **params)


@LINE
def test_a_whole_answer_tells_its_cost_when_asked(priced, front, provider):
    answer = asked(priced, front, provider, False, "1")
    assert nanos(answer.headers["x-attache-cost"]) == NANOS[provider]
    usage = json.loads(answer.body, parse_float=str)["usage"]
    assert nanos(usage["cost"]) == NANOS[provider]
    record = priced.gateway.record(answer.request_id)
    assert record["cost"]["nanos"] == NANOS[provider]


@LINE
def test_a_stream_tells_its_cost_with_its_last_usage(priced, front, provider):
    answer = asked(priced, front, provider, True, "1")
    assert answer.whole
    events = [json.loads(line, parse_float=str) for line in data_of(answer.body)]
    costs = [cost for event in events if (cost := (event.get("usage") or {}).get("cost")) is not None]
    assert [nanos(cost) for cost in costs] == [NANOS[provider]]
    assert priced.gateway.record(answer.request_id)["cost"]["nanos"] == NANOS[provider]


@LINE
@pytest.mark.parametrize("wish", [None, "0", "false", ""])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_nobody_else_reads_it(priced, front, provider, stream, wish):
    answer = asked(priced, front, provider, stream, wish)
    assert "x-attache-cost" not in answer.headers and b'"cost"' not in answer.body
    assert priced.gateway.record(answer.request_id)["cost"]["nanos"] == NANOS[provider]


@LINE
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_sdks_read_an_answer_with_its_cost(priced, front, provider, stream):
    line = sdk.Line(priced, front, provider, stream)
    params = {"stream_options": {"include_usage": True}} if front == "openai" and stream else {}
    reply = line.ask({"usage": USAGE[provider]}, extra_headers={"x-include-cost": "1"}, **params)
    assert reply.text == "You said: hello"
    if front == "anthropic" and stream:
        return  # gathering a stream, this SDK keeps the usage's own fields only; its events have all
    assert round(float(reply.native.usage.cost) * 1e9) == NANOS[provider]


def test_a_price_that_nobody_knows_is_not_zero(priced):
    answer = ask(priced, "openai", "openai/some-model", headers={"x-include-cost": "1"})
    assert "x-attache-cost" not in answer.headers and b'"cost"' not in answer.body
    record = priced.gateway.record(answer.request_id)
    assert record["price_unknown"] is True and "cost" not in record
    assert metric(priced.gateway.metrics(), "attache_unpriced_exchanges_total", provider="openai") >= 1


def data_of(body: bytes) -> list[bytes]:
    lines = [line.removeprefix(b"data:").strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [line for line in lines if line != b"[DONE]"]


def nanos(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0"))
