"""What the tests of redaction share: every client in front of every provider, policies that requests choose by a header, and a
search of everything that the service wrote.
"""

from __future__ import annotations

import base64
import functools
import json
import pathlib
import re
import threading
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import httpx
import stack
from botocore.config import Config
from clients import CLIENT_KEY, Clients
from google import genai
from google.genai import types
from openai.lib.streaming.chat import ChatCompletionStreamState

EMAIL = "ann.miller@example.com"
OTHER_EMAIL = "bob@example.org"
CARD = "4111111111111111"
IBAN = "DE89370400440532013000"
# Written so that nobody takes it for one that opens anything.
SECRET = "AKIA" + "IOSFODNN7EXAMPLE"
WORD = "Bluebird"
BADGE = "E-100423"
PERSON = "Zoë Müller"
POLICY_KEY = "a made up key of these tests"
PLANTED = (EMAIL, OTHER_EMAIL, CARD, IBAN, SECRET, WORD, BADGE, PERSON, POLICY_KEY)

PLACEHOLDER = re.compile(r"\[[A-Z]+-[0-9A-Z]{10,}\]")

# Few entities are compiled soon; `watching` and `default` look for all.
EMAILS = f'key: "{POLICY_KEY}", tiers: [], entities: {{ email: mask }}'


def chosen(name: str, rest: str) -> str:
    """A policy that requests choose by a header."""
    return f'  - {{ name: {name}, when: {{ "header:x-policy": {name} }}, {rest} }}\n'


# The first whose `when` fits applies.
POLICIES = f"""
redact:
{chosen("watching", "mode: monitor, response: redact")}
{chosen("redacts", f"{EMAILS}, response: redact")}
{chosen("masks", f"{EMAILS}, response: mask")}
{chosen("blocks", f"{EMAILS}, response: block")}
{chosen("users", f"{EMAILS}, scopes: [user]")}
{chosen("calls-stay", f"{EMAILS}, restore: {{ tool_calls: false }}")}
{chosen("lets-pass", f"{EMAILS}, unreadable: pass")}
  - name: actions
    when: {{ "header:x-policy": actions }}
    key: "{POLICY_KEY}"
    tiers: []
    entities: {{ email: hash, credit_card: partial, iban: synthetic, aws_access_key_id: redact }}
  - name: own
    when: {{ "header:x-policy": own }}
    key: "{POLICY_KEY}"
    tiers: []
    custom: [ {{ name: badge, label: BADGE, regex: 'E-\\d{{6}}' }} ]
    words: [ {{ name: project, label: PROJECT, words: [{WORD}] }} ]
  - {{ name: default, key: "{POLICY_KEY}", entities: {{ credit_card: block }} }}
# Nothing that is logged is left out.
log: {{ level: trace }}
"""

