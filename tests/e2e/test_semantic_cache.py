"""Answers that are found by meaning, through a real Envoy: what is, what never is, and what its operator can tell of it.

The model is made up of examples/semantic-cache/words.txt, or a server of the test's own that counts words.
"""

import csv
import http.server
import itertools
import json
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import conftest
import pytest
import stack
from rules import metric
from stack import wait_until

WORDS = stack.ROOT / "examples/semantic-cache/words.txt"
EDITS = stack.ROOT / "core/tests/alike/edits.csv"
ANN, BEN = "a-key-of-ann-for-the-tests", "a-key-of-ben-for-the-tests"
SECRET = "Kestrelson"
CHAT = "/v1/chat/completions"
FRANCE, FRANCE_AGAIN = "What is the capital of France?", "Please tell me the capital of France"
RULES = f"""
callers: {{ keys: {{ ann: {{ value: {ANN} }}, ben: {{ value: {BEN} }} }} }}
redact: [ {{ name: default, words: [ {{ name: person, label: PERSON, words: [{SECRET}] }} ] }} ]
cache:
  rules:
    - {{ name: exact, when: {{ "header:x-rule": exact }} }}
    - {{ name: shadow, when: {{ "header:x-rule": shadow }}, semantic: {{ mode: shadow }} }}
    - {{ name: sample, when: {{ "header:x-rule": sample }}, semantic: {{ mode: "on", verify_sample: 1.0 }} }}
    - {{ name: news, when: {{ "header:x-rule": news }}, ttl: 30s, semantic: {{ mode: "on" }} }}
    - {{ name: shared, when: {{ "header:x-rule": shared }}, scope: shared, semantic: {{ mode: "on" }} }}
    - {{ name: faq, semantic: {{ mode: "on" }} }}
"""

_markers = itertools.count(1)


