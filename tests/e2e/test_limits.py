"""Rate limits: never more than the limit in any window, however many ask at once, and what clients read of it."""

import asyncio
import json
import time

import anthropic
import crowd
import openai
import pytest
from conftest import CLAUDE_KEY, OPENAI_KEY, Stack
from rules import limit_of, own, tokens_of
from sdk import FRONTS, HELLO
from stack import now_ms, wait_until
from wire import ask, headers_of

RULES = """
limits: { output_tokens_expected: 40 }
prices:
  built_in: false
  entries:
    openai/gpt-4o-mini: { input: 1, output: 1 }
rate_limits:
  tokens: { by: ["header:x-tokens"], when: { "header:x-tokens": "*" }, tokens: 1000/2s }
  minute: { by: ["header:x-minute"], when: { "header:x-minute": "*" }, tokens: 1000/m }
  requests: { by: ["header:x-requests"], when: { "header:x-requests": "*" }, requests: 20/2s }
  together: { by: ["header:x-together"], when: { "header:x-together": "*" }, concurrent: 5 }
  several:
    { by: ["header:x-several"], when: { "header:x-several": "*" }, requests: [5/h, 4/30s], tokens: 10_000/m,
      output_tokens: 500/h }
  second: { by: ["header:x-second"], when: { "header:x-second": "*" }, requests: 1/s }
  capped: { by: ["header:x-capped"], when: { "header:x-capped": "*" }, output_tokens: 30/h, cap_output: true }
  idle: { by: ["header:x-idle"], when: { "header:x-idle": "*" }, tokens: 50/h }
budgets:
  money: { by: ["header:x-money"], when: { "header:x-money": "*" }, cost: "0.001", per: 2s }
"""

PROMPT = [{"role": "user", "content": "hello"}]
# 45 of the 50 tokens that are held: 8 of prompt and 42 of answer.
USED = {"prompt_tokens": 8, "completion_tokens": 37, "total_tokens": 45}


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _each(request, tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp(request.param), request.param, RULES)
    yield started
    started.stop()


@pytest.fixture
def each(_each):
    _each.reset()
    return _each


# A hundred at once


def storm(stack, header: dict, seconds: float, latency_ms: int = 60) -> tuple[list[dict], list[dict]]:
    """A hundred clients that ask again whenever they are told they may; the records of those who were let in, and of the others."""
    for _ in range(6):
        # Every replica reads its tokenizer's tables at the first request that it counts.
        assert ask(stack, "openai", "openai-only", headers={name: own()["x-test"] for name in header}).status == 200
    stack.openai_sim.reset()
    began = now_ms()
    script = {"latency_ms": latency_ms, "text_bytes": 148, "usage": USED}
    message = crowd.request("/v1/chat/completions", {"model": "openai-only", "messages": PROMPT, "max_tokens": 42}, script, header)

    async def client() -> list[int]:
        statuses, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            answer = await crowd.ask(stack.gateway.port, message)
            statuses.append(answer.status)
            if answer.status == 429:
                # Not only when they are told to: a limit must stand that, too.
                await asyncio.sleep(min(int(answer.headers.get("retry-after-ms", 60_000)) / 1000, 0.5))
            assert answer.status in (200, 429), answer.body
        return statuses

    async def all_of_them() -> list[list[int]]:
        return await asyncio.gather(*(client() for _ in range(100)))

    statuses = sum(asyncio.run(all_of_them()), [])
    records = wait_until(lambda: len(found := stack.gateway.records(began)) >= len(statuses) and found, "record of everybody")
    assert sorted(record["status"] for record in records) == sorted(statuses)
    return tuple([record for record in records if record["status"] == status] for status in (200, 429))


def fullest(spans: list[tuple[int, int]], window_ms: int, held: int, settled: int) -> int:
    """The most that was settled and held together at any moment of a sliding window, as far as the provider can tell: it
    sees an exchange begin after it is held, and end before it is settled."""

    def at(now: int) -> int:
        over = sum(settled for _, ended in spans if now - window_ms < ended <= now)
        return over + sum(held for began, ended in spans if began <= now < ended)

    return max(at(moment) for span in spans for moment in span)


