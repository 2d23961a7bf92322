#!/usr/bin/env python3
"""A router drains under load (SIGUSR1): 200 requests a second over kept connections and new ones, WebSockets and a long
download; no request fails, every WebSocket is told to go, the process ends in time.

causeway-bench sends the requests, open loop, and its record proves their rate. Once the port is closed, as it is a while after
the signal, "connection refused" is the only thing that may be said to it.

CAUSEWAY_DRAIN_DOWNLOAD_SECONDS: how long the download takes, 6 by default; 30 is the real thing.
"""
import asyncio
import json
import os
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from asyncio_app import CLOSE, GOING_AWAY, App, masked_frame, open_websocket, read_frame  # noqa: E402
from router_peers import BIN, PATIENCE, Router  # noqa: E402

DOWNLOAD_SECONDS = float(os.environ.get("CAUSEWAY_DRAIN_DOWNLOAD_SECONDS", "6"))
RATE = 100  # a second over kept connections, and as many with a connection each
KEPT_CONNECTIONS = 20
BEFORE, DRAIN_WAIT = 2.0, 1.0  # seconds under load until the signal; then until connections are refused
WEBSOCKETS = 20
DRAIN_TIMEOUT = 60


class Load:
    def __init__(self, router, app):
        self.router, self.app, self.failed = router, app, []
        self.signalled = 0.0
        self.goodbyes = 0

    def draining(self):
        return self.signalled > 0

    async def requests(self, kind, *more):
        """RATE requests a second until the port has been closed for a while; their record."""
        record = f"{self.router.folder}/{kind}.json"
        bench = await asyncio.create_subprocess_exec(
            f"{BIN}/causeway-bench", "http", f"http://127.0.0.1:{self.router.port}/", "-H", "Host: app.example", "-H", f"X-Kind: {kind}",
            "--rate", str(RATE),
            "-c", str(KEPT_CONNECTIONS), "-d", f"{BEFORE + DRAIN_WAIT + 4:.0f}s", "--timeout", "30s", "--label", kind, "--json", record,
            *more, stdout=asyncio.subprocess.DEVNULL)
        assert await bench.wait() == 0, f"causeway-bench, {kind}"
        with open(record) as file:
            return json.load(file)

    async def websocket(self):
        reader, writer = await open_websocket(self.router.port)
        sent = echoed = 0
        try:
            while True:
                writer.write(masked_frame(struct.pack(">I", sent)))
                sent += 1
                first, payload = await read_frame(reader)
                if first == CLOSE:
                    assert payload == GOING_AWAY and self.draining(), payload
                    self.goodbyes += 1
                    writer.write(masked_frame(payload, CLOSE))
                    assert await reader.read() == b"", "nothing follows a close frame"
                    break
                assert payload == struct.pack(">I", echoed), payload
                echoed += 1
                await asyncio.sleep(0.1)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.failed.append(f"a WebSocket was cut: {error!r}")
        writer.close()

    async def download(self):
        try:
            head = await self.app.read_download(self.router.port)
            if not head.startswith(b"HTTP/1.1 200 "):
                self.failed.append(f"the download: {head!r}")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.failed.append(f"the download was cut: {error!r}")

    async def until_it_runs(self, *kinds):
        deadline = time.monotonic() + PATIENCE
        while not all(kind in self.app.answered for kind in kinds):
            assert time.monotonic() < deadline, f"the load does not begin: {self.app.answered}"
            await asyncio.sleep(0.01)


def check_record(record):
    """Everything due was sent, and answered with 200 or refused; before the drain all were answered."""
    kind, meant, replies = record["label"], record["meant"], record["replies"]
    sent_late_us = record["send_delay"]["percentiles_us"]["p50"]
    print(f"{kind} connections: {meant} requests due, {RATE} a second (half of them sent within {sent_late_us / 1000:.1f} ms); {replies} answered, "
          f"{record['errors'].get('refused', 0)} refused when the port was closed")
    assert meant == RATE * round(record["plan"]["duration_s"]), f"{kind}: {meant} were due"
    assert set(record["errors"]) <= {"refused"}, f"{kind}: {record['errors']}, {record['error_examples']}"
    assert record["statuses"] == {"200": replies} and record["unfinished"] == 0, f"{kind}: {record['statuses']}"
    assert replies + record["errors"].get("refused", 0) == meant, f"{kind}: {replies} of {meant}"
    # Nobody is refused before the drain has lasted for DRAIN_WAIT.
    assert replies >= RATE * (BEFORE + DRAIN_WAIT) * 0.8, f"{kind}: {replies} answered"
    assert record["errors"].get("refused", 0) > 0, f"{kind}: the port was never closed"


async def drain(router, app):
    load = Load(router, app)
    records = [asyncio.ensure_future(load.requests("kept")),
               asyncio.ensure_future(load.requests("new", "--close"))]
    tasks = [asyncio.ensure_future(load.websocket()) for _ in range(WEBSOCKETS)] + [asyncio.ensure_future(load.download())]
    await load.until_it_runs("kept", "new")
    await asyncio.sleep(BEFORE)
    assert not load.failed, load.failed
    load.signalled = time.monotonic()
    router.program.process.send_signal(signal.SIGUSR1)
    done, pending = await asyncio.wait(tasks + records, timeout=DRAIN_TIMEOUT)
    assert not pending, f"{len(pending)} clients were left alone"
    for task in done:
        task.result()
    code = await asyncio.get_running_loop().run_in_executor(None, router.program.process.wait, DRAIN_TIMEOUT)
    took = time.monotonic() - load.signalled
    print(f"{load.goodbyes} WebSockets said goodbye; the router ended after {took:.1f} s with {code}")
    for record in records:
        check_record(record.result())
    output = router.program.output()
    assert not load.failed, load.failed
    assert load.goodbyes == WEBSOCKETS, f"{load.goodbyes} of {WEBSOCKETS} WebSockets were told to go"
    assert code == 0 and "gorouter.stopped" in output and "router.drain.timed-out" not in output, output[-2000:]


async def main():
    app = await App(DOWNLOAD_SECONDS).start()
    loop = asyncio.get_running_loop()
    router = await loop.run_in_executor(None, Router, f"drain_wait: {DRAIN_WAIT:.0f}s\ndrain_timeout: {DRAIN_TIMEOUT}s\nendpoint_timeout: 90s\n"
                                        "websocket_drain_timeout: 4s\n", 2)
    try:
        await loop.run_in_executor(None, router.register, ["app.example"], app.port)
        await drain(router, app)
    finally:
        await loop.run_in_executor(None, router.stop)


asyncio.run(main())
