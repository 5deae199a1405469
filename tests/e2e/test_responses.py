"""OpenAI's Responses API, as what clients speak and as what providers speak, through a real Envoy.

One simulator speaks every dialect; what it refuses, the real APIs refuse.
"""

import json
import pathlib
import shutil
import subprocess

import httpx
import openai
import pytest
import stack
from clients import Clients
from pydantic import BaseModel

KEY = "client-key-that-no-provider-may-see"
PROVIDERS = {
    "chat": ("openai", "/v1", "gpt-4o-mini"),
    "claude": ("anthropic", "", "claude-haiku-4-5"),
    "converse": ("converse", "", "anthropic.claude-haiku-4-5-v1:0"),
    "native": ("responses", "/v1", "gpt-4o-mini"),
    # A model that thinks: what may be asked of it depends on its name.
    "chat-thinker": ("openai", "/v1", "gpt-5"),
    "native-thinker": ("responses", "/v1", "gpt-5"),
}
UPSTREAMS = ["chat", "claude", "converse", "native"]
CROSSING = ["chat", "claude", "converse"]
THINKERS = ["chat-thinker", "claude", "native-thinker"]

every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def config(url: str) -> str:
    providers = [
        f'  {name}: {{ dialect: {dialect}, url: "{url}{path}", auth: {{ bearer: sk-of-the-gateway }} }}'
        for name, (dialect, path, _) in PROVIDERS.items()
    ]
    models = [f"  {name}: {{ targets: [ {{ provider: {name}, model: '{PROVIDERS[name][2]}' }} ] }}" for name in PROVIDERS]
    return "\n".join(["providers:", *providers, "models:", *models, ""])


class Gateway(Clients):
    """A gateway in front of one provider of every dialect."""

    def __init__(self, folder: pathlib.Path):
        self.simulator = stack.Simulator("everything", folder)
        self.gateway = stack.Gateway(folder / "gateway", config(self.simulator.base))
        super().__init__(self.gateway.base, KEY)

    def ask(self, upstream: str, stream: bool = False, script: dict | None = None, **params):
        """The SDK's own answer, gathered by the SDK's own means when it is streamed."""
        headers = {"x-sim": json.dumps(script or {})}
        params = {"model": upstream, "input": "hello", **params}
        if not stream:
            return self.openai.responses.create(**params, extra_headers=headers)
        with self.openai.responses.stream(**params, extra_headers=headers) as events:
            told = list(events)
            assert [event.sequence_number for event in told] == sorted(event.sequence_number for event in told)
            return told[-1].response

    def sent(self) -> dict:
        """The last body that reached the provider."""
        return json.loads(self.simulator.requests()[-1]["body"])

    def stop(self) -> None:
        self.close()
        self.gateway.stop()
        self.simulator.stop()


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("responses"))
    yield gateway
    gateway.stop()


@pytest.fixture
def gateway(started):
    started.simulator.reset()
    return started


# ---- what an answer holds ----


@every_upstream
@both_ways
def test_text(gateway, upstream, stream):
    answer = gateway.ask(upstream, stream, {"text": "Grüße, 世界 👋", "chunks": 5}, instructions="Be brief.")
    assert (answer.output_text, answer.status) == ("Grüße, 世界 👋", "completed")
    assert answer.id and answer.model and answer.created_at > 1_500_000_000
    assert (answer.instructions, answer.tools, answer.parallel_tool_calls) == ("Be brief.", [], True)
    assert answer.usage.input_tokens > 0 and answer.usage.total_tokens > answer.usage.input_tokens
    sent = json.dumps(gateway.sent())
    assert "Be brief." in sent and KEY not in sent


