"""Policies: what becomes of what is found, where, and in what the model itself says; who is asked for names of people."""

import json

import pytest
from redacted import (
    BADGE,
    CARD,
    EMAIL,
    EMAILS,
    FRONTS,
    IBAN,
    OTHER_EMAIL,
    PERSON,
    PLACEHOLDER,
    PROVIDERS,
    SECRET,
    WORD,
    Analyzer,
    House,
    chat,
    chosen,
    converse,
    messages,
)
from rules import metric
from wire import ask


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _house(request, tmp_path_factory):
    started = House(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def house(_house):
    _house.reset()
    return _house


every_front = pytest.mark.parametrize("front", FRONTS)
every_provider = pytest.mark.parametrize("provider", PROVIDERS)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
SAYS = {"text": f"Mail {OTHER_EMAIL} about it.", "chunks": 12}


# ---- what the model says ----


@every_front
@every_provider
@both_ways
def test_what_the_model_says_is_redacted(house, front, provider, stream):
    calls = [{"name": "mail", "arguments": {"to": OTHER_EMAIL}}]
    said = FRONTS[front](house, provider, stream, SAYS | {"tool_calls": calls}, "Who?", policy="redacts")
    assert (said.text, said.calls) == ("Mail [EMAIL] about it.", [{"to": "[EMAIL]"}])


@both_ways
def test_what_the_client_said_comes_back_beside_it(house, stream):
    stands_for = house.placeholder()
    script = {"text": f"{stands_for} knows {OTHER_EMAIL}, not {EMAIL}.", "chunks": 12}
    said = chat(house, "openai", stream, script, f"Who knows {EMAIL}?", policy="redacts")
    assert said.text == f"{EMAIL} knows [EMAIL], not [EMAIL]."
    said = chat(house, "openai", stream, script, f"Who knows {EMAIL}?", policy="masks")
    masked = PLACEHOLDER.findall(said.text)
    assert said.text == f"{EMAIL} knows {masked[0]}, not {masked[1]}." and masked[1] == stands_for


@every_front
@every_provider
def test_an_answer_that_is_blocked_is_an_error(house, front, provider):
    with pytest.raises(Exception, match="policy `blocks`") as error:
        FRONTS[front](house, provider, False, SAYS, "Who?", policy="blocks")
    assert OTHER_EMAIL not in str(error.value) and "email" not in str(error.value).lower()


@pytest.mark.parametrize("front", ["openai", "anthropic"])
@pytest.mark.parametrize("provider", PROVIDERS)
@both_ways
def test_a_blocked_answer_is_booked_as_what_it_is(house, front, provider, stream):
    headers = {"x-sim": json.dumps(SAYS), "x-policy": "blocks"}
    answer = ask(house, front, provider, stream, headers=headers)
    assert answer.status == (200 if stream else 400)
    assert OTHER_EMAIL not in answer.body.decode() and "example.org" not in answer.body.decode()
    record = house.gateway.record(answer.request_id)
    assert (record["ending"], record["refused_by"], record["fault"]) == ("failed", "blocks", "invalid_request")
    assert record["attempts"][0]["outcome"] == "served"
    # The provider was at work, and wants to be paid.
    assert record["tokens"]["input"] > 0
    entry = {"policy": "blocks", "entity": "email", "action": "block", "direction": "response", "count": 1}
    assert record["redactions"] == [entry]
    line = house.gateway.attache.wait_for_line(answer.request_id, "attache::audit")
    assert 'policy="blocks" entity="email" caller="anonymous" direction="response"' in line


@every_provider
def test_a_blocked_stream_ends_as_its_dialect_ends(house, provider):
    said = chat(house, provider, True, SAYS, "Who?", policy="blocks")
    assert (said.text, said.native.choices[0].finish_reason) == ("Mail ", "content_filter")
    said = messages(house, provider, True, SAYS, "Who?", policy="blocks")
    assert (said.text, said.native.stop_reason) == ("Mail ", "refusal")
    said = converse(house, provider, True, SAYS, "Who?", policy="blocks")
    stops = [event["messageStop"]["stopReason"] for event in said.native if "messageStop" in event]
    assert (said.text, stops) == ("Mail ", ["content_filtered"])
    said = FRONTS["gemini"](house, provider, True, SAYS, "Who?", policy="blocks")
    assert (said.text, said.native[-1].candidates[0].finish_reason.name) == ("Mail ", "SAFETY")
    said = FRONTS["responses"](house, provider, True, SAYS, "Who?", policy="blocks")
    assert (said.text, said.native.incomplete_details.reason) == ("Mail ", "content_filter")


def test_a_blocked_stream_lets_go_of_its_provider(house):
    script = SAYS | {"text": f"Mail {OTHER_EMAIL} about it. " + "word " * 400, "chunks": 400, "chunk_delay_ms": 20}
    chat(house, "openai", True, script, "Who?", policy="blocks")
    (came,) = house.first.requests()
    assert came["ended"] in ("client_gone", "open") and came["events_sent"] < 200


# ---- monitor, scopes, actions ----


@both_ways
def test_who_monitors_changes_nothing_and_counts(house, stream):
    text = f"Write to {EMAIL}."
    headers = {"x-policy": "watching", "x-sim": json.dumps(SAYS)}
    answer = ask(house, "openai", "openai", stream, headers=headers, text=text)
    assert answer.text == SAYS["text"]
    assert json.loads(house.first.requests()[-1]["body"])["messages"] == [{"role": "user", "content": text}]
    record = house.gateway.record(answer.request_id)
    entry = {"policy": "watching", "entity": "email", "action": "detect", "count": 1}
    assert record["redactions"] == [entry | {"direction": direction} for direction in ("request", "response")]
    assert record["ending"] == "complete"


def test_only_what_users_say_is_looked_at(house):
    turns = [
        {"role": "system", "content": f"You are {EMAIL}."},
        {"role": "user", "content": f"I am {EMAIL}."},
        {"role": "assistant", "content": f"Hello {EMAIL}."},
        {"role": "user", "content": "Good."},
    ]
    headers = {"x-policy": "users"}
    house.openai.chat.completions.create(model="openai", messages=turns, extra_headers=headers)
    sent = json.loads(house.first.requests()[-1]["body"])["messages"]
    assert [EMAIL in turn["content"] for turn in sent] == [True, False, True, False]
    house.reset()
    house.openai.chat.completions.create(model="openai", messages=turns)
    assert house.received().count("[EMAIL-") == 3


def test_each_entity_has_an_action_of_its_own(house):
    said = chat(house, "openai", False, None, f"{EMAIL} {CARD} {IBAN} {SECRET}", policy="actions")
    # None of them can come back.
    email, card, iban, secret = said.text.removeprefix("You said: ").split(" ")
    assert email.startswith("[EMAIL") and card == "*" * 12 + "1111" and secret == "[AWSKEY]"
    assert iban != IBAN and iban[:2] == IBAN[:2] and len(iban) == len(IBAN) and mod97(iban) == 1
    assert said.text.removeprefix("You said: ") in house.bodies()[-1]
    assert chat(house, "openai", False, None, EMAIL, policy="actions").text == f"You said: {email}"


def mod97(iban: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


@both_ways
def test_operators_have_patterns_and_words_of_their_own(house, stream):
    said = chat(house, "claude", stream, None, f"{BADGE} works on {WORD.upper()} and {WORD}.", policy="own")
    assert said.text == f"You said: {BADGE} works on {WORD.upper()} and {WORD}."
    assert WORD.lower() not in house.received().lower()
    assert "[BADGE-" in house.received() and house.received().count("[PROJECT-") == 2


# ---- who is asked for names ----


@pytest.fixture(scope="module")
def _analyzed(tmp_path_factory):
    analyzer = Analyzer()
    asks = f'presidio: {{ url: "{analyzer.url}", timeout: 2s, fail: FAIL }}'
    others = f'  - {{ name: closed, {EMAILS}, {asks.replace("FAIL", "closed")} }}'
    policies = ["redact:", chosen("open", f"{EMAILS}, {asks.replace('FAIL', 'open')}"), others, "log: { level: trace }"]
    started = House(tmp_path_factory.mktemp("analyzed"), policies="\n".join(policies))
    yield started, analyzer
    started.stop()
    analyzer.stop()


@pytest.fixture
def analyzed(_analyzed):
    house, analyzer = _analyzed
    house.reset()
    analyzer.asked, analyzer.status, analyzer.seconds = [], 200, 0.0
    return house, analyzer


@both_ways
def test_names_that_an_analyzer_finds_are_masked(analyzed, stream):
    house, analyzer = analyzed
    said = chat(house, "claude", stream, None, f"{PERSON} is {EMAIL}.")
    assert said.text == f"You said: {PERSON} is {EMAIL}."
    assert {label.split("-")[0] for label in PLACEHOLDER.findall(house.received())} == {"[PERSON", "[EMAIL"}
    path, question = analyzer.asked[-1]
    assert path == "/analyze" and question["language"] == "en"


@pytest.mark.parametrize("failure", ["status", "time-out"])
def test_an_analyzer_that_is_away(analyzed, failure):
    house, analyzer = analyzed
    analyzer.status, analyzer.seconds = (500, 0.0) if failure == "status" else (200, 5.0)
    closed = ask(house, "openai", "openai", text=f"Write to {EMAIL}.")
    assert closed.status == 503 and closed.error["code"] == "redaction_unavailable"
    assert "policy `closed`" in closed.error["message"] and house.bodies() == []
    assert house.gateway.record(closed.request_id)["refused_by"] == "closed"
    opened = ask(house, "openai", "openai", headers={"x-policy": "open"}, text=f"Write to {EMAIL}.")
    assert opened.text == f"You said: Write to {EMAIL}."
    house.received()
    for policy, outcome in [("closed", "closed"), ("open", "open")]:
        assert metric(house.gateway.metrics(), "attache_analyzer_failures_total", policy=policy, outcome=outcome) > 0
