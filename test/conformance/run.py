#!/usr/bin/env python3
"""Tells the real router every request of a folder of case files and checks what the client and the backend get.

usage: run.py FOLDER [recorder|nginx|haproxy] [NAME...]

recorder  an own backend, strict, that notes what it understands: answers, ends of connections and the backend's view of every
          case are compared with the case.
nginx, haproxy   stand behind the router instead; their own request logs may show nothing but the requests that the cases
          say the backend must see. What answers they give is theirs.
"""
import glob
import os
import re
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cases import escape, read_cases  # noqa: E402
from router_peers import PATIENCE, Broken, Program, Reader, Recorder, Router, free_port, until  # noqa: E402

SETTINGS = "max_request_header_bytes: 65536\nendpoint_timeout: 20s\nread_header_timeout: 20s\n"
HOSTS = ["app.example", "*.wild.example"]
PROBE = b"GET /probe HTTP/1.1\r\nHost: app.example\r\n\r\n"


class Replies(Reader):
    """What the client receives."""

    status = 0

    def one(self, methods):
        """Status of the next reply; None at the end."""
        while not self.kept:
            if not self.fill():
                return None
        line = self.line()
        match = re.fullmatch(rb"HTTP/1\.[01] ([1-9][0-9][0-9])( .*)?", line)
        if not match:
            raise Broken(f"status line {line!r}")
        self.status = status = int(match.group(1))
        fields = self.fields()
        if status // 100 == 1:
            return status
        method = methods.pop(0) if methods else b"GET"
        if status in (204, 304) or method == b"HEAD":
            return status
        if self.framed_body(fields) is None:
            while self.fill():
                pass
            self.kept = b""
        return status


def run_case(case, router, recorder):
    """Complaints."""
    client = router.connect()
    replies = Replies(client)
    methods = [method for method, _, _ in case.backend]
    statuses, wrong = [], []
    end = "open"
    try:
        for kind, data in case.steps:
            if kind == "send":
                try:
                    client.sendall(data)
                except OSError:
                    pass  # closed already: what it said is still read
            elif kind == "half-close":
                client.shutdown(socket.SHUT_WR)
            elif kind == "await-backend":
                if recorder:
                    until(lambda text=data: recorder.has_received(text), f"{case.name}: the backend gets {data!r}")
            else:
                while data not in replies.raw and replies.fill():
                    pass
        while len(statuses) < len(case.statuses):
            status = replies.one(methods)
            if status is None:
                break
            statuses.append(status)
        if case.end == "open" and case.probes and statuses == case.statuses:
            client.sendall(PROBE)
            status = replies.one([])
            if status != 200:
                wrong.append(f"a further request got {status}")
        elif case.end == "close":
            status = replies.one([])
            if status is not None:
                statuses.append(status)
            elif replies.ended:
                end = "close"
    except socket.timeout:
        end = "silence"
    except EOFError:
        statuses.append(replies.status)
        end = "cut"
    except Broken as error:
        wrong.append(f"the client got {error!r}")
    client.close()
    if statuses != case.statuses:
        wrong.append(f"statuses {statuses}, not {case.statuses}")
    if end != case.end:
        wrong.append(f"the connection: {end}, not {case.end}")
    if recorder:
        wrong += check_backend(case, recorder)
    return wrong + check_texts(case, replies.raw, recorder.seen()[2] if recorder else None)


def check_backend(case, recorder):
    expected = list(case.backend)
    probes = [(b"GET", b"/probe", b"")] if case.end == "open" and case.probes else []
    cut = any(body is None for _, _, body in expected)  # the backend has yet to see its connection end
    deadline = time.monotonic() + (PATIENCE if cut else 0)
    while True:
        requests, broken, _ = recorder.seen()
        if len(requests) >= len(expected + probes) or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    wrong = [f"the backend got {what}" for what in broken]
    if requests != expected + probes:
        def show(one):
            return " ".join([escape(one[0]), escape(one[1]), "(cut)" if one[2] is None else escape(one[2])[:80]])
        wrong.append(f"the backend saw {[show(one) for one in requests]}, not {[show(one) for one in expected + probes]}")
    return wrong


def check_texts(case, to_client, to_backend):
    wrong = []
    for side, data in (("client", to_client), ("backend", to_backend)):
        if data is None:
            continue
        wrong += [f"{side} did not get {text!r}: {data[:600]!r}" for text in case.checks[f"{side}-has"] if text not in data]
        wrong += [f"{side} got {text!r}" for text in case.checks[f"{side}-lacks"] if text in data]
    return wrong


