"""Three gateways with one Redis: what one has stored, the others answer from; what one has purged, nobody has."""

import itertools
import json
import shlex
import socket
import subprocess
import time

import conftest
import httpx
import pytest
import stack
from rules import metric
from test_shared_limits import Redis
from wire import ask

CACHE = """
store: { redis: { url: "redis://127.0.0.1:REDIS_PORT", timeout_ms: 500 } }
cache:
  key: a-secret-that-all-replicas-have
  store: redis
  EMBEDDER
  rules:
    - { name: other, when: { "header:x-cache": other }, scope: shared }
    - { name: all, scope: shared, SEMANTIC }
"""
TOKEN = "the-admin-token-of-the-tests"
WORDS = stack.ROOT / "examples/semantic-cache/words.txt"
_numbers = itertools.count(1)


class Replica:
    """One gateway of three, with what tests need to ask it."""

    def __init__(self, gateway: stack.Gateway):
        self.gateway = gateway
        self.http = httpx.Client(base_url=gateway.base, timeout=30)

    def ask(self, text: str, rule: str = "", **params):
        headers = {"x-cache": rule} if rule else {}
        answer = ask(self, "openai", "openai-only", headers=headers, text=text, **params)
        assert answer.status == 200, answer.body
        return answer

    def outcome(self, text: str, rule: str = "") -> str:
        return self.ask(text, rule).headers["x-attache-cache"]

    def stats(self) -> dict:
        return json.loads(stack.get(f"http://127.0.0.1:{self.gateway.admin_port}/cache"))

    def admin(self, method: str, path: str, body=None, token: str = TOKEN) -> httpx.Response:
        url = f"http://127.0.0.1:{self.gateway.admin_port}{path}"
        return httpx.request(method, url, json=body, headers={"authorization": f"Bearer {token}"} if token else {})

    def command(self, *words: str) -> str:
        argv = [stack.binary("attache"), "cache", *words, "--config", self.gateway.config_path]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        self.http.close()
        self.gateway.stop()


class House:
    """Three gateways, one Redis, one provider."""

    def __init__(self, folder, redis: Redis, semantic: bool):
        self.redis, self.openai_sim = redis, stack.Simulator("openai", folder)
        text = CACHE.replace("REDIS_PORT", str(redis.port))
        text = text.replace("EMBEDDER", f'embedder: {{ path: "{WORDS}" }}' if semantic else "")
        text = text.replace("SEMANTIC", 'semantic: { mode: "on", threshold: 0.92 }' if semantic else "ttl: 1h")
        config = conftest.config(self.openai_sim.base, self.openai_sim.base, text)
        service = f', admin_token: "{TOKEN}"'
        self.replicas = [Replica(stack.Gateway(folder / str(i), config, service=service)) for i in range(3)]
        self.wait_until_all_hear()

    def wait_until_all_hear(self) -> None:
        stack.wait_until(lambda: all(each.stats()["journal"]["up"] for each in self.replicas), "journal everywhere")

    def asked(self) -> int:
        return len(self.openai_sim.requests())

    def stop(self) -> None:
        for process in (*self.replicas, self.openai_sim, self.redis):
            process.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    started = House(folder, Redis(folder), semantic=True)
    yield started
    started.stop()


def new() -> str:
    """A question that nobody has asked before, and that means nothing."""
    return f"{next(_numbers)}?"


def test_what_one_stores_all_answer(house):
    one, two, three = house.replicas
    question, before = new(), house.asked()
    first = one.ask(question)
    assert first.headers["x-attache-cache"] == "miss"
    stack.wait_until(lambda: two.outcome(question) == "hit", "hit of the second")
    for replica in house.replicas:
        for stream in (False, True):
            again = replica.ask(question, stream=stream)
            assert (again.headers["x-attache-cache"], again.text) == ("hit", first.text)
    # Only until the first one's entry was there had anybody else to be asked.
    assert house.asked() - before <= 2


def vectors(replica: Replica) -> int:
    return replica.stats()["index"]["entries"]


def test_what_one_learns_all_find_by_meaning(house, capsys):
    one, two, three = house.replicas
    lags, known = [], vectors(one)
    for i in range(12):
        system = {"role": "system", "content": f"conversation {i}"}

        def say(replica, words, system=system):
            body = {"model": "openai-only", "messages": [system, {"role": "user", "content": words}]}
            answer = replica.http.post("/v1/chat/completions", json=body, headers={"authorization": "Bearer x"})
            assert answer.status_code == 200, answer.text
            return answer.headers["x-attache-cache"]

        # Nothing that was learned before is under way any more.
        stack.wait_until(lambda: {vectors(each) for each in house.replicas} == {known}, "all vectors everywhere")
        assert say(one, "What is the capital of France?") == "miss"
        begun = time.monotonic()
        stack.wait_until(lambda: {vectors(each) for each in (two, three)} == {known + 1}, "vector everywhere")
        lags.append(time.monotonic() - begun)
        for replica, other in ((two, "Austria"), (three, "Spain")):
            assert say(replica, "Tell me the capital of France") == "semantic"
            assert say(replica, f"What is the capital of {other}?") == "miss", "near, and another question"
        known += 3
    lags.sort()
    with capsys.disabled():
        print(f"\nvectors reach the others after {lags[6] * 1000:.0f} ms (median of 12), {lags[-1] * 1000:.0f} ms (worst)")
    # 50 ms are promised; the rest is what a busy machine and the polling of this test add.
    assert lags[6] < 0.5