def surely_within(exchanges: list[tuple[int, int]], window_ms: int) -> int:
    """The most exchanges that began and ended within one window: whatever counts of them, it counted in there."""
    starts = [began for began, _ in exchanges]
    return max(sum(start <= began and ended < start + window_ms for began, ended in exchanges) for start in starts)


def used_where_refused(refused: list[dict], admitted: list[dict], stretch_ms: int, held: int) -> int:
    """The least that was held at any time in the stretch before a refusal: nobody is refused while there is room, however late
    the machine lets clients come."""
    spans = [span(record) for record in admitted]
    return min(sum(held for began, ended in spans if began <= last and first - stretch_ms < ended) for first, last in map(span, refused))


def span(record: dict) -> tuple[int, int]:
    """From when to when the service had an exchange."""
    return record["started_unix_ms"], record["started_unix_ms"] + record["duration_ms"]


@pytest.mark.parametrize("rule, limit, held, settled", [("tokens", 1000, 50, 45), ("requests", 20, 1, 1), ("money", 1000, 50, 45)])
def test_a_hundred_at_once_never_pass_a_limit_and_use_it_up(each, rule, limit, held, settled):
    records, refused = storm(each, own(f"x-{rule}"), 5.2)
    unit = 1000 if rule == "money" else 1
    assert {limit_of(record, rule) for record in records} == {(held * unit, settled * unit)}
    spans = [(request["at_ms"], request["ended_at_ms"]) for request in each.openai_sim.requests()]
    assert len(spans) == len(records), "the provider saw no other"
    # Requests are settled when they are held, some time between the beginning and the end of their exchange.
    if rule == "requests":
        assert surely_within(list(map(span, records)), 1990) <= limit
    else:
        assert fullest(spans, 1990, held, settled) <= limit
    assert used_where_refused(refused, records, 2800, held) >= limit * 8 // 10


def test_a_thousand_tokens_a_minute_are_a_thousand(each):
    """The measure by which check-then-charge fails: a hundred requests of fifty tokens, all at once."""
    records, _ = storm(each, own("x-minute"), 0.9, latency_ms=300)
    settled = sum(limit_of(record, "minute")[1] for record in records)
    assert 800 < settled <= 1000
    assert len(each.openai_sim.requests()) * 45 == settled


def test_five_at_the_same_time_are_five(each):
    records, refused = storm(each, own("x-together"), 2.0, latency_ms=100)
    spans = [(request["at_ms"], request["ended_at_ms"]) for request in each.openai_sim.requests()]
    most = max(sum(1 for began, ended in spans if began <= now < ended) for now, _ in spans)
    assert most == 5
    assert used_where_refused(refused, records, 50, 1) >= 5, "the places are used"


def test_the_first_request_on_an_idle_counter_is_let_in_however_large(each):
    header = own("x-idle")
    answer = ask(each, "openai", "openai-only", headers=header, max_tokens=4000)
    record = each.gateway.record(answer.request_id)
    assert (answer.status, limit_of(record, "idle")) == (200, (50, sum(tokens_of(record))))
    assert ask(each, "openai", "openai-only", headers=header, max_tokens=4000).status == 429


# What clients read


def test_the_tightest_of_several_limits_is_told(each):
    header = own("x-several")
    answer = ask(each, "openai", "openai-only", headers=header, max_tokens=100)
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
    assert told.pop("x-ratelimit-reset-requests") in ("29s", "30s", "31s")
    told.pop("x-ratelimit-reset-tokens")
    assert told == {
        "x-ratelimit-limit-requests": "4",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-limit-tokens": "500",
        "x-ratelimit-remaining-tokens": "400",
    }


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_refusal_says_which_limit_and_when(each, front, stream):
    header = own("x-several")
    for _ in range(4):
        assert ask(each, front, "openai-only", headers=header, max_tokens=10).status == 200
    refused = ask(each, front, "openai-only", stream, headers=header, max_tokens=10)
    assert refused.status == 429
    assert 20_000 < int(refused.headers["retry-after-ms"]) <= 31_000
    assert 20 < int(refused.headers["retry-after"]) <= 31
    assert refused.headers["x-attache-limit"] == "several" and "x-should-retry" not in refused.headers
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.error["type"] == "rate_limit_error"
    assert "`several`: 4 requests per 30s" in refused.error["message"]
    if front == "openai":
        assert (refused.error["code"], refused.error["param"]) == ("rate_limit_exceeded", "several")
    record = each.gateway.record(refused.request_id)
    assert (record["status"], record["refused_by"], record["fault"]) == (429, "several", "rate_limit")


