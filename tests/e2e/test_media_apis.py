"""Images, sound, moderation, files: APIs that pass as they are, with the model's name, the key and the books changed."""

import io
import json

import httpx
import openai
import pytest
from beside import KEY, Beside
from conftest import CLIENT_KEY

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
MIB = 1 << 20


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _beside(request, tmp_path_factory):
    started = Beside(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def beside(_beside):
    _beside.provider.reset()
    return _beside


def checked(beside, path: str, model: str | None = None) -> dict:
    """The last request, with the gateway's key and not with the client's, and the provider's name for the model."""
    seen = beside.sent()
    assert seen["path"] == path
    headers = json.dumps(seen["headers"])
    assert KEY in headers and CLIENT_KEY not in headers
    if model:
        assert model in seen["body"]
    return seen


# ---- images ----


def test_an_image(beside):
    raw = beside.openai.images.with_raw_response.generate(model="draws", prompt="a cat", n=2, size="1024x1024")
    answer = raw.parse()
    assert len(answer.data) == 2 and answer.data[0].b64_json
    assert json.loads(checked(beside, "/v1/images/generations")["body"])["model"] == "gpt-image-1"
    assert raw.headers["x-attache-provider"] == "openai"
    record = beside.gateway.record(raw.headers["x-request-id"])
    assert (record["model"], record["tokens"]["output"]) == ("draws", answer.usage.output_tokens)


def test_an_image_that_comes_in_parts(beside):
    stream = beside.openai.images.generate(model="draws", prompt="a cat", stream=True, partial_images=2)
    kinds = [event.type for event in stream]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    (record,) = [record for record in wait_for_records(beside, stream.response) if record]
    assert record["tokens"]["output"] == 272


def wait_for_records(beside, response) -> list[dict]:
    return [beside.gateway.record(response.headers["x-request-id"])]


def test_an_image_changed(beside):
    answer = beside.openai.images.edit(
        model="draws", image=[("a.png", PNG), ("b.png", PNG)], prompt="with a hat", extra_headers={"x-test": "1"}
    )
    assert answer.usage.input_tokens_details.image_tokens == 2 * 323
    seen = checked(beside, "/v1/images/edits", "gpt-image-1")
    assert "with a hat" in seen["body"] and "draws" not in seen["body"]


def test_a_variation(beside):
    answer = beside.openai.images.create_variation(model="draws-old", image=("a.png", PNG), n=2)
    assert len(answer.data) == 2 and answer.data[0].url


# ---- sound ----


@pytest.mark.parametrize("gzip", [False, True])
def test_speech_is_bytes(beside, gzip):
    beside.provider.script(text_bytes=300_000, gzip=gzip)
    answer = beside.openai.audio.speech.create(model="speaks", voice="alloy", input="hello", response_format="wav")
    assert len(answer.content) == 300_000
    assert answer.response.headers["content-type"] == "audio/wav"
    assert json.loads(checked(beside, "/v1/audio/speech")["body"])["model"] == "gpt-4o-mini-tts"


def test_speech_comes_as_it_is_made(beside):
    with beside.openai.audio.speech.with_streaming_response.create(
        model="speaks", voice="alloy", input="hello", stream_format="sse"
    ) as answer:
        body = b"".join(answer.iter_bytes())
        request_id = answer.headers["x-request-id"]
    assert body.count(b"speech.audio.delta") == 4 and b"speech.audio.done" in body
    assert beside.gateway.record(request_id)["tokens"]["output"] > 0


@pytest.mark.parametrize("size_mib", [0.01, 5, 20])
def test_recordings_of_every_size(beside, size_mib):
    beside.provider.script(text="hello there")
    recording = io.BytesIO(bytes(range(256)) * int(size_mib * MIB / 256))
    recording.name = "a.mp3"
    raw = beside.openai.audio.transcriptions.with_raw_response.create(model="hears", file=recording)
    answer = raw.parse()
    assert answer.text == "hello there"
    seen = checked(beside, "/v1/audio/transcriptions")
    assert seen["body_bytes"] > size_mib * MIB
    record = beside.gateway.record(raw.headers["x-request-id"])
    assert (record["model"], record["tokens"]["input"]) == ("hears", answer.usage.input_tokens)


def test_every_byte_of_a_form_but_the_model(beside):
    part = 'Content-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    head = "--a b\r\n" + part.format("prompt", "ü model") + "--a b \r\ncontent-disposition:form-data; name=model\r\n\r\n"
    file = '\r\n--a b\r\nContent-Disposition: form-data; name="file"; filename="C:\\a.mp3"\r\n\r\n\r\n--a \r\n--a b--\r\n'
    answer = beside.http.post(
        "/v1/audio/transcriptions",
        content=(head + "hears-seconds" + file).encode(),
        headers={"content-type": 'multipart/form-data; boundary="a b"', "x-sim": '{"raw_body":"{\\"text\\":  \\"x\\"}"}'},
    )
    assert answer.content == b'{"text":  "x"}'
    assert beside.sent()["body"] == head + "whisper-1" + file


@pytest.mark.parametrize("kind, begins", [("text", "hello"), ("srt", "1\n00:"), ("vtt", "WEBVTT")])
def test_transcripts_that_are_no_json(beside, kind, begins):
    beside.provider.script(text="hello there")
    answer = beside.openai.audio.transcriptions.create(
        model="hears-seconds", file=("a.wav", b"x" * 40_000), response_format=kind
    )
    assert answer.startswith(begins)


def test_a_transcript_with_all_its_words(beside):
    answer = beside.openai.audio.transcriptions.create(
        model="hears-seconds",
        file=("a.wav", b"x" * 40_000),
        response_format="verbose_json",
        timestamp_granularities=["segment"],
    )
    assert answer.duration == 3 and answer.segments[0].text


def test_a_transcript_that_comes_in_parts(beside):
    beside.provider.script(text="hello there", chunks=3)
    stream = beside.openai.audio.transcriptions.create(model="hears", file=("a.mp3", b"x" * 40_000), stream=True)
    events = list(stream)
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == "hello there"
    assert events[-1].type == "transcript.text.done"
    record = beside.gateway.record(stream.response.headers["x-request-id"])
    assert record["tokens"]["input"] == events[-1].usage.input_tokens


def test_a_translation(beside):
    beside.provider.script(text="good day")
    assert beside.openai.audio.translations.create(model="hears-seconds", file=("a.mp3", b"x")).text == "good day"


# ---- moderation, files ----


def test_a_moderation(beside):
    answer = beside.openai.moderations.create(model="judges", input=["peace", "violence"])
    assert [result.flagged for result in answer.results] == [False, True]


def test_files_pass(beside):
    made = beside.openai.files.create(file=("a.jsonl", b"{}\n" * 100), purpose="batch")
    assert made.bytes == 300
    checked(beside, "/v1/files")
    assert beside.openai.files.retrieve(made.id).bytes == 300
    assert beside.openai.files.content(made.id).content == b"x" * 300
    assert [file.id for file in beside.openai.files.list()] == ["file-sim3"]
    assert beside.openai.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        beside.openai.files.retrieve("file-other")


# ---- what is refused ----


def test_a_form_that_could_be_read_in_two_ways(beside):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="model"; name="x"\r\n\r\nhears\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nx\r\n--b--\r\n'
    )
    answer = beside.http.post(
        "/v1/audio/transcriptions", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 400
    assert "two names" in answer.json()["error"]["message"]
    assert beside.provider.requests() == []


def test_models_that_are_not_there(beside):
    with pytest.raises(openai.NotFoundError):
        beside.openai.audio.transcriptions.create(model="nobody", file=("a.mp3", b"x"))
    with pytest.raises(openai.NotFoundError):
        beside.openai.images.generate(model="nobody", prompt="a")
    with pytest.raises(openai.BadRequestError, match="has no such endpoint"):
        beside.openai.images.generate(model="cohere-vectors", prompt="a")
    assert beside.provider.requests() == []


def test_the_providers_own_refusals(beside):
    with pytest.raises(openai.BadRequestError, match="Unrecognized file format"):
        beside.openai.audio.transcriptions.create(model="hears", file=("a.txt", b"x"))
    with pytest.raises(openai.BadRequestError, match="Invalid image file"):
        beside.openai.images.edit(model="draws", image=("a.png", b"x"), prompt="a")
    beside.provider.script(status=429, headers={"retry-after": "3"})
    with pytest.raises(openai.RateLimitError) as refused:
        beside.openai.images.generate(model="draws", prompt="a")
    assert refused.value.response.headers["retry-after"] == "3"


def test_a_client_that_hangs_up_while_it_uploads(beside):
    def slowly():
        yield b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nhears\r\n'
        raise httpx.WriteError("gone")

    with pytest.raises(httpx.WriteError):
        beside.http.post(
            "/v1/audio/transcriptions", content=slowly(), headers={"content-type": "multipart/form-data; boundary=b"}
        )
    assert beside.openai.moderations.create(model="judges", input="peace").results[0].flagged is False
