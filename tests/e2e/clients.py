"""The clients that people use, in front of whatever a test has started."""

from __future__ import annotations

import anthropic
import httpx
import openai

CLIENT_KEY = "client-key-that-no-provider-may-see"


class Clients:
    """OpenAI's SDK, Anthropic's, and plain HTTP."""

    def __init__(self, base: str, key: str = CLIENT_KEY, headers: dict | None = None):
        """`headers`: what plain HTTP sends with every request."""
        self.base = base
        self.openai = openai.OpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=60)
        self.anthropic = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=60)
        self.http = httpx.Client(base_url=base, timeout=60, headers=headers)

    def close(self) -> None:
        for client in (self.openai, self.anthropic, self.http):
            client.close()