PROVIDERS = {
    "openai": ("openai", "/v1", "bearer", "gpt-4o-mini"),
    "claude": ("anthropic", "", "x-api-key", "claude-haiku-4-5"),
    "responses": ("responses", "/v1", "bearer", "gpt-4o-mini"),
    "gemini": ("gemini", "/v1beta", "x-goog-api-key", "gemini-2.5-flash"),
    "bedrock": ("converse", "", "bearer", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "cohere": ("cohere", "", "bearer", "command-a-03-2025"),
}


def config(first: str, second: str, policies: str) -> str:
    """Every provider at `first`; `fast` goes on to `second`."""

    def provider(name: str, url: str, more: str = "") -> str:
        dialect, path, header, _ = PROVIDERS[name.removesuffix("-next")]
        auth = "bearer: some-secret" if header == "bearer" else f"header: {header}, value: some-secret"
        return f'  {name}: {{ dialect: {dialect}, url: "{url}{path}", auth: {{ {auth} }}{more} }}'

    lines = [provider(name, first, ", other_endpoints: true" if name == "openai" else "") for name in PROVIDERS]
    models = [f'  {name}: {{ targets: [ {{ provider: {name}, model: "{PROVIDERS[name][3]}" }} ] }}' for name in PROVIDERS]
    fast = """  fast:
    targets: [ { provider: openai, model: gpt-4o-mini }, { provider: claude-next, model: claude-haiku-4-5 } ]
    retry: { per_try_timeout: 20s }
  vectors: { targets: [ { provider: openai, model: text-embedding-3-small } ] }
  old: { targets: [ { provider: completions, model: gpt-3.5-turbo-instruct } ] }
  hears: { targets: [ { provider: openai, model: gpt-4o-transcribe } ] }"""
    old = f'  completions: {{ dialect: completions, url: "{first}/v1", auth: {{ bearer: some-secret }} }}'
    parts = ["providers:", *lines, provider("claude-next", second), old, "models:", *models, fast, policies]
    return "\n".join(parts)


class House(Clients):
    """A gateway with policies, in front of two simulators that speak everything, and the SDKs."""

    def __init__(self, folder: pathlib.Path, topology: str = "sidecar", policies: str = POLICIES):
        self.first, self.second = stack.Simulator("first", folder), stack.Simulator("second", folder)
        self.gateway = stack.Gateway(folder / "gateway", config(self.first.base, self.second.base, policies), topology)
        super().__init__(self.gateway.base, headers={"authorization": f"Bearer {CLIENT_KEY}"})
        self.genai = genai.Client(api_key=CLIENT_KEY, http_options={"base_url": self.base})

    @functools.cached_property
    def boto(self):
        """boto3; its requests carry `boto_headers`."""
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=self.base,
            region_name="us-east-1",
            aws_access_key_id="client",
            aws_secret_access_key=CLIENT_KEY,
            config=Config(retries={"max_attempts": 0}),
        )

        def add_headers(request, **_):
            for name, value in self.boto_headers.items():
                request.headers[name] = value

        client.meta.events.register("before-sign", add_headers)
        return client

    def bodies(self) -> list[str]:
        """What reached providers, in the order in which it came; fails where anything that was planted is in it."""
        came = sorted(self.first.requests() + self.second.requests(), key=lambda request: request["at_ms"])
        bodies = [request["body"] for request in came]
        for value in PLANTED:
            assert not any(value in body or json.dumps(value)[1:-1] in body for body in bodies), (value, bodies)
        return bodies

    def received(self) -> str:
        """The last body that reached a provider; fails where something planted is in it, or no placeholder."""
        body = self.bodies()[-1]
        assert PLACEHOLDER.search(body), body
        return body

    def placeholder(self, value: str = EMAIL, front: str = "openai") -> str:
        """What stands for a value. It is the same in every request of these tests: they have one caller and one key."""
        FRONTS[front](self, "openai", False, None, text=f"It is {value}.")
        found = PLACEHOLDER.search(self.received()).group()
        self.reset()
        return found

    def reset(self) -> None:
        self.first.reset()
        self.second.reset()

    def written(self) -> dict[str, str]:
        """Everything that the service and Envoy wrote, and all that they tell when asked."""
        admin = f"http://127.0.0.1:{self.gateway.admin_port}"
        processes = {"attache": self.gateway.attache, "envoy": self.gateway.envoy}
        texts = {f"{name} {way}": getattr(process, way)() for name, process in processes.items() for way in ("out", "err")}
        return texts | {path: httpx.get(admin + path, timeout=30).text for path in ("/config", "/metrics", "/limits")}

    def stop(self) -> None:
        """Ends it, once it has written nothing that it must not."""
        try:
            search(self.written())
        finally:
            self.close()
            for process in (self.gateway, self.first, self.second):
                process.stop()


def search(written: dict[str, str]) -> None:
    """Fails where something planted stands in what was written, in any of the forms that programs write things."""
    assert "attache" in written["attache err"]
    for value in PLANTED:
        plain = value.encode()
        forms = {value, json.dumps(value)[1:-1], urllib.parse.quote(value), plain.hex(), repr(plain)[2:-1]}
        forms |= {str(list(plain)).strip("[]"), base64.b64encode(plain).decode().rstrip("=")[:-1]}
        found = [(where, form) for where, text in written.items() for form in forms if form in text]
        assert found == [], (value, found)


@dataclass
class Said:
    """What a client's SDK gives."""

    text: str
    calls: list[dict]
    native: object


TOOL = {"type": "object", "properties": {"to": {"type": "string"}, "note": {"type": "string"}}}
ABOUT = "Sends mail"


def headers_of(script: dict | None, policy: str | None) -> dict[str, str]:
    headers = {} if policy is None else {"x-policy": policy}
    return headers if script is None else headers | {"x-sim": json.dumps(script)}


def chat(house: House, model: str, stream: bool, script: dict | None, text: str, policy: str | None = None) -> Said:
    tool = {"type": "function", "function": {"name": "mail", "description": ABOUT, "parameters": TOOL}}
    params = {"model": model, "messages": [{"role": "user", "content": text}], "tools": [tool]}
    headers = headers_of(script, policy)
    if stream:
        state = ChatCompletionStreamState()
        for chunk in house.openai.chat.completions.create(**params, stream=True, extra_headers=headers):
            state.handle_chunk(chunk)
        answer = state.current_completion_snapshot
    else:
        answer = house.openai.chat.completions.create(**params, extra_headers=headers)
    message = answer.choices[0].message
    calls = [json.loads(call.function.arguments) for call in message.tool_calls or []]
    return Said(message.content or "", calls, answer)