def nginx(folder):
    port = free_port()
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.error warn;
events {{ worker_connections 256; }}
http {{
  log_format requests escape=none '$request';
  access_log {folder}/requests.log requests;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  large_client_header_buffers 8 128k; client_max_body_size 0; keepalive_requests 100000; underscores_in_headers on;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
""")
    return port, Program([shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-c", f"{folder}/nginx.conf", "-e",
                          f"{folder}/nginx.error"], f"{folder}/nginx.out"), f"{folder}/requests.log"


def haproxy(folder):
    port = free_port()
    with open(f"{folder}/haproxy.cfg", "w") as file:
        file.write(f"""global
  log stdout len 65000 format raw local0
  tune.bufsize 131072
defaults
  mode http
  timeout client 30s
  timeout connect 5s
  timeout server 30s
  timeout http-request 30s
frontend all
  bind 127.0.0.1:{port}
  log global
  log-format "%{{+Q}}r"
  http-request return status 200 content-type text/plain string ok
""")
    log = f"{folder}/requests.log"
    return port, Program([shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"), "-db", "-f", f"{folder}/haproxy.cfg"], log), log


def logged_requests(text, haproxy_log):
    """(method, target) of each line of a backend's own log."""
    requests = []
    for line in text.splitlines():
        # haproxy writes what it finds odd as #XX.
        line = re.sub(r"#([0-9A-F]{2})", lambda code: chr(int(code.group(1), 16)), line) if haproxy_log else line
        words = line.strip().strip('"').split(" ")
        if len(words) == 3 and words[2].startswith("HTTP/") and "/warm-up" not in words[1]:
            requests.append((words[0], words[1]))
    return requests


def run_with_server(cases, router, start):
    """The log of a real server behind the router shows the expected requests only."""
    port, server, log = start(router.folder)
    try:
        until(lambda: Router._accepts(port), "the backend listens")
        router.register(HOSTS, port)
        expected = {}
        for case in cases:
            for method, target, _ in case.backend:
                key = (method.decode("latin-1"), target.decode("latin-1"))
                expected[key] = expected.get(key, 0) + 1
            client = router.connect()
            for kind, data in case.steps:
                if kind == "send":
                    try:
                        client.sendall(data)
                    except OSError:
                        pass
            try:
                if case.statuses:
                    client.settimeout(0.2)  # the first reply; a half-closed client's request is given up by the router
                    try:
                        client.recv(65536)
                    except socket.timeout:
                        pass
                    client.settimeout(PATIENCE)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                pass
            client.close()
        client = router.connect()
        client.sendall(b"GET /the-end HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
    finally:
        pass

    def read():
        with open(log, encoding="latin-1") as file:
            return file.read()
    until(lambda: "/the-end" in read(), "the backend's log")
    server.stop()
    seen = logged_requests(read(), start is haproxy)
    seen.remove(("GET", "/the-end"))
    wrong = []
    for key in sorted(set(seen)):
        count = seen.count(key)
        if count > expected.get(key, 0):
            wrong.append(f"{key} is {count} times in the backend's log, {expected.get(key, 0)} times was said")
    print(f"{len(seen)} requests in the backend's log, {sum(expected.values())} were to be forwarded")
    if len(seen) < 0.6 * sum(expected.values()):
        wrong.append("the log shows too little to say anything")
    return wrong


def main():
    folder = sys.argv[1]
    kind = sys.argv[2] if len(sys.argv) > 2 else "recorder"
    names = sys.argv[3:]
    cases = [case for path in sorted(glob.glob(f"{folder}/*.cases")) for case in read_cases(path)]
    if names:
        cases = [case for case in cases if any(re.fullmatch(name, case.name) for name in names)]
    failed = 0
    router = Router(SETTINGS)
    if kind == "recorder":
        recorder = Recorder()
        router.register(HOSTS, recorder.port)
        for case in cases:
            recorder.begin(case.replies)
            wrong = run_case(case, router, recorder)
            if wrong:
                failed += 1
                print(f"-- {case.name} ({case.place})\n   {case.why}")
                for what in wrong:
                    print(f"   {what}")
            if router.program.process.poll() is not None:
                print(f"the router ended in {case.name}:\n{router.program.output()[-3000:]}")
                sys.exit(1)
    else:
        wrong = run_with_server(cases, router, {"nginx": nginx, "haproxy": haproxy}[kind])
        failed = len(wrong)
        for what in wrong:
            print(f"-- {what}")
    code = router.stop()
    if code != 0:
        print(f"the router ended with {code}")
        failed += 1
    print(f"{len(cases)} cases, {failed} wrong")
    sys.exit(1 if failed or not cases else 0)


main()
