"""Many clients at once, as light as they come: HTTP/1.1 by hand on asyncio, a connection each."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def request(path: str, body: dict, script: dict | None = None, headers: dict | None = None) -> bytes:
    """A POST; `script` is for the simulated provider."""
    payload = json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "host: gateway", "content-type: application/json", "connection: close"]
    head += [f"content-length: {len(payload)}", "authorization: Bearer client"]
    head += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if script is not None:
        head.append(f"x-sim: {json.dumps(script)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + payload


async def ask(port: int, message: bytes) -> Answer:
    """Sends a message and takes the whole answer; one that is cut short raises `IncompleteReadError`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(message)
        await writer.drain()
        return await answer(reader)
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> Answer:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join([chunk async for chunk in chunks(reader)])
    else:
        body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(status_line.split()[1]), headers, body)


async def chunks(reader: asyncio.StreamReader):
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")


async def ask_often(port: int, message: bytes, count: int, seconds_to_open: float = 0.0) -> list[Answer | Exception]:
    """The same message from many clients, started evenly within a time."""

    async def one(i: int) -> Answer:
        await asyncio.sleep(seconds_to_open * i / count)
        return await ask(port, message)

    return await asyncio.gather(*(one(i) for i in range(count)), return_exceptions=True)
