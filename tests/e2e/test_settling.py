"""However an exchange ends, what was held for it is settled at what was really used, and given back where nothing was."""

import pytest
import stack
from conftest import Stack
from rules import LINES, metric, own, simulator_of, tokens_of
from sdk import FRONTS, Line
from stack import now_ms
from test_endings import Open, has_text, is_over
from wire import ask

RULES = """
limits: { output_tokens_expected: 200 }
rate_limits:
  tokens: { by: ["header:x-test"], when: { "header:x-test": "*" }, tokens: 1000/h, requests: 100/h, concurrent: 50 }
  at-provider:
    { by: [provider, "header:x-at"], when: { "header:x-at": "*" }, requests: 1/h, output_tokens: 1000/h }
"""
BY_LINE = pytest.mark.parametrize("front, provider", LINES)
BY_FRONT = pytest.mark.parametrize("front", FRONTS)
SLOW = {"chunks": 50, "chunk_delay_ms": 500, "text_bytes": 1000}


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _each(request, tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp(request.param), request.param, RULES)
    yield started
    started.stop()


@pytest.fixture
def each(_each):
    _each.reset()
    return _each


def held_and_settled(record: dict) -> dict[str, tuple[int, int]]:
    limits = record["limits"]
    return {limit["unit"]: (limit.get("held", 0), limit.get("settled", 0)) for limit in limits if limit["name"] == "tokens"}


def remaining(stack, header: dict) -> int:
    """What is left of the counter of this header, as the next request learns it: with its own hold taken away."""
    answer = ask(stack, "openai", "openai-only", headers=header, max_tokens=1)
    return int(answer.headers["x-ratelimit-remaining-tokens"])


@BY_LINE
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_the_provider_says_is_what_is_settled(each, front, provider, stream):
    header = own()
    reply = Line(each, front, provider, stream).ask({"text_bytes": 40}, extra_headers=header, max_tokens=100)
    record = each.gateway.record(reply.headers["x-request-id"])
    units = held_and_settled(record)
    used = sum(tokens_of(record))
    assert used > 10 and not record.get("tokens_counted_here")
    held = units["tokens"][0]
    assert units == {"tokens": (held, used), "requests": (1, 1), "concurrent": (1, 0)}
    assert 102 <= held <= 110, "the prompt, and what the answer may have"
    assert reply.headers["x-ratelimit-remaining-tokens"] == str(1000 - held)
    # `hello` and one token of answer are held for the question itself: 9 by OpenAI's count.
    assert remaining(each, header) == 1000 - used - 9


@BY_LINE
def test_usage_in_several_events_is_settled_once(each, front, provider):
    usage = {
        "openai": {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320, "prompt_tokens_details": {"cached_tokens": 256}},
        "claude": {"input_tokens": 44, "cache_read_input_tokens": 256, "output_tokens": 20},
    }
    script = {"usage": usage[provider], "chunks": 5, "text_bytes": 80}
    reply = Line(each, front, provider, True).ask(script, extra_headers=own(), max_tokens=100)
    record = each.gateway.record(reply.headers["x-request-id"])
    assert (tokens_of(record), record["tokens"]["cached_input"]) == ((300, 20), 256)
    assert held_and_settled(record)["tokens"][1] == 320


@BY_LINE
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_without_usage_we_count_and_say_so(each, front, provider, stream):
    text = "The quick brown fox jumps over the lazy dog. " * 4
    # A piece of a few words each: what is counted is the pieces, as providers cut at tokens and not within them.
    script = {"text": text, "omit_usage": True, "chunks": 4}
    simulator_of(each, provider).script(**script)
    answer = ask(each, front, f"{provider}-only", stream, headers=own(), max_tokens=100)
    assert answer.text == text
    record = each.gateway.record(answer.request_id)
    assert record["tokens_counted_here"] is True
    prompt, output = tokens_of(record)
    assert 36 <= output <= 60, "four times ten words: exact for OpenAI, an estimate otherwise"
    assert prompt >= 2 and held_and_settled(record)["tokens"][1] == prompt + output


# The client leaves


@BY_LINE
def test_a_client_that_leaves_after_the_last_event_pays_what_was_used(each, front, provider):
    script = {"text_bytes": 120, "chunks": 4, "hold_ms_after_done": 60_000}
    client = Open(each, front, f"{provider}-only", script=script, max_tokens=100, headers=own())
    client.read_headers().read_until(is_over).leave()
    record = each.gateway.record(client.request_id)
    assert record["ending"] == "complete" and not record.get("tokens_counted_here")
    assert held_and_settled(record)["tokens"][1] == sum(tokens_of(record)) > 30


