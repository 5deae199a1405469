"""What the documentation shows is what happens: its commands and snippets run as written, only on other ports."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import conftest
import pytest
import stack
import yaml
import yaml12

README = stack.ROOT / "README.md"
QUICKSTART = stack.ROOT / "examples/quickstart"
EXAMPLES = sorted(path.parent for path in stack.ROOT.glob("examples/*/attache.yaml"))
NO_KEYS = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}


def blocks(page: pathlib.Path, language: str) -> list[str]:
    """The fenced code of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def page_of(example: pathlib.Path) -> pathlib.Path:
    """Where an example is explained: beside it, the quickstart in the project's README."""
    return README if example == QUICKSTART else example / "README.md"


class Running:
    """What `make run` starts, for one example, on free ports."""

    def __init__(self, example: pathlib.Path, folder: pathlib.Path):
        config = folder / "attache.yaml"
        text = (example / "attache.yaml").read_text()
        documented = stack.addresses_of(example / "attache.yaml")
        written = yaml12.read(text)
        self.replaced = {address: f"127.0.0.1:{stack.free_port()}" for address in documented}
        self.files = {str(example.relative_to(stack.ROOT) / "attache.yaml"): str(config), ".run/": f"{folder}/run/"}
        written["listen"] = self.replaced[documented[0]]
        written["service"] = written.get("service", {}) | {"admin": self.replaced[documented[1]]}
        written["service"]["grpc"] = f"unix:{folder}/grpc.sock"
        written["envoy"] = written.get("envoy", {}) | {"admin": self.replaced[documented[2]]}
        config.write_text(yaml.safe_dump(written))
        argv = [sys.executable, stack.ROOT / "tests/stack.py", "--config", config, "--folder", folder / "run"]
        # What has no key is simulated.
        self.process = stack.Process("run", argv, folder, {"OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": ""})
        self.process.wait_for(lambda: "Envoy answers at" in self.process.out(), "line that Envoy answers", 60)

    def here(self, snippet: str) -> str:
        """A snippet, for these ports and files instead of the documented ones."""
        for documented, free in (self.replaced | self.files).items():
            snippet = snippet.replace(documented, free)
        return snippet

    def stop(self) -> None:
        self.process.stop(signal.SIGINT)

    def session(self, commands: list[str]) -> list[str]:
        """What commands print that are typed one after the other into a shell in the project's folder."""
        path = f"{stack.binary('attache').parent}:{os.environ['PATH']}"
        script = "\n".join(f"{self.here(command)}\nprintf '\\0'" for command in commands)
        done = run(["sh", "-c", script], cwd=stack.ROOT, env=NO_KEYS | {"PATH": path})
        assert done.stderr == ""
        return [printed.replace("\r", "") for printed in done.stdout.split("\0")[:-1]]


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda example: example.name)
def example(request, tmp_path_factory):
    # A unix socket's path may have 107 bytes.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attache-"))
    running = Running(request.param, folder)
    yield request.param, running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


def run(argv: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on this machine")
of_quickstart = pytest.mark.parametrize("example", [QUICKSTART], ids=["quickstart"], indirect=True)
of_others = pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if path != QUICKSTART], ids=lambda path: path.name, indirect=True
)


