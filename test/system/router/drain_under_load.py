#!/usr/bin/env python3
"""A router drains under load (SIGUSR1): kept connections, new ones, WebSockets and a long download; no request fails, every
WebSocket is told to go, the process ends in time.

CAUSEWAY_DRAIN_DOWNLOAD_SECONDS: how long the download takes, 6 by default; 30 is the real thing.
"""
import asyncio
import os
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from router_peers import Router  # noqa: E402

DOWNLOAD_SECONDS = float(os.environ.get("CAUSEWAY_DRAIN_DOWNLOAD_SECONDS", "6"))
DOWNLOAD_PIECES = int(DOWNLOAD_SECONDS * 10)
PIECE = b"d" * 20000
KEPT_CONNECTIONS, KEPT_PAUSE = 20, 0.2     # 100 requests a second
NEW_PAUSE = 0.01                           # 100 a second, each on a connection of its own
WEBSOCKETS = 20
DRAIN_TIMEOUT = 60
HEAD = b"GET /%s HTTP/1.1\r\nHost: app.example\r\n%s\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"


async def serve(reader, writer):
    """The app: plain replies, /download, /ws (echoes frames)."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/ws " in head:
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + UPGRADE + b"\r\n")
                while True:
                    first, payload = await read_frame(reader)
                    writer.write(first + bytes([len(payload)]) + payload)
                    if first == b"\x88":
                        break
                break
            if b"/download " in head:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (DOWNLOAD_PIECES * len(PIECE)))
                for _ in range(DOWNLOAD_PIECES):
                    writer.write(PIECE)
                    await writer.drain()
                    await asyncio.sleep(0.1)
                continue
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


async def read_frame(reader):
    """(first byte, payload unmasked)"""
    first, second = await reader.readexactly(2)
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    payload = await reader.readexactly(second & 0x7f)
    return bytes([first]), bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Load:
    def __init__(self, router):
        self.router, self.served, self.failed = router, 0, []
        self.signalled = 0.0
        self.served_after_signal = 0
        self.refused = 0
        self.goodbyes = 0

    def draining(self):
        return self.signalled > 0

    def count(self, kind, started, outcome):
        if outcome == 200:
            self.served += 1
            self.served_after_signal += self.draining()
        else:
            self.failed.append(f"{kind} after {time.monotonic() - started:.3f} s, "
                               f"{started - self.signalled:.3f} s from the signal: {outcome}")

    async def connect(self):
        """None when the port is closed, as it is once a drain has gone on for a while."""
        try:
            return await asyncio.open_connection("127.0.0.1", self.router.port)
        except OSError as error:
            if not self.draining():
                self.failed.append(f"connect: {error}")
            self.refused += 1
            return None

    async def one(self, kind, reader, writer, lines=b""):
        """Whether the connection may be used again."""
        started = time.monotonic()
        try:
            writer.write(HEAD % (b"", lines))
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(2)
            self.count(kind, started, 200 if head.startswith(b"HTTP/1.1 200 ") and body == b"ok" else head)
            return b"Connection: close" not in head
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.count(kind, started, repr(error))
            return False

    async def kept(self):
        while True:
            pair = await self.connect()
            if pair is None:
                return
            reader, writer = pair
            while True:
                await asyncio.sleep(KEPT_PAUSE)
                if reader.at_eof() or not await self.one("kept connection", reader, writer):
                    break
            writer.close()

    async def fresh(self):
        pair = await self.connect()
        if pair:
            await self.one("new connection", *pair, b"Connection: close\r\n")
            pair[1].close()

    async def all_fresh(self):
        running = set()
        while self.refused == 0:
            task = asyncio.ensure_future(self.fresh())
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(NEW_PAUSE)
        if running:
            await asyncio.wait(running)

    async def websocket(self):
        reader, writer = await self.connect()
        writer.write(HEAD % (b"ws", UPGRADE))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        sent = echoed = 0
        try:
            while True:
                writer.write(b"\x82\x84mask" + bytes(a ^ b for a, b in zip(struct.pack(">I", sent), b"mask")))
                sent += 1
                first, payload = await read_frame(reader)
                if first == b"\x88":
                    assert payload == struct.pack(">H", 1001) and self.draining(), payload
                    self.goodbyes += 1
                    writer.write(b"\x88\x82mask" + bytes(a ^ b for a, b in zip(payload, b"mask")))
                    assert await reader.read() == b"", "nothing follows a close frame"
                    break
                assert payload == struct.pack(">I", echoed), payload
                echoed += 1
                await asyncio.sleep(0.1)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.failed.append(f"a WebSocket was cut: {error!r}")
        writer.close()

    async def download(self):
        started = time.monotonic()
        reader, writer = await self.connect()
        writer.write(HEAD % (b"download", b""))
        head = await reader.readuntil(b"\r\n\r\n")
        try:
            await reader.readexactly(DOWNLOAD_PIECES * len(PIECE))
            self.count("download", started, 200 if head.startswith(b"HTTP/1.1 200 ") else head)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.count("download", started, repr(error))
        writer.close()


async def drain(router):
    load = Load(router)
    tasks = [asyncio.ensure_future(load.kept()) for _ in range(KEPT_CONNECTIONS)]
    tasks += [asyncio.ensure_future(load.websocket()) for _ in range(WEBSOCKETS)]
    tasks += [asyncio.ensure_future(load.all_fresh()), asyncio.ensure_future(load.download())]
    await asyncio.sleep(1.5)
    assert load.served > 0 and not load.failed, load.failed
    before = load.served
    load.signalled = time.monotonic()
    router.program.process.send_signal(signal.SIGUSR1)
    done, pending = await asyncio.wait(tasks, timeout=DRAIN_TIMEOUT)
    assert not pending, f"{len(pending)} clients were left alone"
    for task in done:
        task.result()
    code = await asyncio.get_running_loop().run_in_executor(None, router.program.process.wait, DRAIN_TIMEOUT)
    took = time.monotonic() - load.signalled
    print(f"{load.served} requests served, {load.served_after_signal} of them after the signal ({before} before); "
          f"{load.goodbyes} WebSockets said goodbye; the router ended after {took:.1f} s with {code}")
    for what in load.failed[:20]:
        print(f"failed: {what}")
    output = router.program.output()
    assert not load.failed, f"{len(load.failed)} failed"
    assert load.served_after_signal > 0
    assert load.goodbyes == WEBSOCKETS, f"{load.goodbyes} of {WEBSOCKETS} WebSockets were told to go"
    assert code == 0 and "gorouter.stopped" in output and "router.drain.timed-out" not in output, output[-2000:]


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    router = await loop.run_in_executor(None, Router, f"drain_wait: 1s\ndrain_timeout: {DRAIN_TIMEOUT}s\nendpoint_timeout: 90s\n"
                                        "websocket_drain_timeout: 4s\n", 2)
    try:
        await loop.run_in_executor(None, router.register, ["app.example"], port)
        await drain(router)
    finally:
        await loop.run_in_executor(None, router.stop)


asyncio.run(main())
