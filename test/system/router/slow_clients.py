#!/usr/bin/env python3
"""Two thousand clients that send a byte of their head a second, two thousand that read a byte a second: others are served beside
them, memory stays bounded, and all of them are cut when the configured times are over.

usage: slow_clients.py            as a test: short times
       slow_clients.py hold SEC   keeps them there for that long with times that cut nobody, and says where; for measuring beside
"""
import errno
import os
import resource
import selectors
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from router_peers import PATIENCE, Reader, Router, until  # noqa: E402

COUNT = 2000
BIG = 400_000  # bytes of a reply: more than the kernel and the router hold for a slow reader
TCP_ESTABLISHED = 1
HEAD = b"GET /dribble HTTP/1.1\r\nHost: app.example\r\nX-Slow: " + b"x" * 10000
# 64 KiB and a read of 64 KiB are the limit of each reader (doc/limits.md); the rest is the process itself.
MEMORY_KIB_MAX = COUNT * 128 + 100_000


class App:
    """Answers /big with BIG bytes, everything else with two; one thread for all connections."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.waiting = {}
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            for key, events in self.selector.select():
                if key.data is None:
                    self.accept()
                    continue
                try:
                    self.serve(key.fileobj, events)
                except OSError as error:
                    if error.errno != errno.EAGAIN:
                        self.close(key.fileobj)

    def accept(self):
        try:
            while True:
                peer, _ = self.listener.accept()
                peer.setblocking(False)
                self.selector.register(peer, selectors.EVENT_READ, "peer")
        except BlockingIOError:
            pass

    def close(self, peer):
        self.waiting.pop(peer, None)
        self.selector.unregister(peer)
        peer.close()

    def serve(self, peer, events):
        if events & selectors.EVENT_READ:
            request = peer.recv(65536)
            if not request:
                return self.close(peer)
            size = BIG if b"/big" in request else 2
            self.waiting[peer] = self.waiting.get(peer, b"") + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"b" * size
        if self.waiting.get(peer):
            self.waiting[peer] = self.waiting[peer][peer.send(self.waiting[peer]):]
        self.selector.modify(peer, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.waiting.get(peer) else 0), "peer")
        return None


class Slow:
    """One slow client."""

    def __init__(self, port, reads):
        self.socket, self.reads, self.place, self.heard = socket.socket(), reads, 0, b""
        # Small kernel buffers, as of a client far away.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.connect(("127.0.0.1", port))
        if reads:
            self.socket.sendall(b"GET /big HTTP/1.1\r\nHost: app.example\r\n\r\n")
        self.socket.setblocking(False)
        self.is_cut = False

    def step(self):
        """A byte. Notes when the router has cut it off."""
        try:
            if self.reads:
                # A reset stands behind the bytes that are still to be read: the connection's state tells of it.
                state = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
                byte = self.socket.recv(1)
                self.is_cut = not byte or state != TCP_ESTABLISHED
                self.heard += byte
                return
            self.socket.send(HEAD[self.place:self.place + 1])
            self.place += 1
            try:
                heard = self.socket.recv(4096)
                self.heard += heard
                self.is_cut = not heard
            except BlockingIOError:
                pass
        except BlockingIOError:
            pass
        except OSError:
            self.is_cut = True

    def rest(self):
        """What the kernel still has for a client that was cut."""
        try:
            while piece := self.socket.recv(65536):
                self.heard += piece
        except OSError:
            pass
        self.socket.close()


class Beside:
    """A client like others, all the while."""

    def __init__(self, router):
        self.router, self.times, self.wrong, self.ends = router, [], [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client = self.router.connect()
        reader = Reader(client)
        while not self.ends:
            began = time.monotonic()
            client.sendall(b"GET / HTTP/1.1\r\nHost: app.example\r\n\r\n")
            try:
                line = reader.line()
                if not line.startswith(b"HTTP/1.1 200 ") or reader.framed_body(reader.fields()) is None:
                    self.wrong.append(line)
            except (EOFError, OSError) as error:
                self.wrong.append(repr(error))
                return
            self.times.append(time.monotonic() - began)
            time.sleep(0.005)

    def end(self):
        self.ends = True
        self.thread.join()
        self.times.sort()
        print(f"beside them: {len(self.times)} requests, p50 {self.times[len(self.times) // 2] * 1000:.1f} ms, "
              f"p99 {self.times[len(self.times) * 99 // 100] * 1000:.1f} ms")
        return self.wrong


def main():
    holds = float(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[1] == "hold" else 0
    need = 3 * COUNT + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < need:
        sys.exit(f"{need} descriptors are needed, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
    app = App()
    times = ("600s", "600s") if holds else ("4s", "6s")
    router = Router(f"read_header_timeout: {times[0]}\nendpoint_timeout: {times[1]}\nfrontend_idle_timeout: 900s\n")
    router.register(["app.example"], app.port)
    before = router.metrics()
    beside = Beside(router)
    clients = []
    for number in range(2 * COUNT):
        clients.append(Slow(router.port, reads=number % 2 == 1))
        if number % 40 == 0:
            for client in clients[-40:]:
                client.step()
    print(f"{len(clients)} slow clients on 127.0.0.1:{router.port}, app.example", flush=True)
    began = time.monotonic()
    while time.monotonic() - began < (holds or PATIENCE * 3):
        round_began = time.monotonic()
        for client in clients:
            if not client.is_cut:
                client.step()
        if not holds and all(client.is_cut for client in clients):
            break
        time.sleep(max(0.0, 1 - (time.monotonic() - round_began)))
    took = time.monotonic() - began
    wrong = beside.end()
    peak = router.memory_kib("VmHWM")
    print(f"all cut after {took:.0f} s; the router's memory was {peak // 1024} MiB at most" if not holds else f"held for {took:.0f} s")
    if not holds:
        for client in clients:
            client.rest()
        left = sum(not client.is_cut for client in clients)
        assert left == 0, f"{left} were not cut"
        refused = sum(client.heard.startswith(b"HTTP/1.1 408 ") for client in clients if not client.reads)
        assert refused == COUNT, f"{refused} of {COUNT} slow senders were answered 408"
        whole = sum(len(client.heard) >= BIG for client in clients if client.reads)
        assert whole == 0, f"{whole} slow readers got everything: the kernel held it"
        until(lambda: router.metrics()["request_head_timeouts"] - before.get("request_head_timeouts", 0) == COUNT, "all are counted")
        until(lambda: router.metrics()["client_connections"] == 0, "all client connections are gone")
        until(lambda: router.metrics()["backend_connections"] == router.metrics()["backend_connections_idle"], "no lease is left")
        assert peak < MEMORY_KIB_MAX, f"{peak} KiB"
    assert not wrong, f"others saw {wrong[:3]}"
    code = router.stop()
    assert code == 0, f"the router ended with {code}"


if __name__ == "__main__":
    main()