def responses(house: House, model: str, stream: bool, script: dict | None, text: str, policy: str | None = None) -> Said:
    tool = {"type": "function", "name": "mail", "description": ABOUT, "parameters": TOOL, "strict": False}
    params = {"model": model, "input": text, "tools": [tool], "extra_headers": headers_of(script, policy)}
    if stream:
        deltas = {"response.output_text.delta": "", "response.function_call_arguments.delta": ""}
        with house.openai.responses.stream(**params) as events:
            for event in events:
                if event.type in deltas:
                    deltas[event.type] += event.delta
                answer = getattr(event, "response", None)
        # What grew and what is said whole in the end are the same.
        assert deltas["response.output_text.delta"] == answer.output_text
    else:
        answer = house.openai.responses.create(**params)
    calls = [json.loads(item.arguments) for item in answer.output if item.type == "function_call"]
    assert not stream or "".join(map(json.dumps, calls)) == "" or deltas["response.function_call_arguments.delta"]
    return Said(answer.output_text, calls, answer)


def messages(house: House, model: str, stream: bool, script: dict | None, text: str, policy: str | None = None) -> Said:
    tool = {"name": "mail", "description": ABOUT, "input_schema": TOOL}
    asked = [{"role": "user", "content": text}]
    params = {"model": model, "max_tokens": 1000, "messages": asked, "tools": [tool]}
    params["extra_headers"] = headers_of(script, policy)
    if stream:
        with house.anthropic.messages.stream(**params) as events:
            answer = events.get_final_message()
    else:
        answer = house.anthropic.messages.create(**params)
    words = "".join(block.text for block in answer.content if block.type == "text")
    return Said(words, [block.input for block in answer.content if block.type == "tool_use"], answer)


def gemini(house: House, model: str, stream: bool, script: dict | None, text: str, policy: str | None = None) -> Said:
    function = types.FunctionDeclaration(name="mail", description=ABOUT, parameters_json_schema=TOOL)
    options = types.GenerateContentConfig(
        http_options=types.HttpOptions(headers=headers_of(script, policy)),
        automatic_function_calling={"disable": True},
        tools=[types.Tool(function_declarations=[function])],
    )
    ask = house.genai.models.generate_content_stream if stream else house.genai.models.generate_content
    answer = ask(model=model, contents=text, config=options)
    answer = list(answer) if stream else [answer]
    contents = [chunk.candidates[0].content for chunk in answer if chunk.candidates]
    parts = [part for content in contents if content for part in content.parts or []]
    words = "".join(part.text or "" for part in parts if not part.thought)
    return Said(words, [part.function_call.args for part in parts if part.function_call], answer)


def converse(house: House, model: str, stream: bool, script: dict | None, text: str, policy: str | None = None) -> Said:
    house.boto_headers = headers_of(script, policy)
    tool = {"toolSpec": {"name": "mail", "description": ABOUT, "inputSchema": {"json": TOOL}}}
    asked = [{"role": "user", "content": [{"text": text}]}]
    params = {"modelId": model, "messages": asked, "toolConfig": {"tools": [tool]}}
    if not stream:
        answer = house.boto.converse(**params)
        content = answer["output"]["message"]["content"]
        words = "".join(block.get("text", "") for block in content)
        return Said(words, [block["toolUse"]["input"] for block in content if "toolUse" in block], answer)
    words, calls, events = "", {}, list(house.boto.converse_stream(**params)["stream"])
    for event in events:
        delta = event.get("contentBlockDelta", {})
        words += delta.get("delta", {}).get("text", "")
        if "toolUse" in delta.get("delta", {}):
            place = delta["contentBlockIndex"]
            calls[place] = calls.get(place, "") + delta["delta"]["toolUse"]["input"]
    return Said(words, [json.loads(call) for call in calls.values()], events)


FRONTS = {"openai": chat, "responses": responses, "anthropic": messages, "gemini": gemini, "converse": converse}


class Analyzer:
    """A service that answers as Presidio's analyzer does: it knows one person."""

    def __init__(self):
        self.asked, self.status, self.seconds = [], 200, 0.0
        analyzer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["content-length"])))
                analyzer.asked.append((self.path, question))
                threading.Event().wait(analyzer.seconds)
                start = question["text"].find(PERSON)
                person = {"entity_type": "PERSON", "start": start, "end": start + len(PERSON), "score": 0.85}
                body = json.dumps([person] if start >= 0 else []).encode()
                self.send_response(analyzer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
