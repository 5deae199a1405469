"""Starts the whole thing on one machine: provider simulators, `attache serve`, a real Envoy.

`make run` runs it as a program, the tests as a module. Whatever it starts ends with it: by pid, also after a crash.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROFILE = os.environ.get("ATTACHE_PROFILE", "debug")


def binary(name: str) -> pathlib.Path:
    """A binary of this project, built before."""
    path = TARGET / PROFILE / name
    if not path.exists():
        sys.exit(f"{path} is missing; run `make build-tests` (or set ATTACHE_PROFILE)")
    return path


def envoy_binary() -> str:
    """ENVOY=, then an `envoy` on PATH, then the one that the project's virtual environment brings."""
    found = os.environ.get("ENVOY") or shutil.which("envoy") or str(ROOT / ".venv/bin/envoy")
    if not pathlib.Path(found).exists():
        sys.exit("no Envoy: set ENVOY=/path/to/envoy, put one on PATH, or run `make venv`")
    return found


def _ports() -> list[int]:
    """What `free_port` gives: nothing from the range out of which the kernel serves outgoing connections.

    A port from that range may be taken by any connection in the seconds until the child listens on it.
    """
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    everything = range(10_000, 65_536)
    found = [port for port in everything if not first <= port <= last] or list(everything)
    random.shuffle(found)
    return found


_unused_ports = _ports()


def free_port() -> int:
    """A loopback port that nobody uses, and that this process gives to nobody else."""
    while True:
        port = _unused_ports.pop()
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return port


def _die_with_parent() -> None:
    # PR_SET_PDEATHSIG: the kernel ends the child when we are killed.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Process:
    """One child process, its output in a file."""

    def __init__(self, name: str, argv: list, folder: pathlib.Path, env: dict | None = None, cwd=None):
        self.name, self.argv, self.env = name, [str(a) for a in argv], {**os.environ, **(env or {})}
        self.out_path, self.err_path = folder / f"{name}.out", folder / f"{name}.err"
        for path in (self.out_path, self.err_path):
            path.unlink(missing_ok=True)
        self.cwd = cwd or folder
        self.start()

    def start(self) -> None:
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen(
                self.argv, stdout=out, stderr=err, env=self.env, cwd=self.cwd, preexec_fn=_die_with_parent
            )

    @property
    def pid(self) -> int:
        return self.child.pid

    def out(self) -> str:
        """The whole lines that it wrote so far; a line may be half written when it is read."""
        return whole_lines(self.out_path)

    def err(self) -> str:
        return whole_lines(self.err_path)

    def wait_for_log(self, *words: str, after: str = "") -> str:
        """Waits until its log says all of this (from the last `after` on); gives that part of the log."""

        def said():
            _, _, log = self.err().rpartition(after) if after else ("", "", self.err())
            return all(word in log for word in words) and log

        return self.wait_for(said, f"words {words} in the log")

    def wait_for_line(self, *words: str) -> str:
        """Waits for a line of its log that says all of this; gives that line."""

        def said():
            return next((line for line in self.err().splitlines() if all(word in line for word in words)), None)

        return self.wait_for(said, f"line in the log with {words}")

    def wait_for(self, ready, what: str, seconds: float = 60.0):
        """Waits until `ready()` gives something; fails with the process's own words."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.name} ended ({self.child.returncode}) before {what}:\n{self.err()[-4000:]}")
            with contextlib.suppress(OSError):
                if found := ready():
                    return found
            time.sleep(0.02)
        raise RuntimeError(f"{self.name}: no {what} within {seconds} s:\n{self.err()[-4000:]}")

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 5.0) -> None:
        if self.child.poll() is None:
            self.child.send_signal(sig)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def whole_lines(path: pathlib.Path) -> str:
    text = path.read_text(errors="replace")
    return text[: text.rfind("\n") + 1]


def wait_until(holds, what: str, seconds: float = 30.0):
    """Waits for a condition; gives what it gave. Who waits that long has failed: a busy machine takes its time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds} s there was no {what}")
        time.sleep(0.02)
    return found


def now_ms() -> int:
    """A moment, as usage records tell when an exchange began."""
    return time.time_ns() // 1_000_000


