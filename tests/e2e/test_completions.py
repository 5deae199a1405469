"""OpenAI's legacy completions through a real Envoy, on either side, and functions from before tools."""

import json

import openai
import pytest
import stack
from clients import Clients

KEY = "sk-secret-of-the-gateway"
CHATS = {
    "openai": ("openai", "/v1", f"bearer: {KEY}", "gpt-4o"),
    "claude": ("anthropic", "", f"header: x-api-key, value: {KEY}", "claude-haiku-4-5"),
    "cohere": ("cohere", "", f"bearer: {KEY}", "command-a-03-2025"),
}
PROVIDERS = {**CHATS, "base": ("completions", "/v1", f"bearer: {KEY}", "davinci-002")}
HELLO = [{"role": "user", "content": "hello"}]


class House(Clients):
    """One simulator that is every provider, a gateway, and the SDKs."""

    def __init__(self, folder):
        self.simulator = stack.Simulator("everybody", folder)
        lines = [
            f'  {name}: {{ dialect: {dialect}, url: "{self.simulator.base}{path}", auth: {{ {auth} }} }}'
            for name, (dialect, path, auth, _) in PROVIDERS.items()
        ]
        models = [
            f"  {name}: {{ targets: [ {{ provider: {name}, model: {model} }} ] }}"
            for name, (*_, model) in PROVIDERS.items()
        ]
        config = "\n".join(["providers:", *lines, "models:", *models, ""])
        self.gateway = stack.Gateway(folder / "gateway", config)
        super().__init__(self.gateway.base)

    def sent(self) -> dict:
        return json.loads(self.simulator.requests()[-1]["body"])

    def stop(self) -> None:
        self.close()
        self.gateway.stop()
        self.simulator.stop()


@pytest.fixture(scope="module")
def _house(tmp_path_factory):
    started = House(tmp_path_factory.mktemp("completions"))
    yield started
    started.stop()


@pytest.fixture
def house(_house):
    _house.simulator.reset()
    return _house


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


def complete(house, model: str, stream: bool, script: dict | None = None, **params):
    """The text of each choice, its reason, the usage, and the headers."""
    headers = {} if script is None else {"x-sim": json.dumps(script)}
    params = {"model": model, "prompt": "Once upon", **params, "extra_headers": headers}
    create = house.openai.completions.with_raw_response.create
    if not stream:
        raw = create(**params)
        answer = raw.parse()
        assert answer.object == "text_completion" and answer.id
        choices = {choice.index: (choice.text, choice.finish_reason) for choice in answer.choices}
        return choices, answer.usage, raw.headers
    raw = create(**params, stream=True, stream_options={"include_usage": True})
    texts, reasons, usage = {}, {}, None
    for chunk in raw.parse():
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    return {index: (text, reasons[index]) for index, text in texts.items()}, usage, raw.headers


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_completion(house, model, stream):
    choices, usage, _ = complete(house, model, stream, {"text": " a time, 世界"}, max_tokens=50, stop=["END"])
    assert choices == {0: (" a time, 世界", "stop")}
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_limit(house, model, stream):
    choices, *_ = complete(house, model, stream, max_tokens=2)
    assert choices[0][1] == "length"


def test_the_prompt_is_what_the_user_says(house):
    complete(house, "claude", False, prompt=["Once upon"], suffix="The end.")
    assert house.sent()["messages"] == [{"role": "user", "content": "Once upon"}]
    complete(house, "cohere", False)
    assert house.sent()["messages"] == [{"role": "user", "content": "Once upon"}]


def test_what_cannot_be_said_is_named(house):
    *_, headers = complete(house, "openai", False, suffix="The end.", echo=True, logit_bias={"50256": -100})
    assert headers["x-attache-losses"].split(", ") == ["suffix", "echo", "logit_bias"]


