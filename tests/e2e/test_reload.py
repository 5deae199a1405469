"""A new configuration counts for new exchanges; open ones end as they began; a bad one changes nothing."""

import itertools
import json
import os
import pathlib
import signal

import conftest
import httpx
import pytest
import stack

OTHER_KEY = "sk-after-the-reload"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    started = conftest.Stack(tmp_path_factory.mktemp("reload"))
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def fresh(here):
    """Every test begins with the same configuration."""
    here.reset()
    number = f"before-{next(_numbers)}"
    text = config(here, "before") + f"  {number}: {{ targets: [ {{ provider: openai, model: gpt-4o }} ] }}\n"
    # The model `before` may be there already; this one is new.
    change(here, lambda: here.gateway.write_config(text), number)


def config(here, marker: str, key: str = conftest.OPENAI_KEY) -> str:
    """The usual configuration, with one more model that tells which version it is."""
    model = f"  {marker}: {{ targets: [ {{ provider: openai, model: gpt-4o }} ] }}\n"
    text = conftest.config(here.openai_sim.base, here.claude_sim.base, model)
    assert conftest.OPENAI_KEY in text
    return text.replace(conftest.OPENAI_KEY, key)


def models(here) -> set[str]:
    return {model.id for model in here.openai.models.list().data}


def change(here, act, marker: str) -> None:
    """Does something and waits until the service has the version with that model."""
    act()
    stack.wait_until(lambda: marker in models(here), f"model {marker}")


def reloads(here, result: str) -> int:
    name = f'attache_config_reloads_total{{result="{result}"}} '
    counts = [line.removeprefix(name) for line in here.gateway.metrics().splitlines() if line.startswith(name)]
    return int(counts[0]) if counts else 0


def ask(here, model: str = "openai-only") -> str:
    """One question; gives the authorization that the provider saw."""
    here.openai.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    return dict(here.openai_sim.requests()[-1]["headers"])["authorization"]


def test_new_keys_and_models_count_for_new_exchanges_while_an_open_stream_goes_on(here):
    script = {"text": "a b c d e f", "chunks": 6, "chunk_delay_ms": 1000}
    question = {"model": "before", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    with httpx.stream(
        "POST", f"{here.base}/v1/chat/completions", json=question, headers={"x-sim": json.dumps(script)}
    ) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("data: {")
        new = config(here, "after", OTHER_KEY)
        change(here, lambda: here.gateway.write_config(new), "after")
        assert ask(here, "after") == f"Bearer {OTHER_KEY}"
        with pytest.raises(Exception, match="before"):
            ask(here, "before")
        assert here.openai_sim.stats()["open"] == 1, "the stream should still be open"
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    assert here.gateway.record(response.headers["x-request-id"])["ending"] == "complete"


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("models: [", "not valid YAML"),
        ("modles: {}", "did you mean `models`"),
        ("providers: {}", "providers: no provider is configured"),
    ],
)
def test_a_bad_file_keeps_the_old_configuration_and_says_why(here, bad, complaint):
    before = reloads(here, "bad")
    here.gateway.config_path.write_text(bad)
    stack.wait_until(lambda: reloads(here, "bad") > before, "bad reload")
    here.gateway.attache.wait_for_log(complaint, after="configuration not reloaded")
    assert ask(here, "before") == f"Bearer {conftest.OPENAI_KEY}"


def test_the_file_may_be_replaced_by_renaming(here):
    path = here.gateway.config_path
    new = path.with_suffix(".new")
    new.write_text(here.gateway.with_addresses(config(here, "renamed")))
    change(here, lambda: os.replace(new, path), "renamed")


def test_the_file_may_be_replaced_by_swapping_a_link_as_kubernetes_does(here):
    path = here.gateway.config_path

    def publish(version: str) -> None:
        folder = path.parent / f"..{version}"
        folder.mkdir()
        (folder / path.name).write_text(here.gateway.with_addresses(config(here, version)))
        replace_by_link(path.parent / "..data", folder.name)

    publish("first")
    change(here, lambda: replace_by_link(path, f"..data/{path.name}"), "first")
    change(here, lambda: publish("second"), "second")
    change(here, lambda: publish("third"), "third")
    path.unlink()


def replace_by_link(path: pathlib.Path, to: str) -> None:
    new = path.with_name(path.name + ".link")
    new.symlink_to(to)
    os.replace(new, path)


def test_a_file_that_is_linked_from_elsewhere_is_watched_where_it_is(here, tmp_path):
    path, real = here.gateway.config_path, tmp_path / "real.yaml"
    real.write_text(here.gateway.with_addresses(config(here, "linked")))
    change(here, lambda: replace_by_link(path, str(real)), "linked")
    changed = here.gateway.with_addresses(config(here, "changed"))
    change(here, lambda: real.write_text(changed), "changed")
    path.unlink()


def test_a_secret_that_rotates_in_its_own_file_is_used_at_once(here, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("sk-first\n")
    text = config(here, "rotating").replace(conftest.OPENAI_KEY, f"{{ file: {secret} }}")
    change(here, lambda: here.gateway.write_config(text), "rotating")
    assert ask(here) == "Bearer sk-first"
    secret.write_text("sk-second\n")
    stack.wait_until(lambda: ask(here) == "Bearer sk-second", "new key")


def test_sighup_reloads_where_nothing_is_seen_to_change(here, tmp_path):
    """The folder itself is another one now, which nobody tells a watcher."""
    path = here.gateway.config_path
    os.rename(path.parent, tmp_path / "old")
    path.parent.mkdir()
    for left in (tmp_path / "old").iterdir():
        os.rename(left, path.parent / left.name)
    new = path.with_suffix(".new")
    new.write_text(here.gateway.with_addresses(config(here, "hangup")))
    os.replace(new, path)
    here.gateway.attache.child.send_signal(signal.SIGHUP)
    stack.wait_until(lambda: "hangup" in models(here), "model hangup")
    # From now on the new folder is watched.
    change(here, lambda: here.gateway.write_config(config(here, "watched")), "watched")


def test_sighup_always_gets_an_answer(here):
    before = reloads(here, "ok")
    here.gateway.attache.child.send_signal(signal.SIGHUP)
    stack.wait_until(lambda: reloads(here, "ok") == before + 1, "reload")
    here.gateway.attache.wait_for_log("SIGHUP", after="configuration reloaded")


def test_what_a_reload_cannot_change_is_said(here):
    text = config(here, "elsewhere").replace(here.claude_sim.base, "http://127.0.0.1:2")
    change(here, lambda: here.gateway.write_config(text + "log: { level: debug }\n"), "elsewhere")
    here.gateway.attache.wait_for_log('part="log"', "Envoy has to follow", after="configuration reloaded")
