"""Many at once, large, and long: what the gateway holds without an error.

The long streams run beside the other tests, so that the file takes as long as the longest of them.
"""

import asyncio
import base64
import hashlib
import http.server
import json
import pathlib
import random
import resource
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import conftest
import crowd
import httpx
import pytest
import stack

STREAMS = 2_000
# The service alone; Envoy and the client have memory of their own.
BYTES_PER_STREAM_MAX = 64 << 10
FRONT_PATH = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
LINES = [(front, model) for front in FRONT_PATH for model in ("openai-only", "claude-only")]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A gateway for thousands of connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < 4 * STREAMS:
        pytest.skip(f"only {most} open files are allowed here")
    started = conftest.Stack(tmp_path_factory.mktemp("loaded"), concurrency=2)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def long_streams(loaded):
    """One stream per pair of dialects that says something every 31 seconds only. They begin when first asked for."""
    script = {"text": "a b c", "chunks": 3, "first_token_ms": 31_000, "chunk_delay_ms": 31_000}

    def stream(front: str, model: str) -> tuple[str, float]:
        began = time.monotonic()
        body = {"model": model, "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"x-sim": json.dumps(script)}
        with httpx.stream("POST", loaded.base + FRONT_PATH[front], json=body, headers=headers, timeout=120) as response:
            text = "".join(response.iter_text())
        return text, time.monotonic() - began

    with ThreadPoolExecutor(len(LINES)) as pool:
        yield {line: pool.submit(stream, *line) for line in LINES}


def resident_bytes(process: stack.Process) -> int:
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))


def open_exchanges(gateway: stack.Gateway) -> int:
    return next(int(line.split()[1]) for line in gateway.metrics().splitlines() if line.startswith("attache_open_ex"))


def test_two_thousand_streams_are_open_for_a_minute(loaded, long_streams, record_property):
    text = " ".join(map(str, range(13)))

    def message(**script) -> bytes:
        question = {"model": "claude-only", "stream": True, "messages": [{"role": "user", "content": "x" * 500}]}
        return crowd.request(FRONT_PATH["openai"], question, {"text": text, "chunks": 13, **script})

    gateway = loaded.gateway
    warm = asyncio.run(crowd.ask_often(gateway.port, message(), 50))
    assert all(map(whole, warm)), warm[0]
    before, others = resident_bytes(gateway.attache), open_exchanges(gateway)
    with ThreadPoolExecutor(1) as pool:
        streams = crowd.ask_often(gateway.port, message(chunk_delay_ms=5_500), STREAMS, seconds_to_open=4)
        crowd_of_them = pool.submit(asyncio.run, streams)
        there = STREAMS + others
        stack.wait_until(lambda: open_exchanges(gateway) >= there or crowd_of_them.done(), "crowd of open streams", 60)
        assert open_exchanges(gateway) >= STREAMS, [a for a in crowd_of_them.result() if not whole(a)][:3]
        bytes_per_stream = (resident_bytes(gateway.attache) - before) / STREAMS
        answers = crowd_of_them.result()
    assert [answer for answer in answers if not whole(answer)] == []
    assert {text_of(answer) for answer in answers} == {text}
    ids = {answer.headers["x-request-id"] for answer in answers}
    stack.wait_until(lambda: ids <= complete(gateway), "usage record of every stream")
    record_property("service_bytes_per_open_stream", round(bytes_per_stream))
    print(f"\n{STREAMS} open streams: {bytes_per_stream / 1024:.1f} KiB of the service's memory each")
    assert bytes_per_stream < BYTES_PER_STREAM_MAX


def complete(gateway: stack.Gateway) -> set[str]:
    """The ids of all exchanges that are booked as complete."""
    return {record["request_id"] for record in gateway.records() if record["ending"] == "complete"}


def whole(answer: crowd.Answer | Exception) -> bool:
    return isinstance(answer, crowd.Answer) and answer.status == 200 and answer.body.endswith(b"data: [DONE]\n\n")


