"""Frameworks that sit on the SDKs: LangChain in Python, Vercel's AI SDK in Node, before providers of either dialect."""

import json
import pathlib
import shutil
import subprocess

import pytest
from conftest import CLIENT_KEY
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

NODE = pathlib.Path(__file__).parent / "node"
PROVIDERS = pytest.mark.parametrize("provider", ["openai", "claude"])
CALL = {"tool_calls": [{"name": "weather", "arguments": {"city": "Zürich"}}]}


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: rain"


def chat(sidecar, front: str, provider: str):
    model = f"{provider}-only"
    if front == "openai":
        return ChatOpenAI(model=model, base_url=f"{sidecar.base}/v1", api_key=CLIENT_KEY, max_retries=0, timeout=30)
    return ChatAnthropic(model=model, base_url=sidecar.base, api_key=CLIENT_KEY, max_retries=0, timeout=30)


@pytest.fixture(params=["openai", "anthropic"])
def front(request):
    return request.param


def simulator(sidecar, provider: str):
    return sidecar.openai_sim if provider == "openai" else sidecar.claude_sim


@PROVIDERS
def test_langchain_answers_whole_and_streamed(sidecar, front, provider):
    model = chat(sidecar, front, provider)
    answer = model.invoke([HumanMessage("hello")])
    assert answer.text == "You said: hello"
    assert answer.usage_metadata["output_tokens"] > 0
    pieces = list(model.stream([HumanMessage("hello")]))
    assert "".join(piece.text for piece in pieces) == "You said: hello"


@PROVIDERS
def test_langchain_calls_tools(sidecar, front, provider):
    model = chat(sidecar, front, provider).bind_tools([weather])
    simulator(sidecar, provider).queue(CALL)
    asked = HumanMessage("weather in Zürich?")
    calling = model.invoke([asked])
    (call,) = calling.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Zürich"})
    result: ToolMessage = weather.invoke(call)
    # The provider refuses results without their calls, so an answer means that the ids have survived.
    assert model.invoke([asked, calling, result]).text


@pytest.fixture
def vercel(sidecar):
    """Runs scenarios with Vercel's AI SDK; gives what it gave for each."""
    if shutil.which("node") is None:
        pytest.skip("there is no `node` on PATH")
    if not (NODE / "node_modules/ai").exists():
        pytest.skip("Vercel's AI SDK is not installed: `make node_modules` (needs npm)")

    def run(*scenarios: dict) -> list[dict]:
        argv = ["node", "vercel.mjs", sidecar.base, CLIENT_KEY, json.dumps(scenarios)]
        done = subprocess.run(argv, cwd=NODE, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@PROVIDERS
def test_vercels_ai_sdk(vercel, front, provider):
    asks = [{"front": front, "model": f"{provider}-only", "how": how} for how in ("generate", "stream")]
    for answer in vercel(*asks):
        assert answer["text"] == "You said: hello"
        assert answer["usage"]["outputTokens"] > 0


@PROVIDERS
def test_vercels_ai_sdk_calls_tools(vercel, sidecar, front, provider):
    simulator(sidecar, provider).queue(CALL, {"text": "It rains."})
    (answer,) = vercel({"front": front, "model": f"{provider}-only", "how": "tools"})
    assert answer["calls"] == [{"name": "weather", "input": {"city": "Zürich"}}]
    assert answer["text"] == "It rains."
