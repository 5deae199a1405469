"""What the end-to-end tests share: one gateway per topology, in front of two scripted providers.

Tests that change configuration, kill something or need another shape start a gateway of their own with `start`.
"""

import pathlib
import sys

import pytest
import trustme

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import sdk  # noqa: E402
import stack  # noqa: E402
from clients import CLIENT_KEY, Clients  # noqa: E402, F401

OPENAI_KEY = "sk-openai-secret-of-the-gateway"
CLAUDE_KEY = "sk-ant-secret-of-the-gateway"


def config(openai_url: str, claude_url: str, extra: str = "", providers: str = "") -> str:
    """Two providers; `fast` and `smart` begin with one and fall back to the other; `*-only` have one target.

    `providers` adds providers, `extra` adds models, and after them anything.
    """
    return f"""
providers:
  openai: {{ dialect: openai, url: "{openai_url}/v1", auth: {{ bearer: {OPENAI_KEY} }}, expose: true }}
  claude: {{ dialect: anthropic, url: "{claude_url}", auth: {{ header: x-api-key, value: {CLAUDE_KEY} }} }}
{providers}
models:
  openai-only: {{ targets: [ {{ provider: openai, model: gpt-4o-mini }} ] }}
  claude-only: {{ targets: [ {{ provider: claude, model: claude-haiku-4-5 }} ] }}
  fast:
    targets: [ {{ provider: openai, model: gpt-4o-mini }}, {{ provider: claude, model: claude-haiku-4-5 }} ]
    retry: {{ per_try_timeout: 20s }}
  smart:
    targets: [ {{ provider: claude, model: claude-sonnet-4-5 }}, {{ provider: openai, model: gpt-4o }} ]
    retry: {{ per_try_timeout: 20s }}
  strict:
    targets: [ {{ provider: claude, model: claude-haiku-4-5 }} ]
    losses: refuse
{extra}"""


class Stack(Clients):
    """A gateway and its two providers, with the clients that people use."""

    def __init__(
        self, folder: pathlib.Path, topology: str = "sidecar", extra: str = "", providers: str = "", **options
    ):
        self.openai_sim = stack.Simulator("openai", folder)
        self.claude_sim = stack.Simulator("claude", folder)
        self.gateway = stack.Gateway(
            folder / "gateway", config(self.openai_sim.base, self.claude_sim.base, extra, providers), topology, **options
        )
        super().__init__(self.gateway.base)

    def reset(self) -> None:
        self.openai_sim.reset()
        self.claude_sim.reset()

    def stop(self) -> None:
        self.close()
        for process in (self.gateway, self.openai_sim, self.claude_sim):
            process.stop()


@pytest.fixture(scope="session", params=["sidecar", "shared"])
def _topology_stack(request, tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp(request.param), request.param)
    yield started
    started.stop()


@pytest.fixture
def both(_topology_stack):
    """A gateway in each topology, with fresh providers."""
    _topology_stack.reset()
    return _topology_stack


@pytest.fixture(scope="session")
def _sidecar_stack(tmp_path_factory):
    started = Stack(tmp_path_factory.mktemp("sidecar"))
    yield started
    started.stop()


@pytest.fixture
def sidecar(_sidecar_stack):
    """A gateway beside its Envoy, with fresh providers."""
    _sidecar_stack.reset()
    return _sidecar_stack


@pytest.fixture
def start(tmp_path):
    """Starts gateways of the test's own; ends them with the test."""
    started = []

    def one(topology: str = "sidecar", extra: str = "", **options) -> Stack:
        folder = tmp_path / f"stack{len(started)}"
        folder.mkdir()
        started.append(Stack(folder, topology, extra, **options))
        return started[-1]

    yield one
    for each in started:
        each.stop()


@pytest.fixture(params=sdk.every_line(), ids=lambda line: sdk.name_of(*line))
def line(request, sidecar):
    """Every SDK with every provider, streamed and not."""
    return sdk.Line(sidecar, *request.param)


@pytest.fixture(params=filter(lambda line: sdk.translates(*line), sdk.every_line()), ids=lambda line: sdk.name_of(*line))
def crossing(request, sidecar):
    """The lines on which two dialects meet."""
    return sdk.Line(sidecar, *request.param)


class Certificates:
    """A certificate authority of the tests' own, and a certificate by it."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.authority = folder, trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca_file)

    def issue(self, *names: str) -> list[str]:
        """Options of the simulator: a certificate for these names or addresses."""
        issued = self.authority.issue_cert(*names)
        certificate, key = self.folder / f"{names[0]}.pem", self.folder / f"{names[0]}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return ["--tls-cert", str(certificate), "--tls-key", str(key)]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))
