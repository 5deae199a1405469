"""Vectors and rankings: every client's API in front of every provider's, with the official SDKs."""

import base64
import json
import struct

import botocore.exceptions
import cohere
import openai
import pytest
from beside import KEY, Beside
from conftest import CLIENT_KEY
from google.genai import errors, types
from rules import metric

SEVERAL = ["openai-vectors", "cohere-vectors", "google-vectors", "amazon-cohere-vectors"]
EVERY = [*SEVERAL, "titan-vectors"]
PROVIDER = {
    "openai-vectors": "openai",
    "cohere-vectors": "cohere",
    "google-vectors": "gemini",
    "titan-vectors": "bedrock",
    "amazon-cohere-vectors": "bedrock",
}
PATH = {
    "openai-vectors": "/v1/embeddings",
    "cohere-vectors": "/v2/embed",
    "google-vectors": "/v1beta/models/gemini-embedding-001:batchEmbedContents",
    "titan-vectors": "/model/amazon.titan-embed-text-v2%3A0/invoke",
    "amazon-cohere-vectors": "/model/cohere.embed-english-v3/invoke",
}


@pytest.fixture(scope="module", params=["sidecar", "shared"])
def _beside(request, tmp_path_factory):
    started = Beside(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def beside(_beside):
    _beside.provider.reset()
    return _beside


def as_floats(numbers) -> list[float]:
    """The numbers as 32-bit floats, which is what base64 holds."""
    return list(struct.unpack(f"<{len(numbers)}f", struct.pack(f"<{len(numbers)}f", *numbers)))


def vector_of(beside, model: str, text: str) -> list[float]:
    """The vector that the provider itself makes of a text, as the gateway's plainest client gets it."""
    answer = beside.http.post("/v1/embeddings", json={"model": model, "input": text, "encoding_format": "float"})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]["embedding"]


# ---- OpenAI's SDK ----


@pytest.mark.parametrize("model", SEVERAL)
def test_openai_gets_vectors_from_everybody(beside, model):
    raw = beside.openai.embeddings.with_raw_response.create(model=model, input=["one text", "another"])
    answer = raw.parse()
    # The SDK asks for base64 by itself and decodes it.
    assert [item.index for item in answer.data] == [0, 1]
    for text, item in zip(["one text", "another"], answer.data):
        assert as_floats(vector_of(beside, model, text)) == pytest.approx(item.embedding, abs=0)
    assert raw.headers["x-attache-provider"] == PROVIDER[model]
    assert raw.headers.get("x-attache-losses") in (None, "usage")
    seen = beside.provider.requests()[0]
    assert seen["path"].split("?")[0] == PATH[model]
    assert CLIENT_KEY not in json.dumps(seen)
    assert KEY in json.dumps(seen["headers"])


def test_openai_gets_a_vector_from_titan(beside):
    answer = beside.openai.embeddings.create(model="titan-vectors", input="one text", dimensions=256)
    assert len(answer.data[0].embedding) == 256
    assert beside.sent_body() == {"inputText": "one text", "dimensions": 256}
    assert answer.usage.prompt_tokens == 2


@pytest.mark.parametrize("model", EVERY)
def test_floats_and_base64_are_the_same_numbers(beside, model):
    ask = {"model": model, "input": "Zürich \n \"世界\""}
    floats = beside.openai.embeddings.create(**ask, encoding_format="float").data[0].embedding
    packed = beside.http.post("/v1/embeddings", json={**ask, "encoding_format": "base64"}).json()["data"][0]["embedding"]
    unpacked = base64.b64decode(packed)
    assert list(struct.unpack(f"<{len(unpacked) // 4}f", unpacked)) == as_floats(floats)


def test_tokens_reach_only_those_who_know_them(beside):
    answer = beside.openai.embeddings.create(model="openai-vectors", input=[[15496, 995], [1]])
    assert (len(answer.data), answer.usage.prompt_tokens) == (2, 3)
    with pytest.raises(openai.BadRequestError, match="input: .*tokens"):
        beside.openai.embeddings.create(model="cohere-vectors", input=[[15496, 995], [1]])
    assert beside.provider.requests()[-1]["path"] == "/v1/embeddings", "the second never got there"


def test_several_inputs_for_a_model_that_takes_one(beside):
    with pytest.raises(openai.BadRequestError, match="one input at a time") as refused:
        beside.openai.embeddings.create(model="titan-vectors", input=["a", "b"])
    assert refused.value.param == "input"
    assert beside.provider.requests() == []


def test_what_a_provider_cannot_be_told_is_named(beside):
    raw = beside.openai.embeddings.with_raw_response.create(model="cohere-vectors", input="a", user="u-1")
    assert raw.headers["x-attache-losses"] == "user"


