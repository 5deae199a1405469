"""Providers by preset: all of them for Envoy, and what their quirks do to requests and answers on the way."""

import json
import os
import pathlib
import re
import subprocess

import anthropic
import pytest
import stack
from clients import Clients
from test_envoy_config import printed, validate

PAGE = stack.ROOT / "docs/providers.md"


def presets() -> list[str]:
    listed = subprocess.run([stack.binary("attache"), "presets"], capture_output=True, text=True, timeout=30)
    assert listed.returncode == 0, listed.stderr
    return [line.split()[0] for line in listed.stdout.splitlines()[1:]]


def about(preset: str) -> str:
    told = subprocess.run([stack.binary("attache"), "presets", preset], capture_output=True, text=True, timeout=30)
    assert told.returncode == 0, told.stderr
    return told.stdout


def provider(preset: str) -> str:
    """A provider by nothing but its preset, a key if it takes one, and an example for what it leaves open."""
    told = about(preset)
    fields = [f"preset: {preset}", "expose: true"]
    if not re.search(r"credentials: (auth: \w+|-)$", told, re.MULTILINE):
        fields.append("key: k")
    if parameters := re.findall(r"parameter (\w+): .*? \(([^,)]+)", told):
        fields.append("parameters: {" + ", ".join(f'{name}: "{example}"' for name, example in parameters) + "}")
    return f"  {preset}: {{ {', '.join(fields)} }}\n"


def test_envoy_takes_every_preset(tmp_path):
    names = presets()
    assert len(names) >= 48 and len(set(names)) == len(names)
    config = tmp_path / "attache.yaml"
    config.write_text("providers:\n" + "".join(provider(name) for name in names))
    bootstrap = tmp_path / "envoy.yaml"
    bootstrap.write_text(printed(config))
    for name in names:
        assert f"name: {name}\n" in bootstrap.read_text(), name
    validate(bootstrap)


