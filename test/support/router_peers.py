"""What stands around the router under test: the router's process itself, a NATS server, a backend that records."""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from own_ports import free_port

SOURCE = os.environ.get("CAUSEWAY_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CAUSEWAY_BIN_DIR") or f"{SOURCE}/build/dev/bin"
PATIENCE = 30  # seconds that anything may take before it has failed


def until(is_true, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while True:
        answer = is_true()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A process that does not outlive the test; its output goes to a file."""

    def __init__(self, words, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=out, preexec_fn=end_with_parent)

    def output(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class Router:
    """The real binary with a NATS server of its own."""

    def __init__(self, settings="", workers=1, words=(), port=None):
        self.folder = tempfile.mkdtemp(prefix="causeway-conformance.")
        self.nats_port, self.port = free_port(), port or free_port()
        self.status_port, self.routes_port, self.metrics_port = free_port(), free_port(), free_port()
        self.nats = Program(["nats-server", "-a", "127.0.0.1", "-p", str(self.nats_port)], f"{self.folder}/nats.log")
        until(lambda: self._accepts(self.nats_port), "nats-server listens")
        self.config = f"{self.folder}/router.yml"
        with open(self.config, "w") as file:
            file.write(f"port: {self.port}\nworkers: {workers}\n"
                       f"status: {{host: 127.0.0.1, port: {self.status_port}, routes: {{port: {self.routes_port}}}}}\n"
                       f"prometheus: {{port: {self.metrics_port}}}\n"
                       f"nats: {{hosts: [{{hostname: 127.0.0.1, port: {self.nats_port}}}]}}\n"
                       "start_response_delay_interval: 50ms\ndisable_keep_alives: false\nmax_idle_conns_per_host: 100\n"
                       f"logging: {{level: info}}\naccess_log: {{file: {self.folder}/access.log}}\n" + settings)
        self.program = Program([f"{BIN}/router", "-c", self.config, *words], f"{self.folder}/router.log")
        until(lambda: "gorouter.started" in self.program.output() or self.program.process.poll() is not None, "the router starts")
        assert self.program.process.poll() is None, self.program.output()

    @staticmethod
    def _accepts(port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    def tell(self, subject, message):
        with socket.create_connection(("127.0.0.1", self.nats_port)) as nats:
            text = json.dumps(message).encode()
            nats.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nPUB %s %d\r\n%s\r\nPING\r\n'
                         % (subject.encode(), len(text), text))
            heard = b""
            while b"PONG" not in heard:
                heard += nats.recv(4096)

    def register(self, uris, port, **more):
        told = 0.0

        def is_known(uri):
            nonlocal told
            if time.monotonic() - told > 1:  # as a route-emitter does: the router may not have subscribed when it hears of it first
                told = time.monotonic()
                self.tell("router.register", dict({"host": "127.0.0.1", "port": port, "uris": uris}, **more))
            return self.status_of(uri) != 404

        for uri in uris:
            until(lambda uri=uri: is_known(uri), f"a route of {uri}")

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        client.settimeout(PATIENCE)
        return client

    def status_of(self, host, port=None):
        with socket.create_connection(("127.0.0.1", port or self.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(f"GET /warm-up HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            heard = client.recv(4096)
            return int(heard.split()[1]) if heard else 0

    def metrics(self):
        with socket.create_connection(("127.0.0.1", self.metrics_port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
            text = b""
            while piece := client.recv(65536):
                text += piece
        values = {}
        for line in text.decode().splitlines():
            if line and not line.startswith("#") and " " in line:
                name, _, value = line.rpartition(" ")
                try:
                    values[name] = float(value)
                except ValueError:
                    pass
        return values

    def memory_kib(self, field="VmRSS"):
        with open(f"/proc/{self.program.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field))

    def stop(self):
        code = self.program.stop()
        self.nats.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Broken(Exception):
    """A peer's bytes are not HTTP/1.1 as a strict reader wants it."""


class Reader:
    """Reads messages off a socket: strict, and written from the RFC alone, so that it shares no mistake with the router."""

    def __init__(self, peer):
        self.peer, self.kept, self.raw, self.ended = peer, b"", b"", False

    def fill(self):
        try:
            piece = self.peer.recv(65536)
        except socket.timeout:
            raise
        except OSError:
            piece = b""
        if not piece:
            self.ended = True
            return False
        self.raw += piece
        self.kept += piece
        return True

    def line(self):
        while b"\r\n" not in self.kept:
            if not self.fill():
                raise EOFError
        line, _, self.kept = self.kept.partition(b"\r\n")
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Broken(f"line {line!r}")
        return line

    def exactly(self, size):
        while len(self.kept) < size:
            if not self.fill():
                raise EOFError
        data, self.kept = self.kept[:size], self.kept[size:]
        return data

    def fields(self):
        fields = []
        while line := self.line():
            name, colon, value = line.partition(b":")
            if not colon or not name or any(c <= 0x20 or c >= 0x7f or c in b'()<>@,;:\\"/[]?={}' for c in name):
                raise Broken(f"field {line!r}")
            fields.append((name.lower(), value.strip(b" \t")))
        return fields

    def chunks(self):
        body = b""
        while True:
            size = self.line()
            if not size or any(c not in b"0123456789abcdefABCDEF" for c in size):
                raise Broken(f"chunk size {size!r}")
            count = int(size, 16)
            if count == 0:
                self.fields()
                return body
            body += self.exactly(count)
            if self.exactly(2) != b"\r\n":
                raise Broken("chunk end")

    def framed_body(self, fields):
        lengths = [value for name, value in fields if name == b"content-length"]
        codings = [value for name, value in fields if name == b"transfer-encoding"]
        if len(lengths) + len(codings) > 1:
            raise Broken(f"framed twice: {lengths} {codings}")
        if codings:
            if codings[0] != b"chunked":
                raise Broken(f"coding {codings[0]!r}")
            return self.chunks()
        if lengths:
            if not lengths[0].isdigit():
                raise Broken(f"length {lengths[0]!r}")
            return self.exactly(int(lengths[0]))
        return None


class Accepting:
    """Listens; each connection has a thread of its own, in serve(peer), from start() on."""

    def __init__(self, backlog=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.lock, self.accepted = threading.Lock(), 0

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()


class Recorder(Accepting):
    """A backend that notes every request it understands and every byte it got, and answers as the case says. The answer goes
    out when the request is whole; `reply-early` when its head is there, and `reply-rest` when the request is whole (after a 100 it
    is the usual answer), `reply-early-close` when its head is there and then nothing more is read; `reply-close` and `reply-reset` end the connection
    afterwards."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self):
        super().__init__()
        self.readers = []
        self.begin()
        self.start()

    def begin(self, replies=()):
        with self.lock:
            self.requests, self.broken, self.raw, self.pending = [], [], [], 0
            self.replies = list(replies)

    def seen(self):
        with self.lock:
            return list(self.requests), list(self.broken), b"".join(self.raw)

    def has_received(self, text):
        with self.lock:
            return any(text in reader.raw for reader in self.readers)

    def serve(self, peer):
        reader = Reader(peer)
        with self.lock:
            self.readers.append(reader)
        try:
            while self._one(reader, peer):
                pass
        except EOFError:
            pass
        except Broken as error:
            with self.lock:
                self.broken.append(str(error))
        finally:
            peer.close()
            with self.lock:
                self.readers.remove(reader)
                self.raw.append(reader.raw)

    def _one(self, reader, peer):
        reader.raw = reader.kept
        if not reader.kept and not reader.fill():
            return False
        method, target, body = b"", b"", None
        with self.lock:
            self.pending += 1
        try:
            parts = reader.line().split(b" ")
            if len(parts) != 3 or parts[2] != b"HTTP/1.1":
                raise Broken(f"request line {parts!r}")
            method, target = parts[:2]
            fields = reader.fields()
            own = [name for name, _ in fields if name == b"x-vcap-request-id"]
            if len(own) != 1:
                raise Broken(f"{len(own)} request ids: this did not come from the router as a request")
            with self.lock:
                reply, kind, rest = self.replies.pop(0) if self.replies else (self.ANSWER, "reply", b"")
            if kind.startswith("reply-early"):
                peer.sendall(reply)
            if kind == "reply-early-close":
                return False
            body = reader.framed_body(fields) or b""
            if kind == "reply-early":
                reply = self.ANSWER if reply.startswith(b"HTTP/1.1 100") else rest
        finally:
            with self.lock:
                self.pending -= 1
                self.raw.append(reader.raw[:len(reader.raw) - len(reader.kept)])
                if method and target != b"/warm-up":
                    self.requests.append((method, target, body))
                if not method and reader.ended:
                    self.broken.append(f"a head that ends early: {reader.raw!r}")
            reader.raw = reader.kept
        peer.sendall(reply)
        if kind == "reply-reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return kind not in ("reply-close", "reply-reset")
