"""The filter `model-router` in a real Envoy: who is asked for what decides the route."""

import concurrent.futures
import gzip
import json
import re
import threading

import anthropic
import httpx
import openai
import pytest
import stack
from inside import CHAT, HEADERS, INTERNAL, MESSAGES, Inside, body, say, wasm

BYTES_MAX = 30_000_000
RULES = {
    "routes": [
        {"name": "pictures", "when": {"model": "gpt-*", "images": True}, "cluster": "claude"},
        {"name": "tools", "when": {"model": "gpt-*", "tools": True, "stream": False}, "cluster": "claude"},
        {"name": "large", "when": {"model": "gpt-*", "bytes_min": 500_000}, "cluster": "claude"},
        {"name": "beta", "when": {"model": "gpt-*", "header:x-stage": "beta"}, "route": "anthropic"},
        {"name": "openai", "when": {"model": ["gpt-*", "whisper-*"]}},
        {"name": "anthropic", "when": {"model": "claude-*", "front": "anthropic"}},
        {"name": "nowhere", "when": {"model": "lost"}, "cluster": "no-such-cluster"},
    ],
    "otherwise": "refuse",
    "body_bytes_max": BYTES_MAX,
}
TOOL = {"type": "function", "function": {"name": "tell", "parameters": {"type": "object"}}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.fixture(scope="module")
def _router(tmp_path_factory):
    started = Inside(tmp_path_factory.mktemp("router"), [wasm("model-router", RULES)])
    yield started
    started.stop()


@pytest.fixture
def router(_router):
    _router.reset()
    return _router


def reached(router) -> str:
    """Whom the one request reached."""
    came = {"openai": router.openai_sim.requests(), "claude": router.claude_sim.requests()}
    (name,) = [name for name, requests in came.items() if requests]
    assert len(came[name]) == 1
    router.last(router.openai_sim if name == "openai" else router.claude_sim)
    router.reset()
    return name


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_model_decides_in_either_dialect(router, stream):
    answer = router.openai.chat.completions.create(model="gpt-4o-mini", messages=say("hi"), stream=stream)
    text = answer.choices[0].message.content if not stream else "".join(
        chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices
    )
    assert (text, reached(router)) == ("You said: hi", "openai")
    asked = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": say("hi")}
    if stream:
        with router.anthropic.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = router.anthropic.messages.create(**asked)
    assert (answer.content[0].text, reached(router)) == ("You said: hi", "claude")


@pytest.mark.parametrize(
    ("more", "headers", "expected"),
    [
        ({}, {}, "openai"),
        ({"tools": [TOOL]}, {}, "claude"),
        ({"tools": [TOOL], "stream": True}, {}, "openai"),
        ({"tools": []}, {}, "openai"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, {}, "claude"),
        ({"user": "u" * 500_000}, {}, "claude"),
        ({}, {"x-stage": "beta"}, "claude"),
        ({}, {"x-stage": "alpha"}, "openai"),
    ],
)
def test_so_does_what_comes_along(router, more, headers, expected):
    assert router.http.post(CHAT, json=body("hi", **more), headers=headers).status_code in (200, 400)
    assert reached(router) == expected


def test_not_a_byte_changes(router):
    sent = b'{ "model":"gpt-4o-mini",\n\t"messages" : [{"role":"user", "content":"caf\\u00e9 \\/ \xc3\xa9"}] }'
    answer = router.http.post(CHAT, content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 200 and router.last(router.openai_sim)["body"].encode() == sent


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/files", "/nothing/of/ours"])
def test_no_client_chooses_a_route(router, path):
    forged = {name: "anthropic" for name in INTERNAL} | {"X-Attache-Cluster": "claude"}
    if path == CHAT:
        router.http.post(path, json=body("hi"), headers=forged)
    else:
        router.http.get(path, headers=forged)
    assert reached(router) == "openai"


def test_a_model_that_nobody_knows_is_refused_in_the_client_s_words(router):
    with pytest.raises(openai.NotFoundError, match="the model `gemini` does not exist here") as raised:
        router.openai.chat.completions.create(model="gemini", messages=say("hi"))
    assert raised.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError, match="does not exist here"):
        router.anthropic.messages.create(model="gemini", max_tokens=9, messages=say("hi"))
    assert router.openai_sim.requests() == router.claude_sim.requests() == []
    assert router.stat("wasmcustom.attache_routed.rule.unknown") >= 2
    # A cluster that Envoy does not have is Envoy's to refuse.
    assert router.http.post(CHAT, json=body("hi", model="lost")).status_code == 503


@pytest.mark.parametrize("bytes_sent", [1 << 20, 20 << 20], ids=["1 MB", "20 MB"])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_large_bodies_are_read(router, bytes_sent, chunked):
    content = json.dumps(body("x" * bytes_sent)).encode()
    answer = router.post(CHAT, content, chunked)
    assert answer.status_code == 200
    assert router.last(router.claude_sim)["body_bytes"] == len(content)


def test_what_is_too_large_or_cannot_be_read_is_refused(router):
    large = router.http.post(CHAT, json=body("x" * BYTES_MAX))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_not_readable")
    for content in (b"{not json", b"", b"{}", gzip.compress(json.dumps(body("hi")).encode())):
        for path in (CHAT, MESSAGES):
            encoding = {"content-encoding": "gzip"} if content.startswith(b"\x1f") else {}
            answer = router.http.post(path, content=content, headers={"content-type": "application/json"} | encoding)
            assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), content
    assert router.openai_sim.requests() == router.claude_sim.requests() == []


