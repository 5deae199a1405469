"""Guards that ask somebody, through a real Envoy: who is asked what, what becomes of the verdict, and of none."""

import json
import re
import time

import httpx
import openai
import pytest
import stack
from asked import Asked
from fronts import FRONTS, KEY, House
from rules import metric
from stack import wait_until
from test_guards import REFUSALS, REFUSED, SLOWLY
from wire import ask

NAME = "Kestrelson"
HOOK_KEY = "a-made-up-key-of-the-hook"
JUDGE_KEY = "a-made-up-key-of-the-judge"
WRONG = ("slow", "broken", "garbage", "strange", "more", "nothing", "huge")


def config(asked: Asked, moderation: str) -> str:
    """A guard of each kind, chosen by a header; and one for every way to give no answer, closed and open."""
    when = 'when: {{ "header:x-guard": {0} }}'.format
    wrong = "".join(
        f"  - {{ name: {name}-{fail}, {when(f'{name}-{fail}')}, fail: {fail}, timeout: 300ms, webhook: {{ url: \"{asked.base}/{name}\" }} }}\n"
        for name in WRONG
        for fail in ("closed", "open")
    )
    return f"""
redact: [ {{ name: default, words: [ {{ name: person, label: PERSON, words: [{NAME}] }} ] }} ]
guards:
  - {{ name: moderation, {when("moderation")}, on: both, moderation: {{ url: "{moderation}/v1/moderations", key: {KEY} }} }}
  - {{ name: presidio, {when("presidio")}, on: both, presidio: {{ url: "{asked.base}" }} }}
  - {{ name: hook, {when("hook")}, webhook: {{ url: "{asked.base}/hook", headers: {{ x-key: {HOOK_KEY} }} }} }}
  - {{ name: fresh, {when("fresh")}, on: both, cache: 0s, webhook: {{ url: "{asked.base}/hook" }} }}
  - {{ name: original, {when("original")}, on: both, sees: original, webhook: {{ url: "{asked.base}/original" }} }}
  - {{ name: scoped, {when("scoped")}, scopes: [user], chars_max: 30, cache: 0s, webhook: {{ url: "{asked.base}/hook" }} }}
  - {{ name: message, {when("message")}, then: {{ message: Ask the front desk. }}, webhook: {{ url: "{asked.base}/hook" }} }}
  - {{ name: safer, {when("safer")}, then: {{ use: safe }}, webhook: {{ url: "{asked.base}/hook" }} }}
  - {{ name: watching, {when("watching")}, on: both, mode: monitor, webhook: {{ url: "{asked.base}/watched" }} }}
  - {{ name: window, on: response, when: {{ "header:x-guard": window }}, every_chars: 40, every: 10s, cache: 0s, webhook: {{ url: "{asked.base}/hook" }} }}
  - {{ name: everybody, when: {{ model: anthropic, "front": [openai, anthropic, responses, gemini, cohere, converse, completions] }}, on: response, every_chars: 40, cache: 0s, webhook: {{ url: "{asked.base}/hook" }} }}
  - {{ name: judge, {when("judge")}, judge: {{ model: openai, key: {JUDGE_KEY}, question: it speaks of birds }} }}
{wrong}log: {{ level: trace }}
"""