@every_upstream
@both_ways
def test_an_answer_that_ran_out_of_tokens(gateway, upstream, stream):
    answer = gateway.ask(upstream, stream, input="x" * 200, max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


@every_upstream
@both_ways
def test_a_tools_round_trip(gateway, upstream, stream):
    calls = [{"name": "weather", "arguments": {"city": city}} for city in ("Oslo", "東京")]
    said = [{"role": "user", "content": "Where does it rain?"}]
    first = gateway.ask(upstream, stream, {"text": "I look.", "tool_calls": calls}, input=said, tools=[WEATHER])
    made = [item for item in first.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in made] == [call["arguments"] for call in calls]
    assert len({call.call_id for call in made}) == 2
    said += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    said += [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in made]
    second = gateway.ask(upstream, stream, {"text": "In both."}, input=cleaned(said), tools=[WEATHER])
    assert second.output_text == "In both."


def cleaned(items: list[dict]) -> list[dict]:
    """Without what the SDK's parsing has put into the parts."""
    for item in items:
        content = item.get("content")
        for part in content if isinstance(content, list) else []:
            part.pop("parsed", None)
    return items


@every_upstream
@both_ways
def test_a_forced_tool(gateway, upstream, stream):
    choice = {"type": "function", "name": "weather"}
    answer = gateway.ask(upstream, stream, tools=[WEATHER], tool_choice=choice)
    [call] = [item for item in answer.output if item.type == "function_call"]
    assert set(json.loads(call.arguments)) == {"city"}
    assert answer.tool_choice.name == "weather" and answer.tools[0].name == "weather"


class Place(BaseModel):
    city: str
    people: int


@pytest.mark.parametrize("upstream", ["chat", "claude", "native"])
def test_an_answer_by_a_schema(gateway, upstream):
    parsed = gateway.openai.responses.parse(model=upstream, input="Where?", text_format=Place)
    assert isinstance(parsed.output_parsed, Place)


@pytest.mark.parametrize("upstream", THINKERS)
@both_ways
def test_thoughts_go_back(gateway, upstream, stream):
    wants = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    said = [{"role": "user", "content": "Where does it rain?"}]
    script = {"thinking": "Let me see …", "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    first = gateway.ask(upstream, stream, script, input=said, tools=[WEATHER], store=False, **wants)
    [thought] = [item for item in first.output if item.type == "reasoning"]
    assert "".join(part.text for part in thought.summary) == "Let me see …"
    # OpenAI's chat completions neither sign their thoughts nor take them back.
    assert bool(thought.encrypted_content) == (upstream != "chat-thinker")
    said += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    [call] = [item for item in first.output if item.type == "function_call"]
    said.append({"type": "function_call_output", "call_id": call.call_id, "output": "rain"})
    second = gateway.ask(upstream, stream, {"text": "There."}, input=cleaned(said), tools=[WEATHER], store=False, **wants)
    assert second.output_text == "There."


@every_upstream
def test_an_image(gateway, upstream):
    image = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    content = [{"type": "input_text", "text": "What is it?"}, image]
    answer = gateway.ask(upstream, input=[{"role": "user", "content": content}])
    assert answer.output_text == "You said: What is it?"
    assert "iVBORw0KGgo=" in json.dumps(gateway.sent())


@every_upstream
@both_ways
def test_usage_is_recorded(gateway, upstream, stream):
    raw = gateway.openai.responses.with_raw_response.create(model=upstream, input="hello", stream=stream)
    if stream:
        for _ in raw.parse():
            pass
    record = gateway.gateway.record(raw.headers["x-request-id"])
    assert record["tokens"]["input"] > 0 and record["tokens"]["output"] > 0


# ---- what goes wrong ----


@every_upstream
def test_errors_have_the_sdks_classes(gateway, upstream):
    with pytest.raises(openai.RateLimitError, match="slowly"):
        gateway.ask(upstream, script={"status": 429, "error_message": "slowly"})
    with pytest.raises(openai.NotFoundError) as unknown:
        gateway.ask("no-such-model")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as broken:
        gateway.ask(upstream, input=[{"role": "user", "content": [{"type": "input_image"}]}])
    assert broken.value.param.startswith("input[0].content[0]")


@every_upstream
def test_a_stream_that_breaks_never_looks_whole(gateway, upstream):
    for script in (
        {"text": "a b c d e f", "chunks": 6, "close_after_events": 6},
        {"error_after_events": {"after": 5, "message": "busy now"}},
    ):
        with pytest.raises(openai.APIError):
            gateway.ask(upstream, stream=True, script=script)


def test_state_passes_to_a_provider_that_keeps_it(gateway):
    first = gateway.ask("native", input="one")
    second = gateway.ask("native", input="two", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens, "the provider remembers"


@pytest.mark.parametrize("upstream", CROSSING)
@pytest.mark.parametrize(
    "state",
    [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"prompt": {"id": "pmpt_1"}}, {"background": True}],
    ids=lambda state: next(iter(state)),
)
def test_state_is_refused_where_nobody_keeps_it(gateway, upstream, state):
    with pytest.raises(openai.BadRequestError, match="speaks the Responses API itself") as refused:
        gateway.ask(upstream, **state)
    assert refused.value.param == next(iter(state))
    assert gateway.simulator.requests() == []


# ---- other clients in front of a provider of this dialect ----


@both_ways
def test_chat_completions_from_a_provider_of_responses(gateway, stream):
    script = json.dumps({"text": "hi there", "chunks": 3})
    params = {"model": "native", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "x"}]}
    create = gateway.openai.chat.completions.create
    if stream:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = list(create(**params, **options, extra_headers={"x-sim": script}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "hi there"
        assert chunks[-1].usage.total_tokens > 0
    else:
        answer = create(**params, extra_headers={"x-sim": script})
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("hi there", "stop")
    sent = gateway.sent()
    assert (sent["instructions"], sent["store"]) == ("Be kind.", False)


@both_ways
def test_claudes_clients_keep_the_thoughts_of_a_provider_of_responses(gateway, stream):
    params = {
        "model": "native-thinker",
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "weather", "input_schema": WEATHER["parameters"]}],
    }

    def ask(messages: list, script: dict):
        headers = {"x-sim": json.dumps(script)}
        if not stream:
            return gateway.anthropic.messages.create(messages=messages, **params, extra_headers=headers)
        with gateway.anthropic.messages.stream(messages=messages, **params, extra_headers=headers) as events:
            return events.get_final_message()

    messages = [{"role": "user", "content": "Where does it rain?"}]
    script = {"thinking": "Let me see …", "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    first = ask(messages, script)
    assert [block.type for block in first.content] == ["thinking", "tool_use"]
    assert first.content[0].thinking == "Let me see …" and first.content[0].signature
    result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "rain"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = ask(messages, {"text": "There."})
    assert second.content[-1].text == "There."
    [thought] = [item for item in gateway.sent()["input"] if item["type"] == "reasoning"]
    assert thought["encrypted_content"] == first.content[0].signature and "id" not in thought


# ---- what Codex sends ----

PATCH = "*** Begin Patch\n*** Update File: README\n@@\n-helo\n+hello\n*** End Patch\n"
CODEX = {
    "instructions": "You are a coding agent in a terminal.",
    "tools": [
        {
            "type": "function",
            "name": "exec_command",
            "description": "Runs a command",
            "strict": False,
            "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]},
        },
        {
            "type": "custom",
            "name": "apply_patch",
            "description": "Edits files.",
            "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" LF'},
        },
        {"type": "web_search"},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0198-cache",
}


def codex(gateway, upstream: str, history: list, script: dict) -> tuple[list[dict], dict, httpx.Response]:
    """What Codex reads of a stream: the items that are done and the answer that is completed."""
    headers = {"authorization": f"Bearer {KEY}", "x-sim": json.dumps(script), "accept": "text/event-stream"}
    response = gateway.http.post("/v1/responses", json={"model": upstream, "input": history, **CODEX}, headers=headers)
    assert response.status_code == 200, response.text
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["type"] == "response.completed", events[-1]
    return done, events[-1]["response"], response


def as_codex_sends(item: dict) -> dict:
    """Codex leaves out the ids of items."""
    return {name: value for name, value in item.items() if name != "id" and value is not None}


@pytest.mark.parametrize("upstream", THINKERS)
def test_codex(gateway, upstream):
    text = [{"type": "input_text", "text": "Fix the typo in README."}]
    history = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "ask first"}]},
        {"type": "message", "role": "user", "content": text},
    ]
    # A freeform tool is called with a text by those who know it, with an argument by all others.
    patch = PATCH if upstream == "native-thinker" else {"input": PATCH}
    script = {
        "thinking": "**Patching**",
        "tool_calls": [{"name": "apply_patch", "arguments": patch}],
        "argument_chunks": 7,
    }
    done, answer, response = codex(gateway, upstream, history, script)
    assert [item["type"] for item in done] == ["reasoning", "custom_tool_call"]
    assert (done[1]["name"], done[1]["input"]) == ("apply_patch", PATCH)
    assert answer["usage"]["total_tokens"] > 0
    if upstream != "native-thinker":
        losses = response.headers["x-attache-losses"].split(", ")
        assert {"tools.web_search", "tools.custom.format", "prompt_cache_key"} <= set(losses)
    history += [as_codex_sends(item) for item in done]
    history.append({"type": "custom_tool_call_output", "call_id": done[1]["call_id"], "output": "Success."})
    done, _, _ = codex(gateway, upstream, history, {"text": "Done."})
    assert done[-1]["content"][0]["text"] == "Done."


