#!/usr/bin/env python3
"""The whole platform, real binaries and containers: an app is run, scaled, killed and logged while every process dies once."""
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

from whole_platform import Load, Platform, free_ports, until

APP = f"hello-{os.getpid()}"


def leftovers(platform):
    """what a stopped platform must not leave on the machine: mounts, processes, links, nft tables"""
    found = []
    with open("/proc/self/mountinfo") as file:
        found += [line.split()[4] for line in file if platform.folder in line]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if platform.folder.encode() in command:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


class WholePlatform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = (subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.count("\n"),
                      subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout)
        cls.platform = Platform()
        cls.platform.start()
        cls.platform.run_app(APP, instances=2)
        until(lambda: cls.platform.instances_seen(APP) == {"0", "1"}, 60, "both instances answer")

    @classmethod
    def tearDownClass(cls):
        cls.platform.remove()

    def setUp(self):
        until(lambda: self.platform.running(APP) == [0, 1], 60, "two instances run" + self.platform.tails())
        until(lambda: self.platform.instances_seen(APP) == {"0", "1"}, 60, "both instances answer")

    def assert_control_plane_works(self):
        """a change of the desired state is still carried out"""
        self.platform.causeway("scale", APP, "3")
        until(lambda: self.platform.running(APP) == [0, 1, 2], 60, "a third instance runs" + self.platform.tails())
        until(lambda: self.platform.instances_seen(APP, 18) == {"0", "1", "2"}, 60, "the third instance answers")
        self.platform.causeway("scale", APP, "2")
        until(lambda: self.platform.running(APP) == [0, 1], 60, "the third instance is gone")

    def test_both_instances_answer_in_turn(self):
        answers = [self.platform.get(APP)[2]["X-Instance-Index"] for _ in range(40)]
        # Each of the two workers takes the instances in turn; connections fall on workers by the kernel's hash.
        self.assertGreater(answers.count("0"), 5)
        self.assertGreater(answers.count("1"), 5)

    def test_request_headers_reach_the_app(self):
        status, body, _ = self.platform.get(APP, "/echo?x=1", "POST", b"payload", {"X-Mine": "kept"})
        text = body.decode()
        self.assertEqual(status, 200, text)
        for wanted in ('"X-Mine","kept"', '"X-Forwarded-For","127.0.0.1"', '"X-Forwarded-Proto","http"', "X-Vcap-Request-Id",
                       f'"X-Cf-Applicationid","{APP}"'.lower(), '"body":"payload"', "x-cf-instanceindex"):
            self.assertIn(wanted.lower(), text.lower())

    def test_websocket(self):
        with socket.create_connection(("127.0.0.1", self.platform.router_port), 10) as link:
            link.sendall(f"GET /ws HTTP/1.1\r\nHost: {APP}.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            link.sendall(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")  # "Hello", masked
            got = b""
            while b"Hello" not in got:
                piece = link.recv(4096)
                self.assertTrue(piece, got)
                got += piece
            self.assertTrue(got.startswith(b"HTTP/1.1 101 "), got)
            self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", got)

    def test_logs_are_kept_with_their_instance(self):
        logs = self.platform.causeway("logs", APP).stdout
        self.assertIn("instance 0, listens on port 8080", logs)
        self.assertIn("instance 1, listens on port 8080", logs)

    def test_task_runs_to_its_end(self):
        name = f"task-{os.getpid()}"
        done = self.platform.causeway("task", "run", name, "--command", "echo from the task; echo made > /tmp/result",
                                      "--result-file", "/tmp/result", "--wait")
        self.assertIn("made", done.stdout)
        failed = self.platform.causeway("task", "run", name + "-bad", "--command", "exit 7", "--wait", check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("7", failed.stdout + failed.stderr)

    def test_a_tcp_port_leads_to_the_instances(self):
        app, port = "tcp-app", free_ports(1)
        self.platform.causeway("run", app, "--command", "exec /app/sample-app", "--port", "8080", "--tcp-port", str(port),
                               "--instances", "2", "--memory", "64M")
        try:
            def index_seen():
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                try:
                    link.request("GET", "/")
                    return link.getresponse().headers["X-Instance-Index"]
                except (OSError, http.client.HTTPException):
                    return None
                finally:
                    link.close()
            until(lambda: {index_seen() for _ in range(8)} == {"0", "1"}, 60, "both instances behind the port")
            routes = {one["route"]: one for one in self.platform.json("routes")}
            self.assertEqual((routes[f"tcp:{port}"]["app"], len(routes[f"tcp:{port}"]["endpoints"])), (app, 2))
            # A connection outlives its route.
            with socket.create_connection(("127.0.0.1", port), timeout=30) as held:
                held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertTrue(held.recv(65536).startswith(b"HTTP/1.1 200"))
        finally:
            self.platform.causeway("stop", app)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=30).close()
            except ConnectionRefusedError:
                return True
            return False
        until(refused, 60, "the port closes with its last instance")

    def test_bad_wishes_are_refused_and_change_nothing(self):
        for arguments, reason in ((["run", "bad name", "--command", "x"], "letters"),
                                  (["run", APP, "--command", "x"], "exists"),
                                  (["run", "x", "--command", "x", "--rootfs", "nonsense"], "rootfs"),
                                  (["scale", "no-such-app", "2"], "no-such-app"),
                                  (["scale", APP, "-1"], "-1"),
                                  (["logs", "no-such-app"], "no-such-app")):
            done = self.platform.causeway(*arguments, check=False)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(reason.lower(), (done.stdout + done.stderr).lower(), arguments)
        self.assertEqual(self.platform.running(APP), [0, 1])

    def test_no_client_sees_a_killed_container(self):
        with Load(self.platform, APP) as load:
            time.sleep(0.5)
            pid = until(lambda: self.platform.container_pid(APP, 0), 60, "the container's process")
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            until(lambda: self.platform.container_pid(APP, 0) not in (0, pid), 60, "instance 0 runs again")
            until(lambda: self.platform.running(APP) == [0, 1], 60, "instance 0 is RUNNING again")
            print(f"  instance back after {time.monotonic() - killed:.2f} s", file=sys.stderr)
            time.sleep(0.5)
        self.assertEqual(load.failures, [])
        self.assertGreater(load.answered, 100)

    def kill_under_load(self, service):
        with Load(self.platform, APP) as load:
            time.sleep(0.5)
            self.platform.kill(service)
            time.sleep(2)
            until(lambda: self.platform.causeway("ps", APP, check=False).returncode == 0, 60,
                  f"the control plane answers after {service} was killed")  # a bbs waits for the lock of the one before
            self.assert_control_plane_works()
        self.assertEqual(load.failures, [], service)
        self.assertGreater(load.answered, 100)

    def test_killed_bbs(self):
        self.kill_under_load("bbs")

    def test_killed_auctioneer(self):
        self.kill_under_load("auctioneer")

    def test_killed_route_emitter(self):
        self.kill_under_load("route-emitter")

    def test_killed_rep(self):
        self.kill_under_load("rep")

    def test_killed_redis_server(self):
        self.kill_under_load("redis-server")

    def test_killed_nats_server(self):
        self.kill_under_load("nats-server")

    def test_killed_router(self):
        with Load(self.platform, APP) as load:
            time.sleep(0.5)
            killed = time.monotonic()
            self.platform.kill("router")
            until(lambda: self.platform.instances_seen_quietly(APP) == {"0", "1"}, 60, "the router serves again")
            back = time.monotonic()
            time.sleep(1)
        wrong = [one for one in load.failures if one[1] < killed or one[0] > back or "status" in one[2]]
        self.assertEqual(wrong, [], f"failed outside of {killed} .. {back}")
        self.assert_control_plane_works()

    def test_killed_supervisor_is_started_over(self):
        """what a killed supervisor leaves is found by the next start, nothing else is touched"""
        state = self.platform.json("platform", "status")
        os.kill(state["supervisor_pid"], signal.SIGKILL)
        until(lambda: self.platform.json("platform", "status")["supervisor_pid"] == 0, 60, "the supervisor is dead")
        self.assertEqual(self.platform.get(APP)[0], 200)
        self.platform.start()
        until(lambda: self.platform.running(APP) == [0, 1], 60, "two instances run again")


class StoppedPlatform(unittest.TestCase):
    def test_leaves_nothing_behind(self):
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.count("\n")
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout
        platform = Platform()
        try:
            platform.start()
            platform.run_app(APP, instances=2)
            until(lambda: platform.instances_seen_quietly(APP) == {"0", "1"}, 60, "both instances answer")
            platform.stop()
            self.assertEqual(leftovers(platform), [])
            self.assertEqual(subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.count("\n"), links)
            self.assertEqual(subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout, tables)
            # The desired state has survived: the next start brings the app back.
            platform.start()
            until(lambda: platform.instances_seen_quietly(APP) == {"0", "1"}, 60, "the app is back" + platform.tails())
        finally:
            platform.remove()

    def test_a_taken_port_is_named(self):
        platform = Platform()
        try:
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", platform.router_port))
                taken.listen()
                with self.assertRaises(AssertionError):
                    platform.start()
                with open(f"{platform.state}/supervisor.log") as log:
                    self.assertIn(f"{platform.router_port} (router)", log.read())
        finally:
            platform.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
