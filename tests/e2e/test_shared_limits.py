"""Three replicas on one Redis: a limit is a limit, whichever of them is asked."""

import json
import os
import shutil
import subprocess

import pytest
import stack
import yaml
from conftest import Stack
from rules import limit_of, own, tokens_of
from test_endings import Open, has_text
from test_limits import fullest, storm, used_where_refused
from test_replicas import cluster_of, endpoint, wait_for_health
from wire import ask

RULES = """
limits: { output_tokens_expected: 40 }
store: { redis: { url: "redis://127.0.0.1:REDIS_PORT", timeout_ms: 2000 } }
rate_limits:
  tokens: { by: ["header:x-tokens"], when: { "header:x-tokens": "*" }, tokens: 1000/2s, on_store_failure: closed }
  together: { by: ["header:x-together"], when: { "header:x-together": "*" }, concurrent: 5, on_store_failure: closed }
  minute: { by: ["header:x-minute"], when: { "header:x-minute": "*" }, tokens: 1000/m, on_store_failure: closed }
"""


class Redis(stack.Process):
    """A Redis of the tests' own."""

    def __init__(self, folder):
        found = subprocess.run([stack.ROOT / "tests/redis.sh"], capture_output=True, text=True)
        if found.returncode != 0:
            if os.environ.get("ATTACHE_REQUIRE_REDIS"):
                pytest.fail(found.stderr)
            pytest.skip(f"no redis-server: {found.stderr.strip()}")
        self.port = stack.free_port()
        server = found.stdout.strip().splitlines()[-1]
        argv = [shutil.which(server) or server, "--port", self.port, "--bind", "127.0.0.1", "--save", ""]
        super().__init__("redis", argv, folder)
        self.wait_for(lambda: "Ready to accept" in self.out(), "word that it is ready")


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    process = Redis(tmp_path_factory.mktemp("redis"))
    yield process.port
    process.stop()


@pytest.fixture
def own_redis(tmp_path):
    """One that a test may end."""
    process = Redis(tmp_path)
    yield process
    process.stop()


class Three:
    """A gateway in the shared topology whose Envoy spreads its exchanges over three services."""

    def __init__(self, folder, redis_port: int):
        self.ports = [stack.free_port() for _ in range(3)]
        self.stack = Stack(
            folder,
            "shared",
            RULES.replace("REDIS_PORT", str(redis_port)),
            grpc=f"127.0.0.1:{self.ports[0]}",
            edit_bootstrap=self.with_all_behind_one_name,
        )
        self.others = [self.replica(folder, number) for number in (1, 2)]
        for port in self.ports:
            wait_for_health(self.stack.gateway, port, "healthy")
        own_records = self.stack.gateway.records
        of_others = lambda since_ms: [record for other in self.others for record in records_of(other, since_ms)]
        self.stack.gateway.records = lambda since_ms=0: own_records(since_ms) + of_others(since_ms)

    def with_all_behind_one_name(self, text: str) -> str:
        bootstrap = yaml.safe_load(text)
        endpoints = cluster_of(bootstrap, "attache")["load_assignment"]["endpoints"][0]["lb_endpoints"]
        endpoints.extend(endpoint(port) for port in self.ports[1:])
        return yaml.safe_dump(bootstrap)

    def replica(self, folder, number: int) -> stack.Process:
        gateway = self.stack.gateway
        text = gateway.config_path.read_text().replace(gateway.grpc, f"127.0.0.1:{self.ports[number]}")
        path = folder / f"replica{number}.yaml"
        path.write_text(text.replace(f"127.0.0.1:{gateway.admin_port}", f"127.0.0.1:{stack.free_port()}"))
        return stack.Process(f"replica{number}", [stack.binary("attache"), "serve", "--config", path], folder)

    def stop(self) -> None:
        self.stack.stop()
        for other in self.others:
            other.stop()


def records_of(process: stack.Process, since_ms: int = 0) -> list[dict]:
    records = [json.loads(line) for line in process.out().splitlines() if line.startswith("{")]
    return [record for record in records if record["started_unix_ms"] >= since_ms]


@pytest.fixture(scope="module")
def three(tmp_path_factory, redis):
    started = Three(tmp_path_factory.mktemp("three"), redis)
    yield started
    started.stop()


@pytest.fixture
def each(three):
    three.stack.reset()
    return three.stack


