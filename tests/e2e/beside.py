"""One provider for everything that is no chat, and the SDKs with which people ask for it.

The simulator speaks every API at one address; the gateway knows it as a provider of each dialect. No model has `gemini`
in its name: for such names Google's SDK makes one input of several by itself.
"""

from __future__ import annotations

import json
import pathlib

import boto3
import cohere
import httpx
import openai
import stack
from botocore.config import Config
from conftest import CLIENT_KEY
from google import genai

KEY = "sk-provider-secret-of-the-gateway"


def config(url: str) -> str:
    return f"""
providers:
  openai: {{ dialect: openai, url: "{url}/v1", auth: {{ bearer: {KEY} }}, expose: true, other_endpoints: true }}
  cohere: {{ dialect: cohere, url: "{url}", auth: {{ bearer: {KEY} }} }}
  gemini: {{ dialect: gemini, url: "{url}/v1beta", auth: {{ header: x-goog-api-key, value: {KEY} }} }}
  bedrock: {{ dialect: converse, url: "{url}", auth: {{ bearer: {KEY} }} }}
models:
  openai-vectors: {{ targets: [ {{ provider: openai, model: text-embedding-3-small }} ] }}
  cohere-vectors: {{ targets: [ {{ provider: cohere, model: embed-v4.0 }} ] }}
  google-vectors: {{ targets: [ {{ provider: gemini, model: gemini-embedding-001 }} ] }}
  titan-vectors: {{ targets: [ {{ provider: bedrock, model: "amazon.titan-embed-text-v2:0" }} ] }}
  amazon-cohere-vectors: {{ targets: [ {{ provider: bedrock, model: "cohere.embed-english-v3" }} ] }}
  vectors:
    targets:
      - {{ provider: openai, model: text-embedding-3-small }}
      - {{ provider: cohere, model: embed-v4.0 }}
  cohere-ranks: {{ targets: [ {{ provider: cohere, model: rerank-v3.5 }} ] }}
  jina-ranks: {{ targets: [ {{ provider: openai, model: jina-reranker-v2 }} ] }}
  draws: {{ targets: [ {{ provider: openai, model: gpt-image-1 }} ] }}
  draws-old: {{ targets: [ {{ provider: openai, model: dall-e-2 }} ] }}
  speaks: {{ targets: [ {{ provider: openai, model: gpt-4o-mini-tts }} ] }}
  hears: {{ targets: [ {{ provider: openai, model: gpt-4o-transcribe }} ] }}
  hears-seconds: {{ targets: [ {{ provider: openai, model: whisper-1 }} ] }}
  judges: {{ targets: [ {{ provider: openai, model: omni-moderation-latest }} ] }}
  claude: {{ targets: [ {{ provider: claude, model: claude-haiku-4-5 }} ] }}
""".replace("models:", f'  claude: {{ dialect: anthropic, url: "{url}", auth: {{ header: x-api-key, value: {KEY} }} }}\nmodels:', 1)


class Beside:
    """A gateway, its provider, and the clients."""

    def __init__(self, folder: pathlib.Path, topology: str = "sidecar"):
        self.provider = stack.Simulator("all", folder)
        self.gateway = stack.Gateway(folder / "gateway", config(self.provider.base), topology)
        base = self.gateway.base
        self.http = httpx.Client(base_url=base, timeout=60, headers={"authorization": f"Bearer {CLIENT_KEY}"})
        self.openai = openai.OpenAI(base_url=f"{base}/v1", api_key=CLIENT_KEY, max_retries=0, timeout=60)
        self.cohere = cohere.ClientV2(api_key=CLIENT_KEY, base_url=base, timeout=30)
        self.genai = genai.Client(api_key=CLIENT_KEY, http_options={"base_url": base})
        self.bedrock = boto3.client(
            "bedrock-runtime",
            endpoint_url=base,
            region_name="us-east-1",
            aws_access_key_id="client",
            aws_secret_access_key=CLIENT_KEY,
            config=Config(retries={"max_attempts": 0}),
        )

    def sent(self) -> dict:
        """The last request that reached the provider."""
        return self.provider.requests()[-1]

    def sent_body(self) -> dict:
        return json.loads(self.sent()["body"])

    def stop(self) -> None:
        self.http.close()
        self.openai.close()
        self.gateway.stop()
        self.provider.stop()