class House(conftest.Stack):
    """A gateway with a cache; every test asks under a system prompt of its own, so that none finds another's answers."""

    def ask(self, question, rule="faq", key=ANN, model="openai-only", messages=None, system="Be brief.", **fields):
        """What the cache did, what was said, and the exchange's id."""
        said = messages or [{"role": "user", "content": question}]
        body = {"model": model, "messages": [{"role": "system", "content": system}, *said], **fields}
        headers = {"authorization": f"Bearer {key}", "x-rule": rule}
        answer = self.http.post(CHAT, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.headers.get("x-attache-cache"), answer.text, answer.headers["x-request-id"]

    def teach(self, question, **how) -> str:
        """Asks something new and waits until it can be found; what was said."""
        did, said, _ = self.ask(question, **how)
        assert did == "miss", question
        self.learn_all()
        return said

    def learn_all(self) -> None:
        """Waits until everything is learned that was asked so far: that happens in order, so one more is asked of the other
        provider, and looked for until it is found."""
        system = f"Marker {next(_markers)}."
        self.ask(FRANCE, model="claude-only", system=system)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": FRANCE_AGAIN}]
        headers = {"authorization": f"Bearer {ANN}", "x-rule": "faq", "x-attache-cache": "only-if-cached"}

        def found() -> bool:
            answer = self.http.post(CHAT, json={"model": "claude-only", "messages": messages}, headers=headers)
            return answer.headers.get("x-attache-cache") == "semantic"

        wait_until(found, "vector in the index")

    def entries(self) -> float:
        return metric(self.gateway.metrics(), "attache_cache_semantic_entries")

    def lookups(self, **labels) -> float:
        return metric(self.gateway.metrics(), "attache_cache_semantic_lookups_total", **labels)

    def asked(self) -> int:
        return len(self.openai_sim.requests())


@pytest.fixture(scope="module")
def _house(tmp_path_factory):
    started = House(tmp_path_factory.mktemp("semantic"), extra=f"{RULES}  embedder: {{ path: {WORDS} }}\n")
    yield started
    started.stop()


@pytest.fixture
def house(_house):
    _house.reset()
    return _house


def test_a_paraphrase_is_answered_from_the_cache_whole_and_streamed(house):
    said = house.teach(FRANCE)
    did, again, request_id = house.ask(FRANCE_AGAIN)
    assert (did, again, house.asked()) == ("semantic", said, 1)
    record = house.gateway.record(request_id)["cache"]
    assert (record["rule"], record["outcome"]) == ("faq", "semantic") and record["similarity"] > 0.92
    did, streamed, _ = house.ask(FRANCE_AGAIN, stream=True)
    words = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    text = "".join(choice["delta"].get("content") or "" for chunk in words for choice in chunk["choices"])
    assert (did, text, house.asked()) == ("semantic", f"You said: {FRANCE}", 1)


def test_two_callers_never_share_unless_the_rule_says_so(house):
    system = "Callers."
    house.teach(FRANCE, system=system)
    assert house.ask(FRANCE_AGAIN, system=system, key=BEN)[0] == "miss"
    house.teach(FRANCE, system=system, rule="shared")
    assert house.ask(FRANCE_AGAIN, system=system, rule="shared", key=BEN)[0] == "semantic"


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
EARLIER = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello."}]


@pytest.mark.parametrize(
    "change",
    [
        {"system": "Answer in French."},
        {"messages": [*EARLIER, {"role": "user", "content": FRANCE_AGAIN}]},
        {"tools": [TOOL]},
        {"temperature": 0.3},
        {"model": "fast"},
        {"user": "somebody"},
        {"max_tokens": 50},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_else_differs_is_a_miss(house, change):
    """Something else was asked before with the very same last words."""
    first = {"system": f"Before {next(iter(change))}."}
    house.teach(FRANCE, **first)
    assert house.ask(FRANCE_AGAIN, **first)[0] == "semantic"
    assert house.ask(FRANCE_AGAIN, **(first | change))[0] == "miss"


def test_minimal_edits_are_misses(house):
    """A sweep over some of every kind; how all of them fare is for the guard's own tests and `attache cache calibrate`."""
    with EDITS.open() as lines:
        pairs = list(csv.DictReader(lines))
    kinds = {pair["kind"]: pair for pair in pairs}
    assert len(kinds) >= 5
    for kind, pair in kinds.items():
        system = f"Edits of kind {kind}."
        house.ask(pair["a"], system=system)
        assert house.ask(pair["b"], system=system)[0] == "miss", pair
    house.teach("Where is the refund for my order 4711?", system="Edits.")
    before = house.lookups(rule="faq", outcome="unfit", why="number")
    assert house.ask("Where is the refund for my order 4712?", system="Edits.")[0] == "miss"
    assert house.lookups(rule="faq", outcome="unfit", why="number") == before + 1


def user(content):
    return {"role": "user", "content": content}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NEVER = {
    "not_from_user": [{"messages": [user(FRANCE), {"role": "assistant", "content": "The"}]}],
    "not_text": [{"messages": [user([{"type": "text", "text": FRANCE}, IMAGE])]}],
    "few_words": [{"messages": [*EARLIER, user("And then?")]}, {"messages": [user("")]}],
    "too_long": [{"messages": [user("capital of France " * 200)]}, {"messages": [user("x" * 9000)]}],
    "several": [{"n": 2}],
    "logprobs": [{"logprobs": True, "top_logprobs": 2}],
    "seed": [{"seed": 7}],
    "redacted": [{"messages": [user(f"Which city does {SECRET} like?")]}, {"system": f"You help {SECRET}."}],
    "volatile": [{"messages": [user("What is the weather in France today?")]}],
}
AFTER_A_TOOL = [user(FRANCE), {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "Paris"}]
NEVER["not_from_user"].append({"messages": AFTER_A_TOOL})


@pytest.mark.parametrize("why", NEVER)
def test_what_is_never_found_by_meaning(house, why):
    for case in NEVER[why]:
        house.learn_all()
        before, entries = house.lookups(rule="faq", outcome="skipped", why=why), house.entries()
        assert house.ask(FRANCE, **({"system": f"Never {why}."} | case))[0] == "miss"
        assert house.lookups(rule="faq", outcome="skipped", why=why) == before + 1, case
        house.learn_all()
        assert house.entries() == entries + 1, "the one that was asked in order to know"


def test_a_rule_that_did_not_ask_for_it_has_none(house):
    house.teach(FRANCE, system="Opted.")
    assert house.ask(FRANCE, system="Opted.", rule="exact")[0] == "hit"
    assert house.ask(FRANCE_AGAIN, system="Opted.", rule="exact")[0] == "miss"
    assert house.lookups(rule="exact") == 0


def test_answers_about_now_are_found_while_they_are_fresh(house):
    house.teach("What is the capital of France today?", rule="news")
    assert house.ask("Tell me the capital of France today", rule="news")[0] == "semantic"


def test_the_shadow_counts_and_serves_nothing(house):
    house.teach(FRANCE, rule="shadow", system="Shadow.")
    did, said, request_id = house.ask(FRANCE_AGAIN, rule="shadow", system="Shadow.")
    assert did == "miss" and FRANCE_AGAIN in said and house.asked() == 2
    record = house.gateway.record(request_id)["cache"]
    assert (record["outcome"], record["reason"]) == ("miss", "shadow") and record["similarity"] > 0.92
    assert house.lookups(rule="shadow", outcome="shadow") == 1


def test_samples_are_compared_and_who_keeps_disagreeing_is_demoted(house):
    def verified(verdict):
        return metric(house.gateway.metrics(), "attache_cache_verified_total", rule="sample", verdict=verdict)

    house.openai_sim.script(text="The capital of France is Paris.")
    house.teach(FRANCE, rule="sample", system="Sample.")
    did, _, request_id = house.ask(FRANCE_AGAIN, rule="sample", system="Sample.")
    assert did == "miss" and house.gateway.record(request_id)["cache"]["reason"] == "sample"
    wait_until(lambda: verified("agree") == 1, "agreement")
    wrong = "How do I cancel my subscription?"
    house.openai_sim.script(text="Open the settings and press the red button.")
    house.teach(wrong, rule="sample")
    house.openai_sim.script(text="Bananas grow in warm countries.")
    # Each answer that was asked for all the same is kept, too: the next question is nearest to either.
    for again in ("How can I cancel my subscription?", "How to cancel my subscription", "Please, how do I cancel my subscription?"):
        house.ask(again, rule="sample")
    wait_until(lambda: verified("disagree") >= 1, "disagreement")
    assert "Bananas" not in house.gateway.attache.err()


def test_no_words_of_anybody_are_in_logs_or_metrics(house):
    house.teach("Where does Zanzibarine deliver my order?", system="Secrets.")
    told = house.gateway.attache.err() + house.gateway.metrics()
    assert "zanzibarine" not in told.lower()


class Vectors:
    """An embeddings endpoint: how often each of a few words is said. `slow` takes its time."""

    MEANINGS = [("capital",), ("france",), ("austria",), ("password", "passcode"), ("reset", "change"), ("slow",), ("order",)]

    def __init__(self, port: int):
        vectors = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                vectors.asked.append((self.path, self.headers["authorization"], body))
                if "slow" in body["input"]:
                    time.sleep(0.7)
                answer = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vectors.of(body["input"])}]}
                answer = json.dumps(answer | {"model": body["model"], "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.asked: list = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, text: str) -> list[float]:
        return [0.01 + sum(text.lower().count(word) for word in words) for words in self.MEANINGS]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def _far(tmp_path_factory):
    # One of those that nobody else is given: it is listened at twice.
    vectors = Vectors(stack.free_port())
    provider = f'  vectors: {{ dialect: openai, url: "http://127.0.0.1:{vectors.port}/v1", auth: {{ bearer: key-of-vectors }} }}\n'
    embedder = "  embedder: { provider: vectors, model: small, timeout: 3s, queue: 1 }\n"
    started = House(tmp_path_factory.mktemp("far"), extra=RULES + embedder, providers=provider)
    started.vectors = vectors
    yield started
    started.stop()
    started.vectors.stop()


@pytest.fixture
def far(_far):
    _far.reset()
    return _far


def test_a_provider_makes_vectors(far):
    far.teach(FRANCE)
    assert far.ask(FRANCE_AGAIN)[0] == "semantic"
    path, key, body = far.vectors.asked[0]
    assert (path, key, body["model"], body["input"]) == ("/v1/embeddings", "Bearer key-of-vectors", "small", FRANCE)


def test_when_too_much_is_asked_at_once_lookups_are_skipped(far):
    before = far.lookups(rule="faq", outcome="skipped", why="queue_full")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: far.ask(f"Which slow order is number {i}?"), range(4)))
    assert [did for did, *_ in answers] == ["miss"] * 4
    assert far.lookups(rule="faq", outcome="skipped", why="queue_full") > before


