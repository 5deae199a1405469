"""SIGTERM: what is open finishes, what is new is refused, the books are complete, and then the process ends."""

import contextlib
import json
import signal
import urllib.error

import httpx
import pytest
import stack

LONG = {"text_bytes": 4000, "chunks": 400, "chunk_delay_ms": 200}
SHORT = {"text": "a b c d e f", "chunks": 6, "chunk_delay_ms": 1000}


@contextlib.contextmanager
def open_stream(here, script: dict):
    """A stream whose first event has come; gives the response and the rest of its lines."""
    question = {"model": "claude-only", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"x-sim": json.dumps(script)}
    url = f"{here.base}/v1/chat/completions"
    with httpx.stream("POST", url, json=question, headers=headers, timeout=30) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("data: {")
        yield response, lines


def readiness(gateway: stack.Gateway) -> int:
    """The status of /readyz; 0 when nobody answers."""
    try:
        stack.get(f"http://127.0.0.1:{gateway.admin_port}/readyz")
        return 200
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def terminate(gateway: stack.Gateway) -> None:
    gateway.attache.child.send_signal(signal.SIGTERM)
    stack.wait_until(lambda: readiness(gateway) == 503, "503 of /readyz")


@pytest.mark.parametrize("grpc", ["unix socket", "tcp"])
def test_open_streams_finish_and_new_requests_are_refused(start, grpc):
    here = start(grpc=f"127.0.0.1:{stack.free_port()}" if grpc == "tcp" else None)
    with open_stream(here, SHORT) as (response, lines):
        terminate(here.gateway)
        refused = here.http.post("/v1/messages", json={"model": "claude-only", "max_tokens": 5, "messages": []})
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "api_error"), refused.text
        assert here.claude_sim.stats()["open"] == 1, "the stream should still be open"
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    assert here.gateway.attache.child.wait(30) == 0
    record = here.gateway.record(response.headers["x-request-id"])
    assert (record["ending"], record["tokens"]["output"] > 0) == ("complete", True)


def test_without_open_exchanges_it_ends_at_once_with_all_records_written(start):
    here = start()
    ids = [
        here.http.post(
            "/v1/chat/completions", json={"model": "openai-only", "messages": [{"role": "user", "content": "hello"}]}
        ).headers["x-request-id"]
        for _ in range(20)
    ]
    here.gateway.attache.child.terminate()
    assert here.gateway.attache.child.wait(30) == 0
    assert [record["request_id"] for record in here.gateway.records()] == ids


def second_signal(gateway: stack.Gateway) -> None:
    gateway.attache.child.send_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("service", "hurry"), [("", second_signal), (", drain_seconds: 3", lambda _: None)], ids=["second", "drain_seconds"]
)
def test_a_second_signal_or_the_end_of_drain_seconds_cuts_what_is_open_and_books_it(start, service, hurry):
    here = start(service=service)
    with open_stream(here, LONG) as (response, lines):
        terminate(here.gateway)
        hurry(here.gateway)
        assert here.gateway.attache.child.wait(30) == 0
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
    assert here.gateway.record(response.headers["x-request-id"])["ending"] == "cut"


def test_the_next_process_serves_at_the_same_socket_while_the_old_one_drains(start, tmp_path):
    here = start()
    new = None
    try:
        with open_stream(here, SHORT) as (_, lines):
            terminate(here.gateway)
            text = here.gateway.config_path.read_text()
            config = tmp_path / "new.yaml"
            config.write_text(text.replace(f"127.0.0.1:{here.gateway.admin_port}", f"127.0.0.1:{stack.free_port()}"))
            new = stack.Process("new", [stack.binary("attache"), "serve", "--config", config], tmp_path)
            new.wait_for(lambda: "attache serves" in new.err(), "line that it serves")
            stack.wait_until(lambda: ask(here) == 200, "answer by the new process")
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert here.gateway.attache.child.wait(30) == 0
        assert ask(here) == 200, "the old process took the new one's socket away"
    finally:
        if new:
            new.stop()


def ask(here) -> int:
    question = {"model": "openai-only", "messages": [{"role": "user", "content": "hello"}]}
    return here.http.post("/v1/chat/completions", json=question).status_code


def test_a_socket_that_a_dead_process_left_behind_is_replaced(start):
    here = start()
    here.gateway.attache.stop(signal.SIGKILL)
    assert here.gateway.socket_path.exists()
    here.gateway.attache.start()
    here.gateway.attache.wait_for(here.gateway.is_ready, "answer of /readyz")
    stack.wait_until(lambda: ask(here) == 200, "answer")


def test_a_socket_that_somebody_serves_is_refused(start, tmp_path):
    here = start()
    text = here.gateway.config_path.read_text()
    config = tmp_path / "second.yaml"
    config.write_text(text.replace(f"127.0.0.1:{here.gateway.admin_port}", f"127.0.0.1:{stack.free_port()}"))
    second = stack.Process("second", [stack.binary("attache"), "serve", "--config", config], tmp_path)
    assert second.child.wait(30) == 1
    said = f"service.grpc: another process serves at {here.gateway.socket_path}"
    assert second.err().splitlines()[-1] == f"attache: {said}"
    assert ask(here) == 200