@BY_LINE
def test_a_client_that_leaves_in_the_middle_pays_the_prompt_and_what_was_delivered(each, front, provider):
    header = own()
    client = Open(each, front, f"{provider}-only", script=SLOW, max_tokens=300, headers=header)
    client.read_headers().read_until(has_text).leave()
    record = each.gateway.record(client.request_id)
    prompt, output = tokens_of(record)
    assert (record["ending"], record["tokens_counted_here"]) == ("cut", True)
    assert prompt >= 2 and 1 <= output < 60, "of 250 that it would have been"
    assert held_and_settled(record)["tokens"][1] == prompt + output
    assert held_and_settled(record)["concurrent"][1] == 0
    assert remaining(each, header) == 1000 - prompt - output - 9


@BY_FRONT
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_leaves_before_the_first_byte_pays_its_prompt_and_gets_the_rest_back(each, front, stream):
    header, began = own(), now_ms()
    client = Open(each, front, "openai-only", stream, script={"never_answer": True}, max_tokens=300, headers=header)
    stack.wait_until(lambda: each.openai_sim.stats()["open"] == 1, "request at the provider")
    client.leave()
    record = each.gateway.record_since(began)
    assert record["ending"] == "cut" and record["tokens_counted_here"] and tokens_of(record) == (8, 0)
    assert held_and_settled(record)["tokens"] == (308, 8), "the provider was at work on the prompt"
    assert remaining(each, header) == 1000 - 8 - 9


@BY_FRONT
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_provider_that_fails_costs_nothing(each, front, stream):
    header = own()
    each.openai_sim.queue({"status": 500})
    answer = ask(each, front, "openai-only", stream, headers=header, max_tokens=300)
    record = each.gateway.record(answer.request_id)
    assert answer.status == 500 and "tokens" not in record
    assert held_and_settled(record)["tokens"] == (308, 0)
    assert remaining(each, header) == 1000 - 9


@BY_LINE
def test_a_provider_that_resets_in_the_middle_is_paid_what_came(each, front, provider):
    header, began = own(), now_ms()
    script = {"reset_after_events": 8, "chunks": 50, "text_bytes": 1000, "chunk_delay_ms": 5}
    client = Open(each, front, f"{provider}-only", script=script, max_tokens=300, headers=header).read_headers()
    with pytest.raises(Exception):
        client.read_rest()
    client.leave()
    record = each.gateway.record_since(began)
    prompt, output = tokens_of(record)
    assert record["ending"] == "cut" and 5 <= output < 100
    assert held_and_settled(record)["tokens"][1] == prompt + output


# Failover, and limits of providers


@BY_FRONT
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_failover_is_charged_once_to_who_served(each, front, stream):
    header = own() | {"x-at": own()["x-test"]}
    each.openai_sim.queue({"status": 503})
    answer = ask(each, front, "fast", stream, headers=header, max_tokens=100)
    record = each.gateway.record(answer.request_id)
    assert (answer.provider, answer.attempts) == ("claude", 2)
    assert held_and_settled(record)["tokens"][1] == sum(tokens_of(record))
    at = [(limit["unit"], limit.get("settled", 0)) for limit in record["limits"] if limit["name"] == "at-provider"]
    output = tokens_of(record)[1]
    assert at == [("requests", 0), ("output_tokens", 0), ("requests", 1), ("output_tokens", output)]
    # Claude's only request of the hour is used up, OpenAI's is not.
    assert ask(each, front, "claude-only", headers=header).status == 429
    assert ask(each, front, "openai-only", headers=header).provider == "openai"


@BY_FRONT
def test_a_provider_without_room_is_passed_over(each, front):
    header = {"x-at": own()["x-test"]}
    providers = [ask(each, front, "fast", headers=header) for _ in range(3)]
    assert [(answer.status, answer.provider) for answer in providers] == [(200, "openai"), (200, "claude"), (429, None)]
    assert providers[1].attempts == 1 and providers[2].headers["x-attache-limit"] == "at-provider"
    denied = metric(each.gateway.metrics(), "attache_limit_decisions_total", limit="at-provider", decision="denied")
    assert denied >= 2


# Nothing stays open


def test_when_all_is_quiet_nothing_is_held(each):
    """Forty exchanges that end in every way share a counter; afterwards it stands at the sum of what was settled."""
    header, began = own(), now_ms()
    scripts = [{}, {"status": 500}, {"omit_usage": True}, {"reset_before_headers": True}, {"close_after_events": 3}]
    for i in range(20):
        each.openai_sim.queue(scripts[i % len(scripts)])
        ask(each, FRONTS[i % 2], "openai-only", i % 3 > 0, headers=header, max_tokens=10)
    records = stack.wait_until(lambda: len(found := each.gateway.records(began)) == 20 and found, "20 records")
    settled = sum(held_and_settled(record)["tokens"][1] for record in records if "limits" in record)
    assert settled > 0 and remaining(each, header) == 1000 - settled - 9