@needs_curl
@of_others
def test_a_session_goes_as_its_page_shows(example):
    """A page's commands, one after the other, print what stands in the `text` below them; `…` is anything."""
    folder, running = example
    session = re.compile(r"^```sh\n(?!make )(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
    shown = session.findall(page_of(folder).read_text())
    assert sum(bool(printed) for _, printed in shown) > 1, f"{page_of(folder)} shows nothing"
    for (commands, expected), printed in zip(shown, running.session([commands for commands, _ in shown]), strict=True):
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        assert re.fullmatch(pattern, printed), f"{commands}{printed}"


@needs_curl
@of_quickstart
def test_every_curl_is_answered(example):
    folder, running = example
    commands = [block for block in blocks(page_of(folder), "sh") if block.startswith("curl ")]
    assert commands, f"{page_of(folder)} shows no curl"
    for command in commands:
        assert "http://127.0.0.1:10000" in command
        shown = running.here(command).replace("curl ", "curl --silent --show-error --write-out '\\n%{http_code}' ", 1)
        done = run(["sh", "-c", shown])
        assert done.returncode == 0, done.stderr
        body, status = done.stdout.rsplit("\n", 1)
        assert status == "200", f"{command}{body}"
        assert "Hello!" in said(body), f"{command}{body}"


def said(body: str) -> str:
    """The words of an answer of either dialect, streamed or not."""
    if body.lstrip().startswith("{"):
        whole = json.loads(body)
        return whole["choices"][0]["message"]["content"] if "choices" in whole else whole["content"][0]["text"]
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    return "".join(event.get("delta", {}).get("text", "") for event in events)


@of_quickstart
def test_every_python_snippet_runs_and_prints_answers(example):
    folder, running = example
    snippets = blocks(page_of(folder), "python")
    assert snippets, f"{page_of(folder)} shows no Python"
    for snippet in snippets:
        done = run([sys.executable, "-c", running.here(snippet)], env=NO_KEYS)
        assert done.returncode == 0, f"{snippet}{done.stderr}"
        lines = done.stdout.splitlines()
        assert set(lines) == {"You said: Hello!"} and len(lines) >= snippet.count("print("), done.stdout or snippet


def test_the_admin_pages_that_are_named_answer(example):
    folder, running = example
    page = page_of(folder).read_text()
    for path in ("/metrics", "/healthz", "/readyz", "/config"):
        assert path in page or folder != QUICKSTART
        assert stack.get("http://" + running.replaced["127.0.0.1:9090"] + path)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_every_example_is_good_without_any_environment(folder):
    argv = [stack.binary("attache"), "check", "--config", folder / "attache.yaml"]
    done = run(argv, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["limits.md", "prices.md", "redaction.md", "cache.md", "semantic-cache.md"])
def test_what_a_page_configures_is_good_beside_the_quickstart(page, tmp_path):
    snippets = blocks(stack.ROOT / "docs" / page, "yaml")
    assert snippets
    for snippet in snippets:
        config = tmp_path / "attache.yaml"
        config.write_text((QUICKSTART / "attache.yaml").read_text() + snippet)
        done = run([stack.binary("attache"), "check", "--config", config])
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["README.md", "envoy/README.md", "docs/hybrid.md"])
def test_every_attache_and_make_command_that_is_shown_exists(page, tmp_path):
    """`serve` and `envoy -c` are what the other tests do."""
    page = stack.ROOT / page
    shutil.copy(QUICKSTART / "attache.yaml", tmp_path)
    path = f"{stack.binary('attache').parent}:{os.environ['PATH']}"
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("attache ") and not line.startswith("attache serve")]
    assert commands
    for command in commands:
        done = run(["sh", "-ec", command], cwd=tmp_path, env={"PATH": path})
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    phony = set(re.findall(r"^([a-z-]+):", (stack.ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets <= phony


def pages() -> list[pathlib.Path]:
    folders = ("core", "docs", "ext-proc", "proto", "envoy", "examples", "tests")
    found = [path for folder in folders for path in (stack.ROOT / folder).glob("**/*.md")]
    return [README, *(path for path in found if "node_modules" not in path.parts)]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(stack.ROOT)))
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    """envoy/by-hand.yaml as it is written, only with addresses of this test, in front of two simulators."""
    folder = tmp_path_factory.mktemp("by-hand")
    written = yaml.safe_load((stack.ROOT / "envoy/by-hand.yaml").read_text())

    def addressed(printed: str) -> str:
        """Puts the addresses of what `attache envoy` printed for this test in the place of those in the file."""
        ours, resources = yaml.safe_load(printed), written["static_resources"]
        written["admin"] = ours["admin"]
        resources["listeners"][0]["address"] = ours["static_resources"]["listeners"][0]["address"]
        known = {cluster["name"]: cluster for cluster in ours["static_resources"]["clusters"]}
        for cluster in resources["clusters"]:
            for group in cluster["load_assignment"].get("endpoints", [])[:1]:
                (place,) = known[cluster["name"]]["load_assignment"]["endpoints"][0]["lb_endpoints"]
                group["lb_endpoints"] = [place]
        return yaml.safe_dump(written)

    started = conftest.Stack(folder, "shared", edit_bootstrap=addressed)
    yield started
    started.stop()


def test_an_envoy_configured_by_hand_serves_both_sdks_and_falls_over(by_hand):
    by_hand.reset()
    by_hand.openai_sim.script(status=503)
    question = [{"role": "user", "content": "hello"}]
    for model in ("fast", "smart", "claude-only"):
        answer = by_hand.openai.chat.completions.create(model=model, messages=question)
        assert answer.choices[0].message.content == "You said: hello"
        with by_hand.anthropic.messages.stream(model=model, max_tokens=50, messages=question) as stream:
            assert stream.get_final_text() == "You said: hello"


def test_an_envoy_configured_by_hand_lets_nobody_steer_it_nor_see_keys_of_others(by_hand):
    by_hand.reset()
    by_hand.openai_sim.script(status=503)
    spoofed = {"x-attache-target": "openai", "x-envoy-max-retries": "9", "cookie": "session=1"}
    question = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
    headers = spoofed | {"authorization": f"Bearer {conftest.CLIENT_KEY}"}
    answer = by_hand.http.post("/v1/chat/completions", json=question, headers=headers)
    assert (answer.status_code, answer.headers["x-attache-attempts"]) == (200, "2")
    (first,), (second,) = by_hand.openai_sim.requests(), by_hand.claude_sim.requests()
    keys = conftest.OPENAI_KEY, conftest.CLAUDE_KEY
    for seen, (key, other) in ((first, keys), (second, reversed(keys))):
        seen = json.dumps(seen["headers"])
        assert key in seen and other not in seen and conftest.CLIENT_KEY not in seen
        assert [name for name in ("x-attache-", "x-envoy-", "cookie") if name in seen] == []


def test_an_envoy_configured_by_hand_refuses_what_nobody_planned(by_hand):
    by_hand.reset()
    assert by_hand.http.post("/v1/nowhere", json={}).status_code == 404
    assert by_hand.http.get("/v1/models").json()["object"] == "list"
    assert by_hand.openai_sim.requests() == by_hand.claude_sim.requests() == []