def test_what_has_no_body_passes(router):
    assert router.http.get("/v1/models").status_code == 200
    assert reached(router) == "openai"


def test_a_model_in_a_form_is_read(router):
    answer = router.openai.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"\x00\xff" * 1000))
    assert answer.text and reached(router) == "openai"
    with pytest.raises(openai.NotFoundError, match="does not exist here"):
        router.openai.audio.transcriptions.create(model="other", file=("a.wav", b"\x00"))


def test_new_rules_under_load_lose_and_mislead_nobody(tmp_path):
    """Every request gets a whole answer: of the provider that the old rules name, or of the one that the new ones name."""

    def rules(provider: str) -> list[dict]:
        routes = [{"name": provider, "when": {"model": "gpt-*"}}]
        return [wasm("model-router", {"routes": routes, "otherwise": "refuse"})]

    inside = Inside(tmp_path, rules("openai"))
    came = {"openai": inside.openai_sim, "anthropic": inside.claude_sim}
    for name, simulator in came.items():
        simulator.script(text=f"Said by {name}")
    count = lambda name: came[name].stats()["requests"]
    seen: list[list[str]] = [[], [], []]
    stop = threading.Event()

    def ask(stream: bool, said: list[str]) -> None:
        with httpx.Client(base_url=inside.base, headers=HEADERS, timeout=30) as client:
            while not stop.is_set():
                answer = client.post(CHAT, json=body("hi", stream=stream)).raise_for_status()
                assert answer.text.endswith("data: [DONE]\n\n") or not stream
                said.append("".join(re.findall(r'"content": ?"([^"]*)"', answer.text)))

    def serves_all(provider: str) -> bool:
        return all(said[-1:] == [f"Said by {provider}"] for said in seen)

    pool = concurrent.futures.ThreadPoolExecutor(3)
    askers = [pool.submit(ask, stream, said) for stream, said in zip((False, True, False), seen)]
    try:
        stack.wait_until(lambda: serves_all("openai"), "answers by the first rules", 60)
        for provider in ("anthropic", "openai", "anthropic"):
            inside.listen(rules(provider))
            # The new listener's VM compiles its code first; meanwhile the old rules serve, and longest on old connections.
            stack.wait_until(lambda: serves_all(provider), "answers by the new rules", 60)
        stop.set()
        for asker in askers:
            asker.result(30)
        assert {text for said in seen for text in said} == {"Said by openai", "Said by anthropic"}
        assert sum(map(len, seen)) == count("openai") + count("anthropic")
    finally:
        stop.set()
        pool.shutdown()
        inside.stop()


def test_a_broken_rule_keeps_the_old_ones(tmp_path):
    inside = Inside(tmp_path, [wasm("model-router", {"routes": [{"name": "anthropic", "when": {"model": "gpt-*"}}]})])
    try:
        inside.listen([wasm("model-router", {"routes": [{"name": "a", "when": {"modell": "x"}}]})])
        inside.envoy.wait_for_log("attache model-router: the configuration is wrong: routes[0].when.modell:")
        assert inside.http.post(CHAT, json=body("hi")).status_code == 200
        assert len(inside.claude_sim.requests()) == 1
    finally:
        inside.stop()
