"""The OpenAI Node SDK as a client."""

import json
import pathlib
import shutil
import subprocess

import pytest
from conftest import CLIENT_KEY
from sdk import HELLO
from test_sdk_requests import CITY, chat_tools

NODE = pathlib.Path(__file__).parent / "node"


@pytest.fixture
def node(sidecar):
    """Runs scenarios in one process of Node; gives what the SDK gave for each."""
    if shutil.which("node") is None:
        pytest.skip("there is no `node` on PATH")
    if not (NODE / "node_modules/openai").exists():
        pytest.skip("the OpenAI Node SDK is not installed: `make node_modules` (needs npm)")

    def run(*scenarios: dict) -> list[dict]:
        argv = ["node", "chat.mjs", f"{sidecar.base}/v1", CLIENT_KEY, json.dumps(scenarios)]
        done = subprocess.run(argv, cwd=NODE, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def ask(how: str, provider: str, script: dict | None = None, **params) -> dict:
    params = {"model": f"{provider}-only", "messages": HELLO, **params}
    return {"how": how, "params": params, "script": json.dumps(script or {})}


PROVIDERS = pytest.mark.parametrize("provider", ["openai", "claude"])


@PROVIDERS
def test_text_in_every_way(node, provider):
    whole, gathered, chunks = node(
        ask("create", provider),
        ask("stream", provider),
        ask("iterate", provider, stream_options={"include_usage": True}),
    )
    for answer in (whole, gathered):
        choice = answer["completion"]["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("You said: hello", "stop")
    assert chunks["text"] == "You said: hello"
    assert chunks["usage"]["total_tokens"] == whole["completion"]["usage"]["total_tokens"] > 0


@PROVIDERS
def test_parallel_tool_calls(node, provider):
    cities = {"id_0": "Zürich", "id_1": "東京"}
    calls = [{"id": id, "name": "weather", "arguments": {"city": city}} for id, city in cities.items()]
    script = {"tool_calls": calls, "argument_chunks": 4}
    for answer in node(*[ask(how, provider, script, **chat_tools()) for how in ("create", "stream")]):
        choice = answer["completion"]["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        met = [(c["id"], json.loads(c["function"]["arguments"])) for c in choice["message"]["tool_calls"]]
        assert met == [(call["id"], call["arguments"]) for call in calls]


@PROVIDERS
def test_an_answer_by_a_schema(node, provider):
    schema = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY, "strict": True}}
    for answer in node(*[ask(how, provider, response_format=schema) for how in ("parse", "stream")]):
        content = answer["completion"]["choices"][0]["message"]["content"]
        assert set(json.loads(content)) == {"city"}


@PROVIDERS
def test_errors(node, provider):
    broken = {"after": 4, "type": "overloaded_error", "message": "busy now"}
    busy, unknown, truncated, failed = node(
        ask("create", provider, {"status": 429, "error_message": "slowly"}),
        ask("stream", "no-such-model"),
        ask("iterate", provider, {"text": "a b c d e f", "chunks": 6, "close_after_events": 5}),
        ask("iterate", provider, {"error_after_events": broken}),
    )
    assert (busy["error"]["class"], busy["error"]["status"]) == ("RateLimitError", 429)
    assert "slowly" in busy["error"]["message"]
    assert (unknown["error"]["class"], unknown["error"]["code"]) == ("NotFoundError", "model_not_found")
    assert truncated["error"]["code"] == "stream_truncated" and truncated["text"] != "a b c d e f"
    assert "busy now" in failed["error"]["message"]


def test_models(node):
    [listed] = node({"how": "models"})
    assert {"openai-only", "claude-only", "fast"} <= set(listed["models"])