def test_a_purge_reaches_all(house):
    one, two, three = house.replicas
    kept, gone = new(), new()
    assert one.outcome(kept, "other") == one.outcome(gone) == "miss"
    for replica in (two, three):
        stack.wait_until(lambda: replica.outcome(gone) == replica.outcome(kept, "other") == "hit", "hits")
    assert three.command("purge", "--rule", "all").startswith("purged; ")
    assert three.outcome(gone) == "miss"
    stack.wait_until(lambda: three.outcome(gone) == "hit", "new entry")
    for wish in ({"model": "openai-only"}, {"tenant": "shared"}, {"older_than": "0s"}, {"all": True}):
        for replica in house.replicas:
            stack.wait_until(lambda: replica.outcome(kept, "other") == "hit", "hit before")
        assert two.admin("POST", "/cache/purge", wish).status_code == 200
        assert two.outcome(kept, "other") == "miss", wish
    assert one.admin("DELETE", "/cache").status_code == 200
    assert one.stats()["memory"]["entries"] == 0


def test_only_the_admin_token_purges(house):
    one = house.replicas[0]
    question = new()
    one.ask(question)
    stack.wait_until(lambda: one.outcome(question) == "hit", "hit")
    for method, path in (("POST", "/cache/purge"), ("DELETE", "/cache")):
        for token in ("", "a guess"):
            assert one.admin(method, path, {"all": True}, token).status_code == 401
    for wish in ({}, {"all": True, "rule": "all"}, {"modle": "x", "rule": "all"}, {"key": "xyz"}, {"older_than": "soon"}):
        refused = one.admin("POST", "/cache/purge", wish)
        assert refused.status_code == 400 and refused.json()["error"]["message"], wish
    assert one.admin("PUT", "/cache").status_code == 405
    assert one.outcome(question) == "hit"


def test_stats_say_what_there_is(house):
    one = house.replicas[0]
    stack.wait_until(lambda: one.stats()["journal"]["unread"] == 0, "end of the journal")
    stats = one.stats()
    assert stats["store"] == "redis" and stats["redis"] == {"up": True}
    assert stats["rules"]["all"]["hit"] > 0 and stats["rules"]["all"]["miss"] > 0
    text = one.command("stats")
    assert "redis: answers" in text and "RULE" in text and json.loads(one.command("stats", "--format", "json"))


def test_the_commands_of_the_page_do_what_it_says(house):
    one = house.replicas[0]
    page = (stack.ROOT / "docs/cache.md").read_text()
    commands = [shlex.split(line, comments=True) for line in page.splitlines() if line.startswith("attache cache ")]
    ours = [words[2:] for words in commands if words[2] in ("stats", "purge")]
    assert len(ours) >= 3
    for words in ours:
        assert one.command(*words).startswith("memory: " if words[0] == "stats" else "purged; ")


def test_redis_goes_and_comes_back(tmp_path):
    house = House(tmp_path, Redis(tmp_path), semantic=False)
    try:
        check_outage(house)
    finally:
        house.stop()


def check_outage(house):
    """The provider says what it was asked, so a wrong answer shows."""
    one, two, three = house.replicas
    questions = [new() for _ in range(4)]

    def everybody_asks() -> None:
        for replica in house.replicas:
            for question in questions:
                assert replica.ask(question).text == f"You said: {question}"

    everybody_asks()
    stack.wait_until(lambda: three.outcome(questions[0]) == "hit", "hit")
    house.redis.child.kill()
    house.redis.child.wait()
    for _ in range(3):
        begun = time.monotonic()
        everybody_asks()
    assert time.monotonic() - begun < 5, "nobody waits for a dead Redis"
    assert one.outcome(questions[0]) == "hit", "of its own memory"
    refused = one.admin("POST", "/cache/purge", {"all": True})
    assert refused.status_code == 503 and "nobody else" in refused.json()["error"]["message"]
    assert metric(one.gateway.metrics(), "attache_cache_store_errors_total") > 0
    house.redis.start()
    house.wait_until_all_hear()
    everybody_asks()
    fresh = new()
    one.ask(fresh)
    stack.wait_until(lambda: two.outcome(fresh) == "hit", "hit after the restart")
    flush(house.redis.port)
    everybody_asks()
    fresh = new()
    two.ask(fresh)
    stack.wait_until(lambda: three.outcome(fresh) == "hit", "hit after the flush")


def flush(port: int) -> None:
    """Empties Redis, in its own words."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64).startswith(b"+OK")
