#!/usr/bin/env python3
"""The deployment of conf/three-machines, from its very files, on this machine: every process under mutual TLS with the
certificates of tools/dev-certs, and nobody served without one."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

from whole_platform import BIN, SOURCE, free_ports, until

# The ports of the files, in the order in which the test's own stand for them.
PORTS = [8889, 8890, 17017, 9016, 9017, 17001, 1800, 1801, 17008, 17011, 17009, 4222, 6379, 8081, 8080, 7070, 8082]
TASK = {"task_guid": "job", "domain": "d", "rootfs": "preloaded:base", "log_guid": "job", "memory_mb": 16, "disk_mb": 16,
        "action": {"run": {"path": "/bin/true", "user": "root"}}}


def pem_of(path):
    with open(path) as file:
        return file.read().replace("\n", "\n    ").rstrip()


class SecuredTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="causeway-secured.")
        cls.certificates = f"{cls.folder}/certs"
        base = free_ports(len(PORTS))
        cls.ports = {port: base + at for at, port in enumerate(PORTS)}
        cls.processes = {}
        # As doc/deployment.md has it.
        subprocess.run([f"{SOURCE}/tools/dev-certs", cls.certificates, "bbs=10.0.0.1", "auctioneer=10.0.0.1", "nats=10.0.0.1",
                        "rep-cell-1=10.0.0.3", "route-emitter", "router", "operator"], check=True, capture_output=True)
        subprocess.run([f"{SOURCE}/tools/dev-certs", f"{cls.folder}/others", "operator"], check=True, capture_output=True)
        subprocess.run([f"{SOURCE}/tools/rootfs", f"{cls.folder}/rootfs"], check=True, capture_output=True)
        os.makedirs(f"{cls.folder}/redis")
        try:
            cls.start("redis", "redis-server", cls.config("a/redis.conf"))
            until(lambda: cls.listens(6379), 30, "Redis listens")
            cls.start("nats", "nats-server", "-c", cls.config("a/nats.conf"))
            cls.start("bbs", f"{BIN}/bbs", "-config", cls.config("a/bbs.json", {"event_streams_max": 3}))
            cls.start("auctioneer", f"{BIN}/auctioneer", "-config", cls.config("a/auctioneer.json"))
            cls.start("rep", f"{BIN}/rep", "-config", cls.config("c/rep.json"))
            cls.start("route-emitter", f"{BIN}/route-emitter", "-config", cls.config("c/route-emitter.json"))
            cls.start("router", f"{BIN}/router", "-c", cls.config("b/router.yml"))
            for port in PORTS:
                until(lambda p=port: cls.listens(p), 60, f"port {port} of the files listens")
        except Exception:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for process in reversed(list(cls.processes.values())):
            process.terminate()
        for process in reversed(list(cls.processes.values())):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def config(cls, name, more=None):
        """A file of conf/three-machines as this machine has it."""
        with open(f"{SOURCE}/conf/three-machines/{name}") as file:
            text = file.read()
        text = re.sub(r"10\.0\.0\.\d", "127.0.0.1", text)
        text = re.sub(r"(:|port\"?:? )(\d{4,5})\b", lambda m: m[1] + str(cls.ports.get(int(m[2]), m[2])), text)
        for there, here in [("/etc/causeway/certs", cls.certificates), ("/var/log/causeway", cls.folder),
                            ("/var/lib/causeway/redis", f"{cls.folder}/redis"), ("/var/lib/causeway/rep", f"{cls.folder}/rep"),
                            ("/var/lib/causeway/rootfs/base", f"{cls.folder}/rootfs")]:
            text = text.replace(there, here)
        text = re.sub(r"PASTE (\S+) HERE", lambda m: pem_of(f"{cls.certificates}/{m[1]}"), text)
        if name.endswith("router.yml"):
            text = text.replace("pass: change-me", f"pass: change-me\n  routes: {{port: {cls.ports[8082]}}}")
        if more:
            text = json.dumps({**json.loads(text), **more})
        path = f"{cls.folder}/{name.replace('/', '-')}"
        with open(path, "w") as file:
            file.write(text)
        return path

    @classmethod
    def start(cls, name, *command):
        with open(f"{cls.folder}/{name}.log", "ab") as log:
            cls.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    @classmethod
    def listens(cls, port):
        for name, process in cls.processes.items():
            if process.poll() is not None:
                raise AssertionError(f"{name} has ended with {process.returncode}:\n{cls.log(name)[-3000:]}")
        try:
            socket.create_connection(("127.0.0.1", cls.ports[port]), 5).close()
            return True
        except OSError:
            return False

    @classmethod
    def log(cls, name):
        with open(f"{cls.folder}/{name}.log", errors="replace") as file:
            return file.read()

    def dot(self, *arguments, certificates=None, folder=None):
        folder = folder or self.certificates
        environment = {"PATH": os.environ["PATH"], "BBS_URL": f"https://localhost:{self.ports[8889]}"}
        if certificates is not False:
            environment.update(CA_CERT_FILE=f"{self.certificates}/ca.pem", CLIENT_CERT_FILE=f"{folder}/operator.pem",
                               CLIENT_KEY_FILE=f"{folder}/operator.key")
        return subprocess.run([f"{BIN}/causeway", "dot", *arguments], text=True, capture_output=True, timeout=60, env=environment)

    def lines(self, *arguments):
        done = self.dot(*arguments)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def context(self, folder=None):
        context = ssl.create_default_context(cafile=f"{self.certificates}/ca.pem")
        if folder:
            context.load_cert_chain(f"{folder}/operator.pem", f"{folder}/operator.key")
        return context

    def connect(self, port, context):
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.ports[port]), 30), server_hostname="localhost")

    def ask(self, port, context, text):
        """The answer's first bytes; none when the connection is ended without one."""
        try:
            with self.connect(port, context) as link:
                link.sendall(text)
                return link.recv(4096)
        except (ssl.SSLError, ConnectionError):
            return b""

    def test_the_platform_works(self):
        [cell] = until(lambda: self.lines("cells"), 60, "the cell is there")
        self.assertEqual((cell["cell_id"], cell["rep_url"]), ("cell-1", f"https://127.0.0.1:{self.ports[1801]}"))
        [state] = self.lines("cell-states")
        self.assertEqual(state["cell_id"], "cell-1")
        self.assertEqual([one["key"] for one in self.lines("presences")], ["cell-1"])
        # bbs -> auctioneer -> rep -> bbs, all by https.
        self.assertEqual(self.lines("create-task", json.dumps(TASK)), [])
        [task] = until(lambda: [one for one in self.lines("tasks") if one["state"] == "Completed"], 120, "the task has ended")
        self.assertEqual((task["cell_id"], task.get("failed", False), task.get("failure_reason", "")), ("", False, ""))
        self.assertEqual(self.lines("delete-task", "job"), [])
        told = self.ask(1801, self.context(self.certificates), b"GET /container_metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b'"LRPs":[', told)

    def test_nobody_is_served_without_a_certificate_of_the_authority(self):
        for port, path in [(8889, "POST /v1/ping"), (9016, "POST /v1/lrps"), (1801, "GET /state")]:
            text = f"{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]".encode()
            if port == 8889:
                text = b"POST /v1/ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
            with self.subTest(port=port):
                self.assertRegex(self.ask(port, self.context(self.certificates), text), b"^HTTP/1.1 20[02] ")
                self.assertEqual(self.ask(port, self.context(), text), b"")
                stranger = self.context(f"{self.folder}/others")
                self.assertEqual(self.ask(port, stranger, text), b"")
                with socket.create_connection(("127.0.0.1", self.ports[port]), 30) as plain:
                    plain.sendall(text)
                    self.assertNotIn(b"HTTP/1.1 2", plain.recv(4096))
        until(lambda: "tls-handshake-failed" in self.log("bbs"), 60, "the log of the bbs tells of it")

    def test_the_command_line_says_what_is_missing(self):
        done = self.dot("cells", certificates=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("--caCertFile must be specified if using HTTPS and --skipCertVerify is not set", done.stderr)
        done = self.dot("cells", "--skipCertVerify", certificates=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("--clientCertFile and --clientKeyFile must both be specified", done.stderr)
        done = self.dot("cells", folder=f"{self.folder}/others")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("TLS", done.stderr)
        self.assertEqual(self.dot("cells", "--skipCertVerify").returncode, 0)

    def test_event_streams_past_the_limit_are_refused(self):
        request = b"POST /v1/events/tasks.r1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        open_streams = []
        try:
            for _ in range(4):
                link = self.connect(8889, self.context(self.certificates))
                open_streams.append(link)
                link.sendall(request)
                answer = link.recv(4096)
            self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
            self.assertIn(b"too many event streams", answer)
            self.assertEqual(self.dot("cells").returncode, 0)  # calls go on
        finally:
            for link in open_streams:
                link.close()

    def test_a_request_id_is_in_the_access_log(self):
        self.ask(8889, self.context(self.certificates),
                 b"POST /v1/ping HTTP/1.1\r\nHost: localhost\r\nX-Vcap-Request-Id: id-of-mine\r\nContent-Length: 0\r\n\r\n")

        def logged():
            with open(f"{self.folder}/bbs-access.log") as file:
                return [one for one in map(json.loads, file) if one["data"].get("request_id") == "id-of-mine"]
        [line] = until(logged, 30, "the access log has the request")
        self.assertEqual((line["data"]["request"], line["data"]["status"]), ("/v1/ping", 200))

    def test_debug_servers_change_the_log_level(self):
        for port in [17017, 17001, 17008, 17009]:
            request = urllib.request.Request(f"http://127.0.0.1:{self.ports[port]}/log-level", b"debug", method="PUT")
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.assertEqual(answer.read(), b"log level: debug\n")

    def test_metrics_have_the_names_of_diego(self):
        names = {8890: ["BBSMasterElected", "LRPsMissing", "CrashedActualLRPs", "RequestsStarted", "OpenFileDescriptors", "TLSHandshakesFailed"],
                 9017: ["AuctioneerLRPAuctionsStarted", "AuctioneerFailedCellStateRequests", "OpenFileDescriptors"],
                 1800: ["CapacityRemainingMemory", "CapacityAllocatedMemory", "ContainerCount", "CellUnhealthy", "RepBulkSyncDuration"],
                 17011: ["RoutesTotal", "RoutesRegistered", "RouteEmitterSyncDuration", "HTTPRouteNATSMessagesEmitted"]}
        for port, wanted in names.items():
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}/metrics", timeout=30) as answer:
                text = answer.read().decode()
            for name in wanted:
                self.assertRegex(text, rf"(?m)^{name}\b", name)

    def test_renewed_certificates_are_taken_up(self):
        def serial():
            with self.connect(8889, self.context(self.certificates)) as link:
                return link.getpeercert()["serialNumber"]
        before = serial()
        subprocess.run([f"{SOURCE}/tools/dev-certs", "--renew", self.certificates, "bbs=10.0.0.1"], check=True, capture_output=True)
        until(lambda: serial() != before, 60, "the bbs shows its new certificate")
        self.assertTrue(self.lines("domains") is not None)


if __name__ == "__main__":
    unittest.main(verbosity=2)
