"""What the cache gives to whom: a guard that knows who asks has its say for each, and nobody reads what another said of
itself."""

import itertools

import pytest
from asked import Asked
from fronts import House
from wire import ask

ALICE, BOB = (f"{name}-has-a-key-of-twenty-characters" for name in ("alice", "bob"))
_numbers = itertools.count(1)


def config(asked: Asked) -> str:
    return f"""
callers: {{ keys: {{ alice: {{ value: {ALICE} }}, bob: {{ value: {BOB} }} }} }}
cache: {{ rules: [ {{ name: all, scope: shared, ignore: [user, safety_identifier, metadata] }} ] }}
guards:
  - {{ name: who, on: response, when: {{ "header:x-guard": who }}, cache: 0s, webhook: {{ url: "{asked.base}/who" }} }}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    asked = Asked()
    asked.who = lambda body: (200, {"allow": body["caller"] != "bob"})
    house = House(tmp_path_factory.mktemp("askers"), "sidecar", config(asked))
    yield house
    house.stop()
    asked.stop()


def by(key: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} | more


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_guard_that_knows_who_asks_has_its_say_for_each(place, stream):
    text = f"What is {next(_numbers)} and one?"
    outcomes = []
    for key, guard in ((ALICE, "who"), (ALICE, "who"), (BOB, "who"), (ALICE, "no"), (BOB, "no")):
        headers = by(key, **{"x-guard": guard})
        answer = ask(place, "openai", "openai", stream, headers=headers, text=text)
        is_whole = answer.status == 200 and "content_filter" not in answer.body.decode()
        outcomes.append((answer.headers.get("x-attache-cache"), is_whole))
    first, again, bob, *unguarded = outcomes
    assert (first, again) == (("miss", True), ("hit", True))
    assert bob[0] != "hit" and not bob[1], bob
    assert unguarded == [("miss", True), ("hit", True)]


def test_an_answer_repeats_what_its_reader_said_of_itself(place):
    text = f"What is {next(_numbers)} and one?"
    told = []
    for key, name in ((ALICE, "alice"), (BOB, "bob")):
        own = {"user": name, "safety_identifier": name, "metadata": {"who": name}, "prompt_cache_key": f"of-{name}"}
        body = {"model": "anthropic", "input": text, "store": False} | own
        answer = place.http.post("/v1/responses", json=body, headers=by(key))
        told.append(answer.headers["x-attache-cache"])
        assert {field: answer.json().get(field) for field in own} == own
    assert told == ["miss", "hit"]
