"""Starts what is compared, and the backend behind it, on its CPUs; ends all of it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from proc import Failure, children, free_port, last_line, wait_port

HOST = "bench.localhost"
PROXIES = ("router", "haproxy", "nginx", "floor")
IDLE_BACKEND_CONNECTIONS = 1024


class Registrar:
    """Registers the backend with the router over NATS every half second, as a route-emitter does: for HOST and for the
    given TCP port."""

    def __init__(self, nats_port, backend_port, tcp_port):
        self.link = socket.create_connection(("127.0.0.1", nats_port))
        self.link.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
        instance = {"host": "127.0.0.1", "port": backend_port, "app": "bench", "private_instance_id": "bench-0",
                    "private_instance_index": "0"}
        self.messages = b""
        for subject, route in (("router.register", {"uris": [HOST]}),
                               ("router.tcp.register", {"router_group_guid": "", "external_port": tcp_port})):
            payload = json.dumps({**instance, **route}).encode()
            self.messages += b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(payload), payload)
        self.ended = threading.Event()
        threading.Thread(target=self.repeat, daemon=True).start()
        threading.Thread(target=self.answer_pings, daemon=True).start()

    def repeat(self):
        while True:
            try:
                self.link.sendall(self.messages)
            except OSError:
                return
            if self.ended.wait(0.5):
                return

    def answer_pings(self):
        while not self.ended.is_set():
            try:
                got = self.link.recv(4096)
                if b"PING" in got:
                    self.link.sendall(b"PONG\r\n")
            except OSError:
                return
            if not got:
                return


class Server:
    """One started program. `pid`: of the process that serves."""

    def __init__(self, name, port, process, log):
        self.name, self.port, self.process, self.pid, self.log = name, port, process, process.pid, log

    def end_as_text(self):
        """What became of it, "" while it runs."""
        status = self.process.poll()
        return "" if status is None else f"; {self.name} has ended with status {status}: {last_line(self.log)}"


class Stage:
    """Everything that runs: the backend, the proxies. Owner: main(); end() ends all it started."""

    def __init__(self, bin_folder):
        self.bin = bin_folder
        self.folder = tempfile.mkdtemp(prefix="causeway-compare.")
        os.chmod(self.folder, 0o755)  # nginx's worker is nobody
        self.processes = []
        self.registrars = []
        cpus = sorted(os.sched_getaffinity(0))
        self.cpus = cpus
        self.proxy_cpus = cpus[:1]
        # One CPU each where there are three; the load side shares one where there are two.
        rest = cpus[1:] or cpus
        self.generator_cpus, self.backend_cpus = rest[:1], rest[1:2] or rest[:1]
        self.nats_port = self.nats_pid = self.tcp_port = None
        self.backend = None
        self.kept = {}

    def spawn(self, name, cpus, argv, **options):
        log = f"{self.folder}/{name}.log"
        with open(log, "ab") as file:
            process = subprocess.Popen(["taskset", "-c", ",".join(map(str, cpus))] + argv, stdout=file, stderr=file,
                                       stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process, log

    def end(self):
        for registrar in self.registrars:
            registrar.ended.set()
        self.end_processes(self.processes)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def end_processes(processes):
        for process in reversed(processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def end_server(self, server):
        self.end_processes([server.process])
        self.processes.remove(server.process)

    def write(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w") as file:
            file.write(text)
        return path

    def certificate(self):
        """PEM file of a self-signed certificate for HOST, ECDSA P-256; its key beside it, both in `pair.pem`."""
        path = f"{self.folder}/certificate.pem"
        if not os.path.exists(path):
            ran = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                  "-days", "30", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
                                  "-keyout", f"{self.folder}/key.pem", "-out", path], capture_output=True, text=True)
            if ran.returncode != 0:
                raise Failure(f"openssl makes no certificate: {(ran.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
            self.write("pair.pem", self.read("certificate.pem") + self.read("key.pem"))
        return path

    def read(self, name):
        with open(f"{self.folder}/{name}") as file:
            return file.read()

    def start_backend(self):
        port = free_port()
        process, log = self.spawn("backend", self.backend_cpus,
                                  [f"{self.bin}/causeway-bench", "backend", "--listen", f"127.0.0.1:{port}"])
        wait_port(port, process, "the backend", log)
        self.backend = Server("backend", port, process, log)

    def server(self, name):
        """The running server of that name (kind, then options after a colon), started when needed."""
        if name not in self.kept:
            self.kept[name] = self.start(name, name.replace(":", "-"), self.proxy_cpus)
        return self.kept[name]

    def start(self, name, place, cpus):
        """A new server; `place` names its files."""
        kind, _, option = name.partition(":")
        if kind == "router":
            return self.start_router(name, place, cpus, option)
        if kind == "haproxy":
            return self.start_haproxy(name, place, cpus, option)
        return self.start_nginx(name, place, cpus, option) if kind == "nginx" else self.start_floor(name, place, cpus)

    def start_floor(self, name, place, cpus):
        port = free_port()
        process, log = self.spawn(place, cpus, [f"{self.bin}/causeway-bench", "relay", "--listen", f"127.0.0.1:{port}",
                                                "--to", f"127.0.0.1:{self.backend.port}"])
        wait_port(port, process, "the relay", log)
        return Server(name, port, process, log)

    def start_nginx(self, name, place, cpus, option):
        """Option: `tls`, with HTTP/2."""
        listen, tls = "", ""
        if option == "tls":
            listen = "ssl http2"
            tls = f"""ssl_certificate {self.certificate()}; ssl_certificate_key {self.folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_session_cache shared:all:10m;"""
        port = free_port()
        temps = " ".join(f"{kind}_temp_path {self.folder}/{place}.{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.write(f"{place}.conf", f"""
daemon off; worker_processes 1; pid {self.folder}/{place}.pid; error_log {self.folder}/{place}.error.log warn;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 900s; sendfile on; tcp_nopush off; tcp_nodelay on;
  {temps}
  upstream backend {{ server 127.0.0.1:{self.backend.port};
    keepalive {IDLE_BACKEND_CONNECTIONS}; keepalive_requests 100000000; keepalive_timeout 90s; }}
  {tls}
  server {{ listen 127.0.0.1:{port} {listen} backlog=4096;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; }} }}
}}
""")
        process, log = self.spawn(place, cpus, ["nginx", "-e", f"{self.folder}/{place}.error.log", "-c", config])
        wait_port(port, process, "nginx", log)
        server = Server(name, port, process, log)
        workers = children(process.pid)
        if len(workers) != 1:
            raise Failure(f"nginx has {len(workers)} workers, not one")
        server.pid = workers[0]
        return server

    def start_haproxy(self, name, place, cpus, option):
        """Options: `tcp`, which passes bytes; `tls`, with HTTP/2."""
        port = free_port()
        mode, more = ("tcp", "option splice-auto") if option == "tcp" else ("http", """option forwardfor
  option http-keep-alive
  http-reuse always""")
        header = "" if option == "tcp" else "http-request set-header X-Forwarded-Proto http"
        tls = ""
        if option == "tls":
            self.certificate()
            tls = (f"ssl crt {self.folder}/pair.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2 "
                   "ciphersuites TLS_AES_128_GCM_SHA256")
        config = self.write(f"{place}.cfg", f"""
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode {mode}
  {more}
  timeout connect 5s
  timeout client 900s
  timeout server 900s