def test_a_client_may_say_what_vectors_are_for(beside):
    beside.openai.embeddings.create(model="cohere-vectors", input="a")
    assert beside.sent_body()["input_type"] == "search_document"
    beside.openai.embeddings.create(model="cohere-vectors", input="a", extra_body={"input_type": "query"})
    assert beside.sent_body()["input_type"] == "search_query"


def test_the_next_provider_is_asked_in_its_own_words(beside):
    beside.provider.queue({"status": 503})
    raw = beside.openai.embeddings.with_raw_response.create(model="vectors", input=["a", "b"])
    assert len(raw.parse().data) == 2
    assert (raw.headers["x-attache-provider"], raw.headers["x-attache-attempts"]) == ("cohere", "2")
    assert beside.sent_body()["texts"] == ["a", "b"]


def test_a_model_that_makes_no_vectors(beside):
    with pytest.raises(openai.BadRequestError, match="has no embeddings"):
        beside.openai.embeddings.create(model="claude", input="a")
    with pytest.raises(openai.NotFoundError):
        beside.openai.embeddings.create(model="nobody", input="a")


@pytest.mark.parametrize("model", EVERY)
def test_a_provider_that_is_busy(beside, model):
    beside.provider.script(status=429, headers={"retry-after": "7"})
    with pytest.raises(openai.RateLimitError) as refused:
        beside.openai.embeddings.create(model=model, input="a")
    assert refused.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("model", EVERY)
def test_an_answer_that_is_none(beside, model):
    beside.provider.script(raw_body='{"data":[],"embeddings":[]}')
    if model == "openai-vectors":
        return  # passes as it is: nobody looks for vectors in it
    with pytest.raises(openai.InternalServerError, match="embedding"):
        beside.openai.embeddings.create(model=model, input="a")


# ---- bytes ----


def test_the_same_api_on_both_sides_is_not_touched(beside):
    body = b'{ "model":"openai/text-embedding-3-small", "input" : [ "a" ],\n "dimensions": 3 ,"user":"\\u00fc" }'
    beside.provider.script(raw_body='{ "data" : [{"embedding":[ 1e0 ,-0.50]}], "new": {"x":1.0} }')
    answer = beside.http.post("/v1/embeddings", content=body, headers={"content-type": "application/json"})
    assert answer.content == b'{ "data" : [{"embedding":[ 1e0 ,-0.50]}], "new": {"x":1.0} }'
    assert beside.sent()["body"].encode() == body.replace(b"openai/text", b"text")


def test_numbers_travel_as_they_are_written(beside):
    beside.provider.script(raw_body='{"id":"1","embeddings":{"float":[[1e0, -0.50]]},"meta":{}}')
    ask = {"model": "cohere-vectors", "input": "a", "encoding_format": "float"}
    assert b'"embedding":[1e0, -0.50]' in beside.http.post("/v1/embeddings", json=ask).content


# ---- what is booked ----


@pytest.mark.parametrize("model", ["openai-vectors", "cohere-vectors", "titan-vectors"])
def test_tokens_are_booked(beside, model):
    before = beside.gateway.metrics()
    raw = beside.openai.embeddings.with_raw_response.create(model=model, input="twelve bytes")
    record = beside.gateway.record(raw.headers["x-request-id"])
    assert (record["model"], record["attempts"][-1]["provider"]) == (model, PROVIDER[model])
    assert (record["tokens"]["input"], record["tokens"].get("output", 0)) == (3, 0)
    assert raw.parse().usage.prompt_tokens == 3
    name = "gen_ai_client_token_usage_sum"
    labels = {"gen_ai_token_type": "input", "gen_ai_request_model": model}
    after = beside.gateway.metrics()
    assert metric(after, name, **labels) - metric(before, name, **labels) == 3


@pytest.mark.parametrize("model", ["google-vectors", "amazon-cohere-vectors"])
def test_what_a_provider_does_not_count_is_counted_here(beside, model):
    raw = beside.openai.embeddings.with_raw_response.create(model=model, input=["twelve bytes", "and some more of them"])
    assert raw.headers["x-attache-losses"] == "usage"
    record = beside.gateway.record(raw.headers["x-request-id"])
    # Where no limit asks for it, roughly: the whole body counts.
    assert record["tokens_counted_here"] and 5 <= record["tokens"]["input"] <= 40


# ---- Google's SDK ----


@pytest.mark.parametrize("model", SEVERAL)
def test_google_gets_vectors_from_everybody(beside, model):
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
    answer = beside.genai.models.embed_content(model=model, contents=["one text", "another"], config=config)
    assert len(answer.embeddings) == 2
    assert answer.embeddings[0].values == pytest.approx(vector_of(beside, model, "one text"))
    if "cohere" in model:
        assert json.loads(beside.provider.requests()[0]["body"])["input_type"] == "search_query"


