"""`attache redact`: what a policy finds in a text or a request, for people and for CI."""

import json
import os
import pathlib
import subprocess

import pytest
import stack

CARD = "4111 1111 1111 1111"
CONFIG = """
providers: { p: { dialect: openai, url: https://p.example } }
models: { fast: { targets: [ { provider: p, model: m } ] } }
redact:
  - { name: default, key: a made up key of these tests, tiers: [], entities: { email: mask, credit_card: redact } }
  - { name: strict, mode: monitor, key: a made up key of these tests, tiers: [], entities: { credit_card: block } }
"""


@pytest.fixture
def redact(tmp_path):
    """Runs the command with no variables of the machine but PATH; `attache.yaml` is in the working directory."""
    (tmp_path / "attache.yaml").write_text(CONFIG)

    def run(stdin: str, *arguments: str) -> subprocess.CompletedProcess:
        argv = [stack.binary("attache"), "redact", *arguments]
        env = {"PATH": os.environ["PATH"]}
        return subprocess.run(argv, cwd=tmp_path, env=env, input=stdin, capture_output=True, text=True, timeout=30)

    return run


def test_a_text_is_printed_as_a_provider_would_read_it(redact):
    done = redact(f"Ann <ann@example.com>\npays with {CARD}.\n")
    assert (done.returncode, done.stderr) == (0, "")
    begin, rest = done.stdout.split("<[EMAIL-")
    assert begin == "Ann " and rest.endswith("]>\npays with [CARD].\n")
    assert redact("nothing").stdout == "nothing"
    # Somebody else's placeholder is another one.
    other = redact("ann@example.com", "--tenant", "team search").stdout
    assert other != redact("ann@example.com").stdout and other.startswith("[EMAIL-")


def test_a_request_is_looked_at_where_its_texts_are(redact):
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": json.dumps({"card": CARD})}}
    turns = [{"role": "user", "content": f"Pay with {CARD}."}, {"role": "assistant", "tool_calls": [call]}]
    request = json.dumps({"model": CARD, "messages": turns})
    done = redact(request, "--endpoint", "/v1/chat/completions")
    assert done.stdout == request.replace(f"with {CARD}", "with [CARD]").replace(f'\\"{CARD}\\"', '\\"[CARD]\\"')
    explained = redact(request, "--endpoint", "/v1/chat/completions", "--json")
    spans = json.loads(explained.stdout)
    assert [(span["scope"], span["entity"], span["rule"]) for span in spans] == [
        ("user", "credit_card", "default"),
        ("tool_calls", "credit_card", "default"),
    ]
    broken = redact('{"messages":', "--endpoint", "/v1/chat/completions")
    assert broken.returncode == 1 and "the request cannot be read" in broken.stderr


def test_what_is_found_is_shown_to_people(redact):
    text = f"Ann\n <ann@example.com>\nund Jörg: {CARD}"
    done = redact(text, "--explain")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["TEXT", "SCOPE", "FROM", "TO", "ENTITY", "ACTION", "BECOMES"]
    assert lines[1][:6] == ["1", "user", "2:3", "2:18", "email", "mask"] and lines[1][6].startswith("[EMAIL-")
    assert lines[2] == ["1", "user", "3:11", "3:30", "credit_card", "redact", "[CARD]"]
    assert "ann@example.com" not in done.stdout and CARD not in done.stdout
    assert "ann@example.com" in redact(text, "--explain", "--show-values").stdout
    assert redact("nothing", "--json").stdout == "[]\n"


def test_exit_codes_are_for_scripts(redact):
    assert redact("nothing", "--check").returncode == 0
    done = redact(f"{CARD} ann@example.com", "--check")
    assert (done.returncode, done.stdout) == (3, "") and "found 2 that must not leave" in done.stderr
    # A policy that monitors says what it would do.
    done = redact(CARD, "--policy", "strict")
    assert (done.returncode, done.stdout) == (3, "") and "blocks `credit_card`" in done.stderr
    assert CARD not in done.stderr
    done = redact(CARD, "--policy", "strict", "--explain")
    assert done.returncode == 3 and "block" in done.stdout
    assert redact("", "--policy", "nobody").returncode == 1
    assert "there is: default, strict" in redact("", "--policy", "nobody").stderr
    assert redact("", "--endpoint", "chat").returncode == 2


def test_a_configuration_without_policies_has_none_to_try(tmp_path):
    path = pathlib.Path(stack.ROOT / "examples/quickstart/attache.yaml")
    argv = [stack.binary("attache"), "redact", "--config", path]
    done = subprocess.run(argv, env={"PATH": os.environ["PATH"]}, input="", capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "it has no `redact` policy" in done.stderr