def test_sdks_wait_as_they_are_told_and_then_pass(each):
    header = own("x-second")
    began = time.monotonic()
    for _ in range(2):
        patient = each.openai.with_options(max_retries=2)
        patient.chat.completions.create(model="openai-only", messages=HELLO, extra_headers=header)
        patient = each.anthropic.with_options(max_retries=2)
        patient.messages.create(model="openai-only", messages=HELLO, max_tokens=9, extra_headers=header)
    assert 3 <= time.monotonic() - began < 15, "four requests, one a second"
    # One in which there is no room for so much, however late it is asked for.
    header = own("x-idle")
    each.gateway.record(ask(each, "openai", "openai-only", headers=header, max_tokens=4000).request_id)
    with pytest.raises(openai.RateLimitError):
        each.openai.chat.completions.create(model="openai-only", messages=HELLO, max_tokens=4000, extra_headers=header)
    with pytest.raises(anthropic.RateLimitError):
        each.anthropic.messages.create(model="openai-only", messages=HELLO, max_tokens=4000, extra_headers=header)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("model", ["openai-only", "claude-only", "fast"])
def test_an_answer_is_capped_at_what_is_held(each, front, model):
    """Also where the first attempt fails, and where nothing needs to be translated."""
    if model == "fast":
        each.openai_sim.queue({"status": 503})
    simulator = each.openai_sim if model == "openai-only" else each.claude_sim
    answer = ask(each, front, model, headers=own("x-capped"), max_tokens=4000, text="word " * 60)
    assert answer.status == 200, answer.body
    sent = json.loads(simulator.requests()[-1]["body"])
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 30
    record = each.gateway.record(answer.request_id)
    assert limit_of(record, "capped") == (30, tokens_of(record)[1])


def test_what_the_client_says_to_the_gateway_does_not_reach_the_provider(each):
    for front in FRONTS:
        for model, simulator in (("openai-only", each.openai_sim), ("claude-only", each.claude_sim)):
            ask(each, front, model, headers={"x-include-cost": "1", "x-attache-cost": "1", "x-attache-planned": "1", "x-attache-anything": "1"})
            headers = headers_of(simulator.requests()[-1])
            assert not [name for name in headers if name.startswith("x-attache") or name == "x-include-cost"], headers
            assert {OPENAI_KEY, CLAUDE_KEY} & set(" ".join(headers.values()).split())


# Reload


def test_a_reload_under_load_loses_no_hold(start):
    rule = "rate_limits:\n  one: { tokens: 10000/h, concurrent: 100 }\n"
    stack = start(extra=rule)
    body = {"model": "openai-only", "messages": PROMPT, "max_tokens": 42}
    message = crowd.request("/v1/chat/completions", body, {"latency_ms": 300, "usage": USED, "text_bytes": 148})
    config = stack.gateway.config_path.read_text()

    async def load_and_reload() -> list:
        asked = asyncio.gather(*(crowd.ask(stack.gateway.port, message) for _ in range(30)))
        for limit in (20000, 30000, 40000):
            await asyncio.sleep(0.1)
            stack.gateway.config_path.write_text(config.replace("10000/h", f"{limit}/h"))
        return await asked

    answers = asyncio.run(load_and_reload())
    assert [answer.status for answer in answers] == [200] * 30
    records = [stack.gateway.record(answer.headers["x-request-id"]) for answer in answers]
    settled = sum(limit["settled"] for r in records for limit in r["limits"] if limit["unit"] == "tokens")
    assert settled == 30 * 45
    deadline = time.monotonic() + 30
    while True:
        after = ask(stack, "openai", "openai-only", max_tokens=42)
        if after.headers["x-ratelimit-limit-tokens"] == "40000":
            break
        settled += sum(tokens_of(stack.gateway.record(after.request_id)))
        assert time.monotonic() < deadline, "the new limit does not come"
        time.sleep(0.1)
    # The counter is the old one, with all that was held under the old limits settled in it.
    assert int(after.headers["x-ratelimit-remaining-tokens"]) == 40_000 - settled - 50