def test_google_reads_refusals(beside):
    with pytest.raises(errors.ClientError) as refused:
        beside.genai.models.embed_content(model="titan-vectors", contents=["a", "b"])
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")


def test_one_content_for_google(beside):
    ask = {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 5}
    answer = beside.http.post("/v1beta/models/openai-vectors:embedContent", json=ask).json()
    assert len(answer["embedding"]["values"]) == 5
    assert beside.sent_body() == {"model": "text-embedding-3-small", "input": "a", "dimensions": 5}


# ---- Cohere's SDK ----


@pytest.mark.parametrize("model", SEVERAL)
def test_cohere_gets_vectors_from_everybody(beside, model):
    answer = beside.cohere.embed(
        model=model, input_type="classification", texts=["one text", "another"], embedding_types=["float"]
    )
    assert len(answer.embeddings.float_) == 2
    assert answer.embeddings.float_[0] == pytest.approx(vector_of(beside, model, "one text"))


def test_cohere_keeps_its_encodings_at_home(beside):
    answer = beside.cohere.embed(
        model="cohere-vectors", input_type="search_query", texts=["a"], embedding_types=["int8", "ubinary"]
    )
    assert len(answer.embeddings.int8[0]) == 8 * len(answer.embeddings.ubinary[0])
    with pytest.raises(cohere.errors.BadRequestError, match="int8"):
        beside.cohere.embed(model="openai-vectors", input_type="search_query", texts=["a"], embedding_types=["int8"])


# ---- boto3 ----


def invoke(beside, model: str, body: dict) -> dict:
    answer = beside.bedrock.invoke_model(modelId=model, body=json.dumps(body))
    return json.loads(answer["body"].read())


@pytest.mark.parametrize("model", EVERY)
def test_boto3_speaks_titan_with_everybody(beside, model):
    answer = invoke(beside, model, {"inputText": "one text"})
    assert answer["embedding"] == pytest.approx(vector_of(beside, model, "one text"))
    assert answer["inputTextTokenCount"] >= 0


@pytest.mark.parametrize("model", SEVERAL)
def test_boto3_speaks_cohere_with_everybody(beside, model):
    answer = invoke(beside, model, {"texts": ["one text", "b"], "input_type": "search_query"})
    assert answer["response_type"] == "embeddings_floats"
    assert answer["embeddings"][0] == pytest.approx(vector_of(beside, model, "one text"))


def test_boto3_reads_refusals(beside):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        invoke(beside, "titan-vectors", {"inputText": "a", "dimensions": 300})
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(botocore.exceptions.ClientError, match="binary"):
        invoke(beside, "openai-vectors", {"inputText": "a", "embeddingTypes": ["binary"]})


# ---- rankings ----

DOCUMENTS = ["red apples", "blue sky", "a red sky"]


@pytest.mark.parametrize("model", ["cohere-ranks", "jina-ranks"])
def test_cohere_ranks(beside, model):
    answer = beside.cohere.rerank(model=model, query="red sky", documents=DOCUMENTS, top_n=2)
    assert [(result.index, result.relevance_score) for result in answer.results] == [(2, 1.0), (0, 0.5)]
    assert beside.sent()["path"] == {"cohere-ranks": "/v2/rerank", "jina-ranks": "/v1/rerank"}[model]


@pytest.mark.parametrize("model", ["cohere-ranks", "jina-ranks"])
def test_jina_ranks_and_gives_documents_back(beside, model):
    ask = {"model": model, "query": "red sky", "documents": [DOCUMENTS[0], {"text": DOCUMENTS[2]}]}
    answer = beside.http.post("/v1/rerank", json=ask).json()
    best = answer["results"][0]
    assert (best["index"], best["document"], best["relevance_score"]) == (1, {"text": "a red sky"}, 1.0)
    silent = beside.http.post("/v1/rerank", json={**ask, "return_documents": False}).json()
    assert "document" not in silent["results"][0]


def test_a_ranking_is_booked(beside):
    answer = beside.http.post("/v1/rerank", json={"model": "jina-ranks", "query": "red", "documents": DOCUMENTS})
    record = beside.gateway.record(answer.headers["x-request-id"])
    assert record["tokens"]["input"] == answer.json()["usage"]["total_tokens"] > 0


def test_rankings_that_are_refused(beside):
    with pytest.raises(cohere.errors.BadRequestError, match="documents"):
        beside.cohere.rerank(model="jina-ranks", query="q", documents=[])
    answer = beside.http.post("/v1/rerank", json={"model": "cohere-ranks", "documents": ["a"]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "query")