# ---- the Node SDK ----

NODE = pathlib.Path(__file__).parent / "node"


@every_upstream
def test_the_node_sdk(gateway, upstream):
    if shutil.which("node") is None:
        pytest.skip("there is no `node` on PATH")
    if not (NODE / "node_modules/openai").exists():
        pytest.skip("the OpenAI Node SDK is not installed: `make node_modules` (needs npm)")

    def ask(how: str, script: dict | None = None, **params) -> dict:
        return {"how": how, "params": {"model": upstream, "input": "hello", **params}, "script": json.dumps(script or {})}

    call = {"id": "id_0", "name": "weather", "arguments": {"city": "Zürich"}}
    tools = {"tool_calls": [call], "argument_chunks": 4}
    scenarios = [
        ask("create"),
        ask("stream"),
        ask("create", tools, tools=[WEATHER]),
        ask("stream", tools, tools=[WEATHER]),
        ask("create", {"status": 429, "error_message": "slowly"}),
        ask("stream", {"error_after_events": {"after": 5, "message": "busy now"}}),
    ]
    argv = ["node", "responses.mjs", f"{gateway.base}/v1", KEY, json.dumps(scenarios)]
    ran = subprocess.run(argv, cwd=NODE, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    whole, streamed, *called, busy, failed = json.loads(ran.stdout)
    for answer in (whole, streamed):
        assert (answer["response"]["output_text"], answer["response"]["status"]) == ("You said: hello", "completed")
    for answer in called:
        [made] = [item for item in answer["response"]["output"] if item["type"] == "function_call"]
        assert json.loads(made["arguments"]) == {"city": "Zürich"}
    assert (busy["error"]["class"], busy["error"]["status"]) == ("RateLimitError", 429)
    assert "error" in failed, failed