def test_when_nobody_makes_vectors_it_is_a_miss_and_no_error(far):
    far.teach("How do I reset my password?")
    again = "How to reset my password"
    assert far.ask("How can I reset my password?")[0] == "semantic"
    far.vectors.stop()
    begun = time.monotonic()
    assert far.ask(again)[0] == "miss"
    assert time.monotonic() - begun < 5
    assert far.lookups(rule="faq", outcome="skipped", why="no_vector") >= 1
    far.gateway.attache.wait_for_log("no vectors", "vectors")
    # What was asked before in the same words needs none.
    wait_until(lambda: far.ask(again)[0] == "hit", "answer that was kept")
    far.vectors = Vectors(far.vectors.port)
    assert far.ask("Please, how do I reset my password?")[0] == "semantic"


def attache(*argv, **options):
    return subprocess.run([stack.binary("attache"), *map(str, argv)], capture_output=True, text=True, timeout=120, **options)


def test_embed_proves_a_model_against_golden_vectors(tmp_path):
    texts = [FRANCE, "How do I reset my password?"]
    printed = attache("embed", "--model", WORDS, *texts)
    assert printed.returncode == 0, printed.stderr
    lines = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [line["text"] for line in lines] == texts and all(len(line["vector"]) == 64 for line in lines)
    golden = tmp_path / "golden.jsonl"
    golden.write_text(printed.stdout)
    done = attache("embed", "--check", "--model", WORDS, "--golden", golden)
    assert done.returncode == 0 and "2 vectors, the farthest at a similarity of 1.000000" in done.stdout, done.stderr
    other = tmp_path / "words.txt"
    other.write_text(WORDS.read_text().replace("france\n", "france capital\n"))
    done = attache("embed", "--check", "--model", other, "--golden", golden)
    assert done.returncode == 3 and "does not make the golden vectors" in done.stderr, done.stdout


