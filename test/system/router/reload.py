#!/usr/bin/env python3
"""SIGHUP reads the configuration again: what can change does, for what begins from then on; what cannot is named; a file that is not
good changes nothing."""
import os
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from router_peers import PATIENCE, Accepting, Router, free_port, until  # noqa: E402


class Backend(Accepting):
    """Answers each request with its head, `/slow` only when it is told to, and notes how many connections came."""

    def __init__(self):
        super().__init__()
        self.go_on, self.slow = threading.Event(), 0
        self.start()

    def serve(self, peer):
        heard = b""
        while True:
            while b"\r\n\r\n" not in heard:
                piece = peer.recv(65536)
                if not piece:
                    return
                heard += piece
            head, _, heard = heard.partition(b"\r\n\r\n")
            if b" /slow " in head:
                self.slow += 1
                self.go_on.wait(PATIENCE)
            peer.sendall(b"HTTP/1.1 200 OK\r\nX-Secret: s\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head))


class Reloadable:
    def __init__(self, router):
        self.router = router
        with open(router.config) as file:
            self.first = file.read()

    def write(self, more, replaced=(), settings=None):
        text = self.first if settings is None else settings
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new)
        with open(self.router.config, "w") as file:
            file.write(text + more)

    def hang_up(self, *args, **named):
        """The log's new lines; returns when the reload is done, well or not."""
        self.write(*args, **named)
        before = len(self.router.program.output())
        self.router.program.process.send_signal(signal.SIGHUP)
        until(lambda: re.search('"config-reload(ed|-failed)"', self.router.program.output()[before:]), "a reload")
        return self.router.program.output()[before:]

    def ask(self, target="/", lines="", client=None):
        own = client or self.router.connect()
        own.sendall(f"GET {target} HTTP/1.1\r\nHost: app.example\r\n{lines}\r\n".encode())
        return self.answer(own) if client is None else None

    @staticmethod
    def answer(client):
        heard = b""
        while b"\r\n\r\n" not in heard:
            piece = client.recv(65536)
            assert piece, heard
            heard += piece
        head, _, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length[1]):
            body += client.recv(65536)
        return (head + b"\r\n\r\n" + body).decode()


def header_rules(it, backend):
    """Rules for replies and requests; a request under way keeps the ones it began with."""
    assert "X-Secret: s" in it.ask() and "X-Added" not in it.ask()
    under_way = it.router.connect()
    it.ask("/slow", client=under_way)
    until(lambda: backend.slow == 1, "the slow request arrives")
    said = it.hang_up("http_rewrite: {responses: {remove_headers: [{name: X-Secret}], "
                      "add_headers_if_not_present: [{name: X-Added, value: a}]}}\nforce_forwarded_proto_https: true\n")
    assert "config-key-needs-restart" not in said, said
    answer = it.ask()
    assert "X-Secret" not in answer and "X-Added: a" in answer and "X-Forwarded-Proto: https" in answer, answer
    backend.go_on.set()
    answer = it.answer(under_way)
    assert "X-Secret: s" in answer and "X-Added" not in answer and "X-Forwarded-Proto: http\r\n" in answer, answer
    # The same connection, its next request.
    it.ask(client=under_way)
    assert "X-Added: a" in it.answer(under_way)
    it.hang_up("")
    assert "X-Secret: s" in it.ask()


def log_level(it, _):
    """At level error a reload is silent: the counter tells."""
    def reload(replaced):
        count = it.router.metrics()["config_reloads"]
        it.write("", replaced)
        it.router.program.process.send_signal(signal.SIGHUP)
        until(lambda: it.router.metrics()["config_reloads"] == count + 1, "a reload")

    def said():
        return [it.router.program.output().count(text) for text in ('"config-reloaded"', '"route-registered"')]

    reloads, routes = said()
    reload([("logging: {level: info}", "logging: {level: error}")])
    it.router.tell("router.register", {"host": "127.0.0.1", "port": 9, "uris": ["silent.example"]})
    until(lambda: it.router.status_of("silent.example") != 404, "the route")
    reload([("logging: {level: info}", "logging: {level: error}")])
    it.hang_up("")  # lines come late, but in their order: what the silent ones had said would stand before this one's
    assert said() == [reloads + 1, routes], "nothing is said below the level"


def limits(it, _):
    assert it.ask(lines="X-Long: " + "x" * 3000 + "\r\n").startswith("HTTP/1.1 200 ")
    it.hang_up("max_request_header_bytes: 2000\nmax_request_headers: 10\n")
    assert it.ask(lines="X-Long: " + "x" * 3000 + "\r\n").startswith("HTTP/1.1 431 ")
    assert it.ask(lines="X-A: a\r\n" * 12).startswith("HTTP/1.1 431 ")
    assert it.ask().startswith("HTTP/1.1 200 ")
    it.hang_up("")