def test_what_is_no_preset_is_said():
    done = subprocess.run([stack.binary("attache"), "presets", "gorq"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, "") and "no preset `gorq`" in done.stderr


def test_what_the_page_configures_is_good(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert blocks
    (tmp_path / "llm").write_text("a-key\n")
    for block in blocks:
        config = tmp_path / "attache.yaml"
        config.write_text(block.replace("/run/secrets/llm", str(tmp_path / "llm")))
        env = {name: name for name in re.findall(r"\$\{(\w+)\}", block)}
        argv = [stack.binary("attache"), "check", "--config", config]
        done = subprocess.run(argv, env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{block}\n{done.stderr}"


class Vendors(Clients):
    """One scripted provider that is as strict as the one that a test names, and a gateway before it."""

    def __init__(self, folder: pathlib.Path):
        self.sim = stack.Simulator("vendor", folder)
        names = ("mistral", "groq", "deepseek", "qwen", "openrouter", "tgi")
        providers = "".join(f'  {name}: {{ preset: {name}, key: k, url: "{self.sim.base}/v1" }}\n' for name in names)
        models = "".join(f"  on-{name}: {{ targets: [ {{ provider: {name}, model: m }} ] }}\n" for name in names)
        self.gateway = stack.Gateway(folder / "gateway", f"providers:\n{providers}models:\n{models}")
        super().__init__(self.gateway.base, "none")

    def sent(self) -> dict:
        """The body of the last request."""
        return json.loads(self.sim.requests()[-1]["body"])

    def stop(self) -> None:
        self.close()
        self.gateway.stop()
        self.sim.stop()


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    vendors = Vendors(tmp_path_factory.mktemp("vendors"))
    yield vendors
    vendors.stop()


@pytest.fixture
def vendors(started):
    started.sim.reset()
    return started


TOOL = {"name": "look", "description": "looks", "parameters": {"type": "object", "properties": {}}}
CLAUDE_TOOL = {"name": "look", "description": "looks", "input_schema": {"type": "object", "properties": {}}}


def test_a_strict_mistral_takes_an_openai_conversation(vendors):
    vendors.sim.script(strict_as="mistral")
    call = {"id": "call_of_another_provider", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    raw = vendors.openai.chat.completions.with_raw_response.create(
        model="on-mistral",
        messages=[
            {"role": "developer", "content": "be short"},
            {"role": "user", "content": "look", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
            {"role": "tool", "tool_call_id": "call_of_another_provider", "content": "a tree"},
        ],
        tools=[{"type": "function", "function": TOOL}],
        tool_choice="required",
        max_completion_tokens=50,
        seed=7,
        user="ann",
    )
    assert raw.parse().choices[0].message is not None
    losses = {loss.strip() for loss in raw.headers["x-attache-losses"].split(",")}
    assert losses == {"messages.name", "messages.reasoning_content", "user"}
    sent = vendors.sent()
    assert (sent["max_tokens"], sent["random_seed"], sent["tool_choice"]) == (50, 7, "any")
    mapped = sent["messages"][2]["tool_calls"][0]["id"]
    assert re.fullmatch("[A-Za-z0-9]{9}", mapped) and sent["messages"][3]["tool_call_id"] == mapped


def test_a_strict_mistral_takes_a_claude_conversation_and_streams(vendors):
    vendors.sim.script(strict_as="mistral", text="Yes.")
    with vendors.anthropic.messages.stream(
        model="on-mistral",
        max_tokens=50,
        tools=[CLAUDE_TOOL],
        messages=[
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01", "content": "a tree"}]},
        ],
    ) as stream:
        message = stream.get_final_message()
    assert message.content[0].text == "Yes." and message.usage.output_tokens > 0
    assert "stream_options" not in vendors.sent()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (422, '{"object":"error","message":{"detail":[{"msg":"too odd"}]},"type":"invalid_request_error"}', "too odd"),
        (400, '{"errors":[{"message":"too odd","code":5006}],"success":false}', "too odd"),
        (404, '{"detail":"Not Found"}', "Not Found"),
        (400, '{"code":"invalid-argument","error":"too odd"}', "too odd"),
    ],
)
def test_errors_in_a_vendors_shape_come_in_the_clients(vendors, status, body, message):
    vendors.sim.script(status=status, raw_body=body)
    with pytest.raises(anthropic.APIStatusError) as refused:
        vendors.anthropic.messages.create(model="on-mistral", max_tokens=5, messages=[{"role": "user", "content": "x"}])
    assert refused.value.status_code in (400, 404, 422)
    assert message in refused.value.body["error"]["message"]


def test_a_strict_groq_is_not_asked_what_it_refuses(vendors):
    vendors.sim.script(strict_as="groq")
    raw = vendors.openai.chat.completions.with_raw_response.create(
        model="on-groq", messages=[{"role": "user", "content": "hi", "name": "ann"}], logprobs=True, n=1
    )
    losses = {loss.strip() for loss in raw.headers["x-attache-losses"].split(",")}
    assert losses == {"messages.name", "logprobs"}
    assert set(vendors.sent()) == {"model", "messages"}


def test_thoughts_between_tags_are_thoughts_for_claudes_clients(vendors):
    vendors.sim.script(strict_as="groq", text="<think>hm</think>\n\nYes.", chunks=9)
    with vendors.anthropic.messages.stream(
        model="on-groq", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
    ) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert (message.content[0].thinking, message.content[1].text) == ("hm", "Yes.")
    # In the same dialect nothing is touched.
    chunks = vendors.openai.chat.completions.create(
        model="on-groq", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "<think>hm</think>\n\nYes."


def test_thoughts_go_back_to_a_strict_deepseek(vendors):
    vendors.sim.script(strict_as="deepseek")
    thought = {"type": "thinking", "thinking": "I look.", "signature": "of-another-provider"}
    vendors.anthropic.messages.create(
        model="on-deepseek",
        max_tokens=4000,
        thinking={"type": "enabled", "budget_tokens": 2000},
        tools=[CLAUDE_TOOL],
        messages=[
            {"role": "user", "content": "look"},
            {
                "role": "assistant",
                "content": [thought, {"type": "tool_use", "id": "toolu_01", "name": "look", "input": {}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01", "content": "a tree"}]},
        ],
    )
    sent = vendors.sent()
    assert sent["thinking"] == {"type": "enabled"} and sent["reasoning_effort"] == "low"
    assert sent["messages"][1]["reasoning_content"] == "I look."
    schema = {"name": "n", "schema": {"type": "object", "properties": {}}}
    raw = vendors.openai.chat.completions.with_raw_response.create(
        model="on-deepseek",
        messages=[{"role": "developer", "content": "in json"}, {"role": "user", "content": "hi"}],
        response_format={"type": "json_schema", "json_schema": schema},
    )
    assert raw.headers["x-attache-losses"] == "response_format.json_schema"
    assert vendors.sent()["response_format"] == {"type": "json_object"}


def test_an_effort_is_said_in_the_providers_way(vendors):
    vendors.sim.script(validate=False)
    asked = {"messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "low"}
    vendors.openai.chat.completions.create(model="on-qwen", **asked)
    sent = vendors.sent()
    assert (sent["enable_thinking"], sent["thinking_budget"]) == (True, 2048) and "reasoning_effort" not in sent
    vendors.openai.chat.completions.create(model="on-openrouter", **asked)
    sent = vendors.sent()
    assert (sent["reasoning"], sent["usage"]) == ({"effort": "low"}, {"include": True})


def test_a_stream_may_end_without_its_last_event_where_the_provider_sends_none(vendors):
    vendors.sim.script(text="Yes.", omit_done=True)
    asked = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
    with vendors.anthropic.messages.stream(model="on-tgi", **asked) as stream:
        assert stream.get_final_message().content[0].text == "Yes."
    with pytest.raises(anthropic.APIError, match="ended before the answer was complete"):
        with vendors.anthropic.messages.stream(model="on-deepseek", **asked) as stream:
            stream.get_final_message()