def test_choices_and_log_probabilities(house):
    answer = house.openai.completions.create(model="openai", prompt="Once", n=2, logprobs=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    lists = answer.choices[0].logprobs
    assert "".join(lists.tokens) == answer.choices[0].text
    assert (lists.token_logprobs[0], len(lists.top_logprobs[0]), lists.text_offset[0]) == (-0.25, 2, 0)


@pytest.mark.parametrize("prompt", [["a", "b"], [1212, 318], [[1212], [318]]])
def test_several_prompts_and_tokens(house, prompt):
    # To a model that chats they make no sense …
    for model in CHATS:
        with pytest.raises(openai.BadRequestError) as raised:
            complete(house, model, False, prompt=prompt)
        assert raised.value.param == "prompt"
    # … and to its own provider they go as they are.
    choices, *_ = complete(house, "base", False, prompt=prompt, extra_body={"model": "base"})
    assert len(choices) == (1 if prompt == [1212, 318] else 2)
    assert house.sent()["prompt"] == prompt


def test_the_same_dialect_passes(house, stream):
    choices, usage, _ = complete(house, "base", stream, prompt="Once", max_tokens=100, n=2, seed=7)
    assert len(choices) == 2 and usage.completion_tokens > 0
    assert (house.sent()["model"], house.sent()["n"], house.sent()["max_tokens"]) == ("davinci-002", 2, 100)


@pytest.mark.parametrize("model", PROVIDERS)
def test_errors(house, model, stream):
    for status, error in [(400, openai.BadRequestError), (429, openai.RateLimitError), (503, openai.InternalServerError)]:
        with pytest.raises(error, match="not so"):
            complete(house, model, stream, {"status": status, "error_message": "not so"})


# ---- a base model for those who chat ----


def test_a_question_is_the_prompt(house):
    messages = [{"role": "system", "content": "Be brief."}, *HELLO]
    answer = house.openai.chat.completions.create(model="base", messages=messages)
    assert answer.choices[0].message.content.startswith("You said: Be brief.")
    assert answer.usage.completion_tokens > 0
    sent = house.sent()
    assert (sent["prompt"], sent["max_tokens"], "stop" in sent) == ("Be brief.\n\nhello", 2048, False)


def test_a_conversation_is_a_transcript(house):
    messages = [*HELLO, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Who?"}]
    answer = house.anthropic.messages.with_raw_response.create(model="base", messages=messages, max_tokens=99)
    assert answer.headers["x-attache-losses"] == "messages.role"
    sent = house.sent()
    assert sent["prompt"] == "User: hello\n\nAssistant: Hi.\n\nUser: Who?\n\nAssistant:"
    assert (sent["stop"], sent["max_tokens"]) == (["\n\nUser:"], 99)


def test_streams_of_a_base_model(house):
    script = {"x-sim": json.dumps({"text": " one two three", "chunks": 3})}
    chunks = house.openai.chat.completions.create(model="base", messages=HELLO, stream=True, extra_headers=script)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == " one two three"
    with house.anthropic.messages.stream(model="base", messages=HELLO, max_tokens=99, extra_headers=script) as events:
        answer = events.get_final_message()
    assert (answer.content[0].text, answer.stop_reason) == (" one two three", "end_turn")
    assert answer.usage.output_tokens > 0


def test_a_base_model_has_no_tools(house):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    with pytest.raises(openai.BadRequestError) as raised:
        house.openai.chat.completions.create(model="base", messages=HELLO, tools=tools)
    assert raised.value.param == "tools"


# ---- functions from before tools ----

FUNCTIONS = [{"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]
CALL = {"x-sim": json.dumps({"tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}]})}


def test_who_offers_functions_reads_a_function_call(house):
    asked = {"model": "claude", "messages": HELLO, "functions": FUNCTIONS, "extra_headers": CALL}
    choice = house.openai.chat.completions.create(**asked).choices[0]
    assert (choice.finish_reason, choice.message.tool_calls) == ("function_call", None)
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ("weather", '{"city":"Paris"}')
    name, arguments, reason = "", "", None
    for chunk in house.openai.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            piece = choice.delta.function_call
            name += (piece and piece.name) or ""
            arguments += (piece and piece.arguments) or ""
            reason = choice.finish_reason or reason
    assert (name, json.loads(arguments), reason) == ("weather", {"city": "Paris"}, "function_call")

    said = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": arguments}}
    messages = [*HELLO, said, {"role": "function", "name": "weather", "content": "18°"}]
    again = {"model": "claude", "messages": messages, "functions": FUNCTIONS}
    assert house.openai.chat.completions.create(**again).choices[0].message.content
    assert house.sent()["messages"][-1]["content"][0]["type"] == "tool_result"