def timeouts(it, backend):
    """Those of connections that wait already count with the new length."""
    backend.go_on.clear()
    idle = it.router.connect()
    it.ask(client=idle)
    it.answer(idle)
    it.hang_up("endpoint_timeout: 500ms\nfrontend_idle_timeout: 300ms\n")
    assert idle.recv(100) == b"", "an idle connection ends in its new time"
    answer = it.ask("/slow")
    assert answer.startswith("HTTP/1.1 502 "), answer
    backend.go_on.set()
    it.hang_up("")
    assert it.ask("/slow").startswith("HTTP/1.1 200 ")


def keep_alive(it, backend):
    for _ in range(3):
        it.ask()
    before = backend.accepted
    for _ in range(5):
        it.ask()
    kept = backend.accepted - before
    it.hang_up("", [("disable_keep_alives: false", "disable_keep_alives: true")])
    it.ask()
    before = backend.accepted
    for _ in range(5):
        it.ask()
    assert kept < 5 <= backend.accepted - before, (kept, backend.accepted - before)
    it.hang_up("")


def balancing(it, _):
    other = Backend()
    it.router.tell("router.register", {"host": "127.0.0.1", "port": other.port, "uris": ["app.example"]})
    said = it.hang_up("balancing_algorithm: least-connection\nbackends: {max_attempts: 3}\nzone: z2\n")
    assert "config-key-needs-restart" not in said, said
    assert it.ask().startswith("HTTP/1.1 200 ")
    it.hang_up("")


def keys_that_need_a_restart(it, _):
    port = free_port()
    said = it.hang_up("tcp_router: {reservable_ports: '2000'}\nindex: 3\ntrace_key: t\n",
                      [(f"port: {it.router.port}\n", f"port: {port}\n")])
    named = re.findall(r'"config-key-needs-restart".*?"key":"([^"]*)"', said)
    assert named == ["index", "port", "tcp_router.reservable_ports"], said
    assert it.ask(lines="X-Vcap-Trace: t\r\n").count("X-Vcap-Router: ") == 1, "the others are taken on"
    with socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", port)) != 0
    assert "config-key-needs-restart" not in it.hang_up("")


def bad_files(it, _):
    good = it.hang_up("trace_key: t\n")
    assert "config-reloaded" in good
    for text, told in (("trace_key: other\nendpoint_timeout: soon\n", "endpoint_timeout: "),
                       ("trace_key: other\nbalancing_algorithm: best\n", "balancing_algorithm: "),
                       ("trace_key: other\nhtml_error_template_file: /nonexistent\n", "/nonexistent"),
                       ("trace_key: other\nupgrade: {timeout: 0s}\n", "upgrade.timeout: "),
                       ("trace_key: [\n", "router.yml")):
        said = it.hang_up(text)
        assert "config-reload-failed" in said and told in said and it.router.config in said, said
        assert it.ask(lines="X-Vcap-Trace: t\r\n").count("X-Vcap-Router: ") == 1, "nothing has changed"
    os.rename(it.router.config, it.router.config + ".away")
    before = len(it.router.program.output())
    it.router.program.process.send_signal(signal.SIGHUP)
    until(lambda: "config-reload-failed" in it.router.program.output()[before:], "no file, no reload")
    os.rename(it.router.config + ".away", it.router.config)
    until(lambda: it.router.metrics()["config_reload_failures"] == 6, "six failures are counted")
    it.hang_up("")


def under_load(it, _):
    """Twenty reloads while requests go on: none fails."""
    is_over, failed, served = threading.Event(), [], [0]

    def load():
        client = it.router.connect()
        while not is_over.is_set():
            it.ask(client=client)
            answer = it.answer(client)
            served[0] += 1
            if not answer.startswith("HTTP/1.1 200 "):
                failed.append(answer)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        it.hang_up(f"trace_key: t{number}\nfrontend_idle_timeout: {100 + number}s\nzone: z{number}\n")
    is_over.set()
    for thread in threads:
        thread.join()
    assert not failed and served[0] > 0, failed[:3]
    print(f"{served[0]} requests during 20 reloads")


def main():
    backend = Backend()
    router = Router(workers=2)
    try:
        router.register(["app.example"], backend.port)
        it = Reloadable(router)
        for step in (header_rules, limits, timeouts, keep_alive, balancing, keys_that_need_a_restart, bad_files, under_load,
                     log_level):
            started = time.monotonic()
            step(it, backend)
            print(f"{step.__name__}: as it should be ({time.monotonic() - started:.1f} s)", flush=True)
    finally:
        router.stop()


main()