class Place(House):
    """A house with somebody to ask."""

    def __init__(self, folder, topology):
        self.asked = Asked()
        self.moderator = stack.Simulator("moderator", folder)
        super().__init__(folder, topology, config(self.asked, self.moderator.base))

    def reset(self) -> None:
        super().reset()
        self.moderator.reset()
        self.asked.questions.clear()

    def stop(self) -> None:
        super().stop()
        self.moderator.stop()
        self.asked.stop()


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _place(request, tmp_path_factory):
    started = Place(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def place(_place):
    _place.reset()
    return _place


def said(place, guard: str, text: str, stream: bool = False, front: str = "openai", **params):
    return ask(place, front, "openai", stream, headers={"x-guard": guard}, text=text, **params)


KINDS = [("moderation", "violence"), ("presidio", "bluebird"), ("hook", "bluebird")]


@pytest.mark.parametrize(("guard", "word"), KINDS)
@pytest.mark.parametrize("front", ["openai", "anthropic"])
def test_who_is_asked_stops_a_request_or_lets_it_pass(place, front, guard, word):
    answer = said(place, guard, f"Tell me of {word}.", front=front)
    assert (answer.status, answer.headers["x-attache-guard"]) == (400, guard)
    assert f"guard `{guard}`" in answer.error["message"] and word not in answer.body.decode()
    assert place.simulator.requests() == []
    (decision,) = place.gateway.record(answer.request_id)["guards"]
    rule = {"moderation": "violence", "presidio": "BIRD", "hook": "birds"}[guard]
    assert decision == {"guard": guard, "rule": rule, "verdict": "stop", "direction": "request"}
    answer = said(place, guard, "Tell me of bread.", front=front)
    assert answer.status == 200 and "guards" not in place.gateway.record(answer.request_id)


@pytest.mark.parametrize(("guard", "word"), [("moderation", "violence"), ("presidio", "bluebird"), ("fresh", "bluebird")])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_who_is_asked_stops_an_answer(place, guard, word, stream):
    place.simulator.script(text=f"It is {word} then.")
    answer = said(place, guard, "What is it?", stream)
    assert word not in answer.body.decode()
    if stream:
        assert answer.whole and answer.events[-1]["choices"][0]["finish_reason"] == "content_filter"
    else:
        assert (answer.status, answer.headers["x-attache-guard"]) == (400, guard)
    record = place.gateway.record(answer.request_id)
    assert [(one["guard"], one["direction"]) for one in record["guards"]] == [(guard, "response")]
    assert record["tokens"]["output"] > 0


def test_a_webhook_is_asked_by_its_contract(place):
    answer = said(place, "hook", "How do you do?", tools=[])
    (question,) = place.asked.at("hook")
    (headers,) = [headers for _, headers, _ in place.asked.questions]
    assert {name.lower(): value for name, value in headers.items()}["x-key"] == HOOK_KEY
    assert question == {
        "guard": "hook",
        "direction": "request",
        "request_id": answer.request_id,
        "caller": "anonymous",
        "model": "openai",
        "front": "openai",
        "texts": [{"scope": "user", "choice": 0, "text": "How do you do?"}],
    }


def test_only_who_is_to_see_the_originals_sees_them(place):
    for stream in (False, True):
        for guard, path, sees in (("fresh", "hook", False), ("original", "original", True)):
            place.asked.questions.clear()
            answer = said(place, guard, f"Write to {NAME}, {guard} {stream}.", stream)
            # The simulator repeats what it reads: the answer has a placeholder, too.
            assert NAME in answer.text
            directions = [question["direction"] for question in place.asked.at(path)]
            assert directions == ["request", "response"]
            for question in place.asked.at(path):
                assert (NAME in json.dumps(question)) == sees and ("[PERSON-" in json.dumps(question)) != sees


def test_what_somebody_may_not_see_is_not_sent_and_too_much_is_not_decided(place):
    messages = [{"role": "system", "content": "Bluebird! " * 10}, {"role": "user", "content": "Hello."}]
    assert said(place, "scoped", "", messages=messages).status == 200
    (question,) = place.asked.at("hook")
    assert [text["scope"] for text in question["texts"]] == ["user"]
    answer = said(place, "scoped", "Hello. " * 10)
    assert (answer.status, answer.headers["x-attache-guard"]) == (400, "scoped")
    assert place.gateway.record(answer.request_id)["guards"][0]["rule"] == "undecided"
    assert len(place.asked.at("hook")) == 1


@pytest.mark.parametrize("name", WRONG)
def test_without_an_answer_that_counts_a_guard_fails_as_it_is_told(place, name):
    before, began = place.gateway.metrics(), time.monotonic()
    closed = said(place, f"{name}-closed", f"Hello, {name}.")
    assert (closed.status, closed.headers["x-attache-guard"]) == (400, f"{name}-closed")
    assert place.gateway.record(closed.request_id)["guards"][0]["rule"] == "undecided"
    assert said(place, f"{name}-open", f"Hello, {name}.").status == 200
    assert time.monotonic() - began < 4
    for fail in ("closed", "open"):
        labels = {"guard": f"{name}-{fail}", "source": "failure"}
        grown = lambda: metric(place.gateway.metrics(), "attache_guard_calls_total", **labels) - metric(
            before, "attache_guard_calls_total", **labels
        )
        assert wait_until(grown, "failure that is counted") == 1
    log = place.gateway.attache.wait_for_log(closed.request_id, "a guard cannot decide", 'fails="closed"')
    assert f"Hello, {name}." not in log


def test_verdicts_are_remembered_by_whom_they_concern(place):
    for _ in range(3):
        assert said(place, "hook", "Is it a bluebird, again?").status == 400
        assert said(place, "hook", "Is it bread, again?").status == 200
    assert len(place.asked.at("hook")) == 2
    # The same text, and another guard.
    assert said(place, "message", "Is it a bluebird, again?").status == 200
    assert len(place.asked.at("hook")) == 3
    labels = {"guard": "hook", "source": "cache"}
    assert metric(place.gateway.metrics(), "attache_guard_calls_total", **labels) >= 4
    for _ in range(2):
        said(place, "scoped", "Not kept.")
    assert len(place.asked.at("hook")) == 5


def test_who_was_not_asked_has_let_nothing_pass(place):
    """What one stops the next is not asked about, and nobody is asked about an answer that never came."""
    counted = lambda direction: metric(
        place.gateway.metrics(), "attache_guard_decisions_total", guard="fresh", verdict="pass", direction=direction
    )
    before = counted("request"), counted("response")
    answer = said(place, "fresh", "A bluebird, and no answer.")
    place.gateway.record(answer.request_id)
    assert (counted("request"), counted("response")) == before
    answer = said(place, "fresh", "Bread, and an answer.")
    place.gateway.record(answer.request_id)
    wait_until(lambda: (counted("request"), counted("response")) == (before[0] + 1, before[1] + 1), "two that passed")


def test_what_is_done_instead(place):
    answer = said(place, "message", "A bluebird?")
    assert (answer.text, answer.headers["x-attache-guard"]) == ("Ask the front desk.", "message")
    answer = said(place, "safer", "A bluebird?")
    assert (answer.headers["x-attache-model"], answer.headers["x-attache-guard"]) == ("claude-sonnet-4-5", "safer")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_monitor_is_asked_and_stops_nothing(place, stream):
    text = f"One bluebird, and some more of it, {stream}."
    place.simulator.script(text=text)
    answer = said(place, "watching", f"A bluebird, {stream}?", stream)
    assert answer.text == text
    record = place.gateway.record(answer.request_id)
    verdicts = [(one["direction"], one["verdict"]) for one in record["guards"]]
    assert verdicts == [("request", "monitor"), ("response", "monitor")]
    # At its end, about all of it.
    assert place.asked.at("watched")[-1]["texts"][0]["text"] == text


def test_of_an_answer_under_way_windows_are_asked_about(place):
    text = " ".join(f"word{number}" for number in range(60))
    place.simulator.script(text=text, chunks=60, chunk_delay_ms=SLOWLY)
    answer = said(place, "window", "Go on.", True)
    assert answer.text == text
    windows = [question["texts"][0]["text"] for question in place.asked.at("hook")]
    assert 4 < len(windows) < 12
    # Each holds what is new, and a little of what came before; together they are all of it.
    assert windows[0] == text[: len(windows[0])] and text.endswith(windows[-1])
    assert all(window in text and len(window) < 300 for window in windows)


def test_a_stop_is_found_across_windows_and_nothing_of_its_window_is_read(place):
    before, after = "x" * 36 + " blue", "bird " + "y" * 200
    place.simulator.script(text=before + after, chunks=60, chunk_delay_ms=SLOWLY)
    answer = said(place, "window", "Go on.", True)
    assert answer.whole and "bird" not in answer.text and answer.text.startswith("xxx")
    assert answer.events[-1]["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("front", FRONTS)
def test_every_client_s_stream_ends_properly(place, front):
    place.simulator.script(text="Some words come first, and so many that they are asked about. Then a bluebird.", chunks=40, chunk_delay_ms=SLOWLY)
    answer = place.say(front, "anthropic", "Go on.", True)
    assert "bluebird" not in answer.text and answer.text.startswith("Some words")
    assert answer.stop == REFUSED[front]
    place.simulator.script(text="A bluebird.")
    with pytest.raises(REFUSALS, match="guard `everybody`"):
        place.say(front, "anthropic", "Go on.", False)


def test_a_slow_stream_is_not_held_for_longer_than_it_says(place):
    """`everybody` asks after a second at the latest."""
    place.simulator.script(text="one two three four five six seven eight", chunks=8, chunk_delay_ms=800)
    began, first = time.monotonic(), None
    with place.openai.chat.completions.create(
        model="anthropic", messages=[{"role": "user", "content": "hi"}], stream=True
    ) as events:
        for event in events:
            if first is None and event.choices and event.choices[0].delta.content:
                first = time.monotonic() - began
    assert 0.9 < first < 4, "its end comes after six seconds"


@pytest.mark.parametrize("verdict", ["STOP", "ALLOW", "stop\n", "It is fine, I would say ALLOW.", ""])
def test_a_model_judges_through_the_gateway(place, verdict):
    place.simulator.queue({"text": verdict} if verdict else {"refusal": "no"}, {})
    answer = said(place, "judge", f"Is it a bird? {verdict!r}")
    judged = json.loads(place.simulator.requests()[0]["body"])
    system, user = (message["content"] for message in judged["messages"])
    mark = user.splitlines()[0]
    assert re.fullmatch("=[0-9a-f]{32}=", mark) and user.splitlines()[-1] == mark and mark in system
    assert "it speaks of birds" in system and "Is it a bird?" in user and "Is it a bird?" not in system
    if verdict == "ALLOW":
        assert answer.status == 200
    else:
        assert (answer.status, answer.headers["x-attache-guard"]) == (400, "judge")
    rules = [one["rule"] for one in place.gateway.record(answer.request_id).get("guards", [])]
    assert rules == {"STOP": ["judge"], "stop\n": ["judge"], "ALLOW": []}.get(verdict, ["undecided"])


def test_the_judge_is_booked_as_an_exchange_of_its_own_and_guarded_by_nobody(place):
    place.simulator.queue({"text": "ALLOW"}, {})
    began = stack.now_ms()
    said(place, "judge", "Is this looked at twice?")
    records = wait_until(lambda: len(found := place.gateway.records(began)) >= 2 and found, "records")
    assert len(records) == 2 and len(place.simulator.requests()) == 2


def test_an_asked_one_over_tls_must_show_a_certificate_that_the_system_trusts(tmp_path, certificates):
    good = stack.Simulator("good", tmp_path, args=certificates.issue("127.0.0.1"), tls=True)
    folder = tmp_path / "house"
    folder.mkdir()
    guards = f'guards: [ {{ name: tls, moderation: {{ url: "{good.base}/v1/moderations", key: {KEY} }} }} ]\n'
    for trusted, status in ((str(certificates.ca_file), 200), (None, 400)):
        env = {"SSL_CERT_FILE": trusted} if trusted else None
        house = House(folder, extra=guards, env=env)
        try:
            answer = ask(house, "openai", "openai", text="hello")
            assert answer.status == status, answer.body
            if trusted:
                with pytest.raises(openai.BadRequestError, match="guard `tls`"):
                    house.say("openai", "openai", "violence", False)
        finally:
            house.stop()
    good.stop()


def test_no_text_and_no_key_is_in_anything_that_was_written(place):
    """The last one: it reads what the others left."""
    gateway, admin = place.gateway, f"http://127.0.0.1:{place.gateway.admin_port}"
    pages = [httpx.get(f"{admin}{path}").text for path in ("/config", "/metrics", "/limits")]
    written = [gateway.attache.out(), gateway.attache.err(), gateway.envoy.out(), gateway.envoy.err()]
    assert '"guards"' in written[0] and "a guard cannot decide" in written[1]
    for text in pages + written:
        for value in (NAME, HOOK_KEY, JUDGE_KEY, KEY, "bluebird", "Is it a bird", "Ask the front"):
            assert value not in text or (value == "Ask the front" and text is pages[0]), value
