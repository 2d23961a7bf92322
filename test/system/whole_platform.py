"""A whole platform of its own for system tests: state folder, ports, root file system, all private; ended by pid."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from own_ports import free_ports  # noqa: E402

SOURCE = os.environ.get("CAUSEWAY_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CAUSEWAY_BIN_DIR") or f"{SOURCE}/build/dev/bin"


def until(is_true, seconds=30, what="a condition"):
    """Waits until is_true() answers something true and answers that; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = is_true()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Platform:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="causeway-system.")
        self.state = f"{self.folder}/state"
        self.rootfs = f"{self.folder}/rootfs"
        self.base_port = free_ports(20)
        self.router_port = self.base_port + 19
        self.environment = dict(os.environ, CAUSEWAY_STATE=self.state)
        subprocess.run([f"{SOURCE}/tools/rootfs", self.rootfs], check=True, capture_output=True)
        os.makedirs(f"{self.rootfs}/app", exist_ok=True)
        shutil.copy2(f"{BIN}/sample-app", f"{self.rootfs}/app/sample-app")

    def causeway(self, *arguments, check=True, timeout=180):
        done = subprocess.run([f"{BIN}/causeway", *arguments], env=self.environment, text=True, capture_output=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"causeway {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}{self.tails()}")
        return done

    def json(self, *arguments):
        return json.loads(self.causeway(*arguments, "--json").stdout)

    def start(self, *options):
        self.causeway("platform", "start", "--rootfs", self.rootfs, "--router-port", str(self.router_port),
                      "--ports-from", str(self.base_port), "--workers", "2", *options)

    def stop(self):
        self.causeway("platform", "stop", timeout=120)

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def pid(self, service):
        for one in self.json("platform", "status")["services"]:
            if one["name"] == service:
                return one["pid"]
        raise AssertionError(f"no service {service}")

    def kill(self, service):
        """kill -9; waits until the supervisor runs it again"""
        pid = self.pid(service)
        os.kill(pid, signal.SIGKILL)
        return until(lambda: self.pid(service) not in (0, pid), 60, f"{service} runs again")

    def run_app(self, name, instances=2, route=None):
        self.causeway("run", name, "--command", "exec /app/sample-app", "--port", "8080", "--route", route or f"{name}.localhost",
                      "--instances", str(instances), "--memory", "64M")

    def get(self, app, path="/", method="GET", body=None, headers=None, timeout=30):
        link = http.client.HTTPConnection("127.0.0.1", self.router_port, timeout=timeout)
        try:
            link.request(method, path, body, {"Host": f"{app}.localhost", **(headers or {})})
            reply = link.getresponse()
            return reply.status, reply.read(), reply.headers
        finally:
            link.close()

    def instances_seen(self, app, requests=12):
        """which instance indexes answer"""
        seen = set()
        for _ in range(requests):
            status, _, headers = self.get(app)
            if status == 200:
                seen.add(headers["X-Instance-Index"])
        return seen

    def instances_seen_quietly(self, app):
        """the same where the router may be away"""
        try:
            return self.instances_seen(app)
        except (OSError, http.client.HTTPException):
            return set()

    def running(self, app):
        """indexes that run; None while the BBS does not answer, as a killed one does until its lock has ended"""
        done = self.causeway("ps", app, "--json", check=False)
        if done.returncode != 0:
            return None
        return sorted(one["index"] for one in json.loads(done.stdout)["instances"] if one["state"] == "RUNNING")

    def container_pid(self, app, index):
        """the app's process, found by its environment"""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    environment = file.read().split(b"\0")
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    command = file.read()
            except OSError:
                continue
            if (b"sample-app" in command and f"APP_NAME={app}".encode() in environment
                    and f"INSTANCE_INDEX={index}".encode() in environment):
                return int(pid)
        return 0

    def tails(self):
        """the last lines of every log, for failures"""
        text = ""
        for name in sorted(os.listdir(f"{self.state}/log")) if os.path.isdir(f"{self.state}/log") else []:
            with open(f"{self.state}/log/{name}", errors="replace") as file:
                text += f"--- {name}\n" + "".join(file.readlines()[-15:])
        return text


class Load:
    """Requests at a steady rate over a few keep-alive connections; remembers every failure with its time."""

    def __init__(self, platform, app, rate=200, connections=4, path="/"):
        self.failures = []
        self.answered = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.platform, self.app, self.path = platform, app, path
        self.pause = connections / rate
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(connections)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)

    def run(self):
        link = None
        next_send = time.monotonic()
        while not self.ended.is_set():
            sent = time.monotonic()
            try:
                if link is None:
                    link = http.client.HTTPConnection("127.0.0.1", self.platform.router_port, timeout=30)
                    link.connect()
                link.request("GET", self.path, headers={"Host": f"{self.app}.localhost"})
                reply = link.getresponse()
                reply.read()
                failure = None if reply.status == 200 else f"status {reply.status} {reply.headers.get('X-Cf-RouterError', '')}"
            except (OSError, http.client.HTTPException) as problem:
                failure = repr(problem)
                link.close()
                link = None
            with self.lock:
                if failure is None:
                    self.answered += 1
                else:
                    self.failures.append((sent, time.monotonic(), failure))
            next_send = max(next_send + self.pause, time.monotonic() - 1)
            self.ended.wait(max(0, next_send - time.monotonic()))
        if link is not None:
            link.close()