def test_a_hundred_at_once_are_within_one_limit_and_use_it_up(three, each):
    records, refused = storm(each, own("x-tokens"), 5.2)
    spans = [(request["at_ms"], request["ended_at_ms"]) for request in each.openai_sim.requests()]
    assert len(spans) == len(records)
    assert fullest(spans, 1990, 50, 45) <= 1000
    assert used_where_refused(refused, records, 2800, 50) >= 800
    assert all(records_of(other) for other in three.others), "every replica has served"


def test_a_thousand_tokens_a_minute_are_a_thousand(each):
    records, _ = storm(each, own("x-minute"), 0.9, latency_ms=300)
    assert 800 < sum(limit_of(record, "minute")[1] for record in records) <= 1000


def test_five_at_the_same_time_are_five(each):
    storm(each, own("x-together"), 2.0, latency_ms=100)
    spans = [(request["at_ms"], request["ended_at_ms"]) for request in each.openai_sim.requests()]
    assert max(sum(1 for began, ended in spans if began <= now < ended) for now, _ in spans) == 5


def test_what_one_replica_settles_the_next_one_knows(each):
    header, used = own("x-minute"), 0
    for _ in range(6):
        answer = ask(each, "openai", "openai-only", headers=header, max_tokens=10)
        assert int(answer.headers["x-ratelimit-remaining-tokens"]) == 1000 - used - 18
        used += sum(tokens_of(each.gateway.record(answer.request_id)))
        # Nobody waits for a settlement: it follows the record.
        stack.wait_until(lambda: standing(each, header) == (used, 0), "settlement")


def standing(here, header: dict) -> tuple[int, int]:
    """What is settled and what is held in the counter of this header, as Redis knows it."""
    query = "&".join(f"header:{name}={value}" for name, value in header.items())
    told = stack.get(f"http://127.0.0.1:{here.gateway.admin_port}/limits/minute?{query}")
    (counter,) = json.loads(told)["standings"]
    return counter["settled"], counter["open"]


AWAY = """
store: { redis: { url: "redis://127.0.0.1:REDIS_PORT", timeout_ms: 2000 } }
rate_limits:
  closed: { by: ["header:x-closed"], when: { "header:x-closed": "*" }, requests: 100/h, on_store_failure: closed }
  open: { by: ["header:x-open"], when: { "header:x-open": "*" }, requests: 2/h, on_store_failure: open }
  local: { by: ["header:x-local"], when: { "header:x-local": "*" }, requests: 2/h, on_store_failure: local }
"""


def test_while_redis_is_away_each_limit_does_as_it_says(start, own_redis):
    here = start(extra=AWAY.replace("REDIS_PORT", str(own_redis.port)))

    def asked(header: dict) -> int:
        return ask(here, "openai", "openai-only", headers=header).status

    closed = own("x-closed")
    assert asked(closed) == 200
    own_redis.stop()
    stack.wait_until(lambda: asked(closed) == 503, "refusal of the limit that is closed then")
    # 529 is how Anthropic says it.
    for front, status in (("openai", 503), ("anthropic", 529)):
        refused = ask(here, front, "openai-only", headers=closed)
        assert refused.status == status and "limits" in json.dumps(json.loads(refused.body)["error"])
    opened, local = own("x-open"), own("x-local")
    assert [asked(opened) for _ in range(4)] == [200] * 4
    assert [asked(local) for _ in range(3)] == [200, 200, 429]
    own_redis.start()
    stack.wait_until(lambda: asked(closed) == 200, "return of Redis")
    fresh = own("x-open")
    assert [asked(fresh) for _ in range(3)] == [200, 200, 429], "they are counted again"


KILLED = """
store: { redis: { url: "redis://127.0.0.1:REDIS_PORT", timeout_ms: 2000 }, hold_seconds: 10 }
rate_limits:
  one: { concurrent: 1, tokens: 1000/h }
"""


def test_what_a_killed_service_held_is_given_back_in_time(start, own_redis):
    here = start(extra=KILLED.replace("REDIS_PORT", str(own_redis.port)))
    client = Open(here, "openai", "openai-only", script={"chunks": 200, "chunk_delay_ms": 100}).read_headers()
    client.read_until(has_text)
    assert ask(here, "openai", "openai-only").status == 429, "the one place is taken"
    here.gateway.attache.child.kill()
    here.gateway.attache.child.wait()
    client.leave()
    here.gateway.attache.start()
    here.gateway.attache.wait_for(here.gateway.is_ready, "answer of /readyz")
    statuses = []

    def served() -> bool:
        statuses.append(ask(here, "openai", "openai-only").status)
        return statuses[-1] == 200

    stack.wait_until(served, "free place", 60)
    assert 429 in statuses, "before that the dead one still held it"