def text_of(answer: crowd.Answer) -> str:
    events = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_two_thousand_requests_at_once_are_all_answered_in_bounded_memory(loaded):
    message = crowd.request(
        FRONT_PATH["anthropic"],
        {"model": "openai-only", "max_tokens": 50, "messages": [{"role": "user", "content": "hello " * 200}]},
        {"latency_ms": 1_500, "text": "fine"},
    )
    after = []
    for _ in range(4):
        answers = asyncio.run(crowd.ask_often(loaded.gateway.port, message, STREAMS))
        failed = [answer for answer in answers if not isinstance(answer, crowd.Answer) or answer.status != 200]
        assert failed == [], f"{len(failed)} failed"
        after.append(resident_bytes(loaded.gateway.attache))
    assert after[-1] - after[0] < 16 << 20, f"memory grows with every burst: {after}"


class Catcher(http.server.ThreadingHTTPServer):
    """A provider of either dialect that keeps the last body, however large."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Catch)
        self.body = b""
        self.base = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Catch(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.body = self.rfile.read(int(self.headers["content-length"]))
        answer = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_) -> None:
        pass


ANSWERS = {
    "/v1/chat/completions": {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "got it"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "/v1/messages": {
        "id": "m", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "got it"}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def catching(request, tmp_path_factory):
    """A gateway whose providers are one catcher."""
    catcher = Catcher()
    config = conftest.config(catcher.base, catcher.base)
    gateway = stack.Gateway(tmp_path_factory.mktemp("catching"), config, request.param)
    yield gateway, catcher
    gateway.stop()
    catcher.shutdown()


# Five images of 3 MB, as base64 20 MB.
IMAGES = [random.Random(i).randbytes(3_000_000) for i in range(5)]


@pytest.mark.parametrize(("front", "model"), LINES)
def test_twenty_megabytes_of_images_reach_either_provider_bit_by_bit(catching, front, model):
    gateway, catcher = catching
    post(gateway, front, model, [image_part(front, image) for image in IMAGES])
    assert [hashlib.sha256(image).hexdigest() for image in images_in(json.loads(catcher.body))] == [
        hashlib.sha256(image).hexdigest() for image in IMAGES
    ]


@pytest.mark.parametrize(("front", "model"), LINES)
def test_fifty_megabytes_of_text_reach_either_provider(catching, front, model):
    gateway, catcher = catching
    text = "0123456789 \\ \"ä" * (50_000_000 // 16)
    post(gateway, front, model, [{"type": "text", "text": text}])
    content = json.loads(catcher.body)["messages"][0]["content"]
    assert (content if isinstance(content, str) else content[0]["text"]) == text


def post(gateway: stack.Gateway, front: str, model: str, content: list) -> None:
    body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": content}]}
    response = httpx.post(gateway.base + FRONT_PATH[front], json=body, timeout=150)
    assert response.status_code == 200, response.text
    assert "got it" in response.text


def image_part(front: str, image: bytes) -> dict:
    data = base64.b64encode(image).decode()
    if front == "openai":
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def images_in(body: dict) -> list[bytes]:
    parts = body["messages"][0]["content"]
    return [
        base64.b64decode(part["image_url"]["url"].removeprefix("data:image/png;base64,"))
        if part["type"] == "image_url"
        else base64.b64decode(part["source"]["data"])
        for part in parts
    ]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("front", FRONT_PATH)
def test_a_body_over_the_limit_is_refused_in_the_clients_dialect(catching, front, chunked):
    gateway, catcher = catching
    catcher.body = b"nothing"
    text = b'{"model": "openai-only", "messages": [{"role": "user", "content": "' + b"x" * (70 << 20) + b'"}]}'
    pieces = (text[i : i + (1 << 20)] for i in range(0, len(text), 1 << 20))
    response = httpx.post(gateway.base + FRONT_PATH[front], content=pieces if chunked else text, timeout=150)
    assert response.status_code == 413
    error = response.json()["error"]
    assert "larger than 67108864 bytes" in error["message"]
    if front == "anthropic":
        assert error["type"] == "request_too_large"
    assert catcher.body == b"nothing"
    assert gateway.record(response.headers["x-request-id"])["fault"] == "too_large"


@pytest.mark.parametrize(("front", "model"), LINES)
def test_a_stream_with_long_silences_is_not_cut(long_streams, front, model):
    result: Future = long_streams[front, model]
    text, seconds = result.result(timeout=150)
    assert seconds > 90
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    if front == "openai":
        said = [choice["delta"].get("content") or "" for event in events for choice in event["choices"]]
        assert text.endswith("data: [DONE]\n\n")
    else:
        said = [event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"]
        assert events[-1]["type"] == "message_stop"
    assert "".join(said) == "a b c"