def test_check_finds_a_model_that_is_not_there(tmp_path):
    config = tmp_path / "attache.yaml"
    config.write_text(conftest.config("http://127.0.0.1:1", "http://127.0.0.1:2", f"{RULES}  embedder: {{ path: {tmp_path}/none }}\n"))
    done = attache("check", "--config", config)
    assert done.returncode == 1 and f"cache.embedder.path: {tmp_path}/none/config.json is not there" in done.stderr


def test_the_quality_harness_holds_the_bar_with_the_guard():
    """With the made-up model, for which numbers and names are mostly alike: what it shows is the guard."""
    env = {"CARGO_TARGET_DIR": str(stack.TARGET), "ATTACHE_PROFILE": stack.PROFILE, "PATH": "/usr/bin:/bin"}
    argv = [stack.ROOT / "tests/quality.sh"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    edits = int(re.search(r", (\d+) may not", done.stdout).group(1))
    row = r"0\.920 +\S+(?: %)? +\S+(?: %)? +(\d+) +(\d+)"
    (_, plain_wrong), (hits, wrong) = [(int(hits), int(wrong)) for hits, wrong in re.findall(row, done.stdout)]
    assert edits > 200 and plain_wrong > edits // 20, done.stdout
    assert hits > wrong and wrong <= edits // 20, done.stdout