frontend front
  bind 127.0.0.1:{port} backlog 4096 {tls}
  {header}
  default_backend back
backend back
  server one 127.0.0.1:{self.backend.port} pool-max-conn {IDLE_BACKEND_CONNECTIONS}
""")
        process, log = self.spawn(place, cpus, ["haproxy", "-db", "-f", config])
        wait_port(port, process, "haproxy", log)
        return Server(name, port, process, log)

    def start_router(self, name, place, cpus, option):
        """Options: `no-log` without access log, `workers-N`, `tcp`: the port of a TCP route, `tls`: with HTTP/2."""
        if self.nats_port is None:
            self.nats_port, self.tcp_port = free_port(), free_port()
            process, log = self.spawn("nats-server", self.backend_cpus,
                                      ["nats-server", "-a", "127.0.0.1", "-p", str(self.nats_port)])
            wait_port(self.nats_port, process, "nats-server", log)
            self.nats_pid = process.pid
            self.registrars.append(Registrar(self.nats_port, self.backend.port, self.tcp_port))
        port, status, routes = free_port(), free_port(), free_port()
        workers = int(option[len("workers-"):]) if option.startswith("workers-") else 1
        tcp_line = f'tcp_router: {{reservable_ports: "{self.tcp_port}"}}' if option == "tcp" else ""
        ssl_port, tls_lines = free_port(), ""
        if option == "tls":
            certificate, key = (json.dumps(self.read(os.path.basename(path)))
                                for path in (self.certificate(), f"{self.folder}/key.pem"))
            tls_lines = f"""enable_ssl: true
ssl_port: {ssl_port}
client_cert_validation: none
cipher_suites: ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
tls_pem: [{{cert_chain: {certificate}, private_key: {key}}}]"""
        log_line = "" if option == "no-log" else f"access_log: {{file: {self.folder}/{place}.access.log}}"
        config = self.write(f"{place}.yml", f"""
port: {port}
go_max_procs: {workers}
status: {{port: {status}, user: u, pass: p, routes: {{port: {routes}}}}}
nats: {{hosts: [{{hostname: 127.0.0.1, port: {self.nats_port}}}]}}
start_response_delay_interval: 0s
disable_keep_alives: false
max_idle_conns: {IDLE_BACKEND_CONNECTIONS}
max_idle_conns_per_host: {IDLE_BACKEND_CONNECTIONS}
backends: {{max_attempts: 3}}
{log_line}
{tcp_line}
{tls_lines}
logging: {{level: info}}
""")
        process, log = self.spawn(place, cpus, [f"{self.bin}/router", "-c", config])
        wait_port(port, process, "the router", log)
        self.wait_route(Server(name, self.tcp_port if option == "tcp" else port, process, log), log)
        return Server(name, {"tcp": self.tcp_port, "tls": ssl_port}.get(option, port), process, log)

    @staticmethod
    def wait_route(server, log, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", server.port), 1) as client:
                    client.sendall(f"GET /bytes/1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                    if b" 200 " in client.recv(64):
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise Failure(f"the router does not learn the route: {last_line(log)}")

    def trim_logs(self):
        """Access logs of long comparisons are not kept."""
        for entry in os.scandir(self.folder):
            if entry.name.endswith(".access.log"):
                os.truncate(entry.path, 0)