def get(url: str, method: str = "GET", data=None, timeout: float = 30.0) -> bytes:
    """One small HTTP request to an admin interface on this machine."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body, method=method)
    # A simulator with a certificate of the tests' own; what Envoy thinks of it is what is tested.
    context = ssl._create_unverified_context() if url.startswith("https:") else None
    with urllib.request.urlopen(request, timeout=timeout, context=context) as response:
        return response.read()


class Simulator(Process):
    """A scripted provider."""

    def __init__(self, name: str, folder: pathlib.Path, port: int = 0, args: list | None = None, tls: bool = False):
        listen = f"127.0.0.1:{port}"
        argv = [binary("simulator"), "--listen", listen, "--name", name, *(args or [])]
        super().__init__(f"sim-{name}", argv, folder)
        line = self.wait_for(lambda: self.out().strip(), "line that it listens")
        self.port = int(line.rsplit(":", 1)[1])
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, **script) -> None:
        """The default script from now on."""
        get(f"{self.base}/_sim/script", "PUT", script)

    def queue(self, *scripts: dict) -> None:
        """A script for each of the next requests."""
        get(f"{self.base}/_sim/queue", "POST", list(scripts))

    def requests(self) -> list[dict]:
        """What has come in."""
        return json.loads(get(f"{self.base}/_sim/requests"))

    def stats(self) -> dict:
        return json.loads(get(f"{self.base}/_sim/stats"))

    def reset(self) -> None:
        """Forgets scripts and requests."""
        self.script()
        get(f"{self.base}/_sim/queue", "DELETE")
        get(f"{self.base}/_sim/requests", "DELETE")


class Gateway:
    """`attache serve` and an Envoy with the bootstrap that `attache envoy` prints."""

    def __init__(
        self,
        folder: pathlib.Path,
        config: str,
        topology: str = "sidecar",
        env: dict | None = None,
        edit_bootstrap=None,
        grpc: str | None = None,
        concurrency: int = 1,
        ports: tuple[int, int, int] | None = None,
        service: str = "",
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.topology, self.env = folder, topology, env or {}
        self.service_fields = service
        self.port, self.admin_port, self.envoy_admin_port = ports or (free_port(), free_port(), free_port())
        # A unix socket's path may have 107 bytes; test folders are longer.
        self.socket_folder = tempfile.mkdtemp(prefix="attache-")
        self.socket_path = pathlib.Path(self.socket_folder) / "grpc.sock"
        self.grpc = grpc or f"unix:{self.socket_path}"
        self.config_path = folder / "attache.yaml"
        self.write_config(config)
        self.attache = Process("attache", [binary("attache"), "serve", "--config", self.config_path], folder, self.env)
        self.attache.wait_for(self.is_ready, "answer of /readyz")
        self.bootstrap_path = folder / "envoy.yaml"
        printed = self.print_bootstrap()
        self.bootstrap_path.write_text(edit_bootstrap(printed) if edit_bootstrap else printed)
        argv = [envoy_binary(), "-c", self.bootstrap_path, "--concurrency", concurrency, "--disable-hot-restart"]
        # The access log comes at once, so that tests need not wait for it.
        argv += ["--log-level", "warning", "--file-flush-interval-msec", "50"]
        self.envoy = Process("envoy", argv, folder)
        ready = f"http://127.0.0.1:{self.envoy_admin_port}/ready"
        self.envoy.wait_for(lambda: get(ready).startswith(b"LIVE"), "answer of Envoy's /ready")
        self.base = f"http://127.0.0.1:{self.port}"

    def write_config(self, config: str) -> None:
        """Writes the configuration; addresses come first, so `config` need not know them."""
        self.config_path.write_text(self.with_addresses(config))

    def with_addresses(self, config: str) -> str:
        head = (
            f"listen: 127.0.0.1:{self.port}\n"
            f'service: {{ grpc: "{self.grpc}", admin: "127.0.0.1:{self.admin_port}"{self.service_fields} }}\n'
        )
        if "\nenvoy:" not in f"\n{config}":
            # Only `--topology hybrid` has Envoy read filters from there.
            filters = TARGET / "wasm-filters"
            head += f'envoy: {{ admin: "127.0.0.1:{self.envoy_admin_port}", wasm: "{filters}" }}\n'
        config = config.replace("ENVOY_ADMIN", f"127.0.0.1:{self.envoy_admin_port}")
        return head + config

    def print_bootstrap(self) -> str:
        argv = [binary("attache"), "envoy", "--config", self.config_path, "--topology", self.topology]
        printed = subprocess.run(argv, env={**os.environ, **self.env}, capture_output=True, text=True)
        if printed.returncode != 0:
            raise RuntimeError(printed.stderr)
        return printed.stdout

    def is_ready(self) -> bool:
        return get(f"http://127.0.0.1:{self.admin_port}/readyz") == b"ready\n"

    def metrics(self) -> str:
        return get(f"http://127.0.0.1:{self.admin_port}/metrics").decode()

    def records(self, since_ms: int = 0) -> list[dict]:
        """All usage records so far, of exchanges that began at this moment or later. How many there are says nothing of which
        exchange a record is: that of an earlier one may still come."""
        records = [json.loads(line) for line in self.attache.out().splitlines() if line.startswith("{")]
        return [record for record in records if record["started_unix_ms"] >= since_ms]

    def record(self, request_id: str) -> dict:
        """The usage record of one exchange; waits for it."""
        found = wait_until(
            lambda: [record for record in self.records() if record["request_id"] == request_id], f"record of {request_id}"
        )
        assert len(found) == 1, f"booked more than once: {found}"
        return found[0]

    def record_since(self, since_ms: int) -> dict:
        """The record of the one exchange since then, whose id its client never learned; waits for it."""
        found = wait_until(lambda: self.records(since_ms), "usage record")
        assert len(found) == 1, found
        return found[0]

    def access_log(self) -> list[dict]:
        return [json.loads(line) for line in self.envoy.out().splitlines() if line.startswith("{")]

    def stop(self) -> None:
        self.envoy.stop()
        self.attache.stop()
        shutil.rmtree(self.socket_folder, ignore_errors=True)


def run(config: pathlib.Path, folder: pathlib.Path) -> None:
    """`make run`: a configuration on its own ports, with simulators for every provider that has no key."""
    folder.mkdir(exist_ok=True)
    env, started = {}, []
    try:
        for name, key in [("openai", "OPENAI"), ("anthropic", "ANTHROPIC")]:
            if not os.environ.get(f"{key}_API_KEY"):
                simulator = Simulator(name, folder)
                started.append(simulator)
                suffix = "/v1" if name == "openai" else ""
                env |= {f"{key}_BASE_URL": simulator.base + suffix, f"{key}_API_KEY": "sk-simulated"}
                print(f"{key}_API_KEY is not set: provider `{name}` is simulated at {simulator.base}", flush=True)
        started.append(Process("attache", [binary("attache"), "serve", "--config", config], folder, env, cwd=ROOT))
        wait_and_serve(started, config, env, folder)
    finally:
        for process in reversed(started):
            process.stop()


def wait_and_serve(started: list, config: pathlib.Path, env: dict, folder: pathlib.Path) -> None:
    attache = started[-1]
    gateway, admin, envoy_admin = addresses_of(config)
    attache.wait_for(lambda: get(f"http://{admin}/readyz") == b"ready\n", "answer of /readyz")
    printed = subprocess.run(
        [binary("attache"), "envoy", "--config", config],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        # Files in a configuration are named from here.
        cwd=ROOT,
    )
    if printed.returncode != 0:
        sys.exit(printed.stderr)
    (folder / "envoy.yaml").write_text(printed.stdout)
    argv = [envoy_binary(), "-c", folder / "envoy.yaml", "--disable-hot-restart", "--log-level", "warning"]
    envoy = Process("envoy", argv, folder, cwd=ROOT)
    started.append(envoy)
    envoy.wait_for(lambda: get(f"http://{envoy_admin}/ready").startswith(b"LIVE"), "answer of Envoy's /ready")
    print(f"Envoy answers at http://{gateway}, Attaché's admin at http://{admin}. Ctrl-C ends both.", flush=True)
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: sys.exit(0))
    while all(process.child.poll() is None for process in started):
        time.sleep(0.2)
    dead = [process for process in started if process.child.poll() is not None]
    sys.exit("\n".join(f"{p.name} ended:\n{p.err()[-4000:]}" for p in dead))


def addresses_of(config: pathlib.Path) -> tuple[str, str, str]:
    """Where the gateway, Attaché's admin and Envoy's admin listen, by a configuration."""
    written = yaml.safe_load(config.read_text())
    return (
        written.get("listen", "127.0.0.1:10000"),
        written.get("service", {}).get("admin", "127.0.0.1:9090"),
        written.get("envoy", {}).get("admin", "127.0.0.1:9901"),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "examples/quickstart/attache.yaml")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".run", help="for logs and what is printed")
    arguments = parser.parse_args()
    run(arguments.config.resolve(), arguments.folder.resolve())
