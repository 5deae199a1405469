"""How many tokens a prompt has: the provider's own count where it has one, ours where it has none."""

import json

import pytest
import stack
from rules import simulator_of

MESSAGES = [{"role": "user", "content": "Tell me about the sea."}]
TOOLS = [{"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}]


def test_claude_counts_for_itself(both):
    counted = both.anthropic.messages.count_tokens(model="claude-only", messages=MESSAGES, system="Be brief.", tools=TOOLS)
    (request,) = both.claude_sim.requests()
    assert (request["method"], request["path"]) == ("POST", "/v1/messages/count_tokens")
    assert json.loads(request["body"])["model"] == "claude-haiku-4-5"
    assert counted.input_tokens > 8, "four bytes are a token of the simulator's"


def test_where_nobody_counts_we_do(both):
    count = both.anthropic.messages.count_tokens
    plain = count(model="openai-only", messages=MESSAGES).input_tokens
    # Six words and a stop, and seven for the frame of a message and of the answer: as tiktoken and OpenAI's cookbook have it.
    assert plain == 13
    assert count(model="openai-only", messages=MESSAGES, tools=TOOLS).input_tokens > plain + 10
    assert both.openai_sim.requests() == [] and both.claude_sim.requests() == []


@pytest.mark.parametrize("model", ["openai-only", "claude-only"])
def test_what_cannot_be_counted_is_refused(both, model):
    answer = both.http.post(
        "/v1/messages/count_tokens",
        json={"model": model, "messages": "no list"},
        headers={"x-api-key": "any", "anthropic-version": "2023-06-01"},
    )
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"


def test_failover_to_who_cannot_count_is_none(both):
    """`smart` begins with Claude: its count is asked for, and OpenAI has no such endpoint."""
    both.claude_sim.queue({"status": 529})
    answer = both.http.post(
        "/v1/messages/count_tokens",
        json={"model": "smart", "messages": MESSAGES},
        headers={"x-api-key": "any", "anthropic-version": "2023-06-01"},
    )
    assert simulator_of(both, "openai").requests() == []
    assert answer.status_code in (200, 529)


def test_counting_is_charged_nothing(both):
    began = stack.now_ms()
    both.anthropic.messages.count_tokens(model="claude-only", messages=MESSAGES)
    both.anthropic.messages.count_tokens(model="openai-only", messages=MESSAGES)
    assert [record for record in both.gateway.records(began) if "tokens" in record or "cost" in record] == []
