#!/usr/bin/env python3
"""`causeway dot`, cfdot's commands, against a real bbs on a real Redis: JSON lines, errors, exit statuses."""
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from whole_platform import BIN, free_ports, until

APP = {"process_guid": "shop", "domain": "d", "rootfs": "preloaded:base", "instances": 2, "memory_mb": 5, "disk_mb": 6, "log_guid": "shop",
       "action": {"run": {"path": "/bin/sh", "args": ["-c", "a < b"], "user": "vcap"}}, "ports": [8080],
       "metric_tags": {"source_id": {"static": "shop"}},
       "routes": {"cf-router": [{"hostnames": ["a.com"], "port": 8080}], "tcp-router": [{"external_port": 1024, "container_port": 8080}]}}
TASK = {"task_guid": "job", "domain": "d", "rootfs": "preloaded:base", "log_guid": "job", "action": {"run": {"path": "/bin/true", "user": "vcap"}}}


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


class DotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="causeway-dot.")
        base = free_ports(4)
        redis, cls.bbs, health, nobody = range(base, base + 4)
        cls.log = open(f"{cls.folder}/log", "wb")
        cls.processes = [subprocess.Popen(["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--dir", cls.folder, "--save", ""],
                                          stdout=cls.log, stderr=cls.log)]
        until(lambda: listens(redis), 30, "Redis listens")
        config = {"listen_address": f"127.0.0.1:{cls.bbs}", "health_address": f"127.0.0.1:{health}", "require_ssl": False,
                  "auctioneer_address": f"http://127.0.0.1:{nobody}", "redis": {"host": "127.0.0.1", "port": redis}}
        with open(f"{cls.folder}/bbs.json", "w") as file:
            json.dump(config, file)
        cls.processes.append(subprocess.Popen([f"{BIN}/bbs", f"-config={cls.folder}/bbs.json"], stdout=cls.log, stderr=cls.log))
        until(lambda: listens(cls.bbs), 30, "the bbs listens")
        # As an operator has it: a link by the other name.
        os.symlink(f"{BIN}/causeway", f"{cls.folder}/cfdot")

    @classmethod
    def tearDownClass(cls):
        for process in reversed(cls.processes):
            process.kill()
            process.wait()
        cls.log.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def run_dot(self, *arguments, program=None, **environment):
        command = [program] if program else [f"{BIN}/causeway", "dot"]
        return subprocess.run([*command, *arguments], text=True, capture_output=True, timeout=60,
                              env=dict(os.environ, BBS_URL=f"http://127.0.0.1:{self.bbs}", **environment))

    def dot(self, *arguments, program=None):
        """the answer's lines"""
        done = self.run_dot(*arguments, program=program)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def assert_refused(self, status, said, *arguments):
        done = self.run_dot(*arguments)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertIn(said, done.stderr)

    def test_apps(self):
        events = subprocess.Popen([f"{BIN}/causeway", "dot", "lrp-events"], text=True, stdout=subprocess.PIPE,
                                  env=dict(os.environ, BBS_URL=f"http://127.0.0.1:{self.bbs}"))
        try:
            # The stream stands once it tells of something: apps of no interest until then.
            number = 0
            while not select.select([events.stdout], [], [], 0.2)[0]:
                number += 1
                self.assertLess(number, 100, "no event comes")
                self.dot("create-desired-lrp", json.dumps(dict(APP, process_guid=f"probe-{number}", instances=0)))
            self.dot("create-desired-lrp", json.dumps(APP))
            self.assert_refused(4, "Type 12: ResourceExists", "create-desired-lrp", json.dumps(APP))
            [app] = [one for one in self.dot("desired-lrps", "-d", "d") if one["process_guid"] == "shop"]
            self.assertEqual((app["routes"], app["action"]["run"]["args"]), (APP["routes"], ["-c", "a < b"]))
            self.assertEqual(self.dot("desired-lrps", "-d", "other"), [])
            self.assertIn("a \\u003c b", self.run_dot("desired-lrp", "shop").stdout)
            self.assertEqual(self.dot("desired-lrp", "shop", program=f"{self.folder}/cfdot"), [app])
            infos = [one for one in self.dot("desired-lrp-scheduling-infos") if one["process_guid"] == "shop"]
            self.assertEqual((infos[0]["instances"], infos[0]["memory_mb"], infos[0]["rootfs"]), (2, 5, "preloaded:base"))
            instances = self.dot("actual-lrps", "-p", "shop")
            self.assertEqual([(one["index"], one["state"], one["presence"], one["ports"]) for one in sorted(instances, key=lambda i: i["index"])],
                             [(0, "UNCLAIMED", "ORDINARY", None), (1, "UNCLAIMED", "ORDINARY", None)])
            self.assertEqual([one["index"] for one in self.dot("actual-lrps", "-p", "shop", "-i", "1")], [1])
            self.assertEqual(self.dot("actual-lrps", "-c", "nowhere"), [])
            with open(f"{self.folder}/update.json", "w") as file:
                file.write('{"instances":1,"annotation":"new"}')
            self.dot("update-desired-lrp", "shop", f"@{self.folder}/update.json")
            self.assertEqual(self.dot("desired-lrp", "shop")[0]["annotation"], "new")
            before = self.dot("actual-lrps", "-p", "shop", "-i", "0")
            self.dot("retire-actual-lrp", "shop", "0")
            self.assertNotEqual(self.dot("actual-lrps", "-p", "shop", "-i", "0"), before)  # gone, or begun anew
            self.dot("delete-desired-lrp", "shop")
            self.assert_refused(4, "Type 13: ResourceNotFound", "desired-lrp", "shop")
            self.assert_refused(4, "Type 13: ResourceNotFound", "delete-desired-lrp", "shop")
            while True:
                event = json.loads(events.stdout.readline())
                self.assertIn("data", event)
                if event["type"] == "desired_lrp_removed":
                    self.assertEqual(event["data"]["desired_lrp"]["process_guid"], "shop")
                    break
        finally:
            events.kill()
            events.wait()
            events.stdout.close()

    def lines_until(self, stream, kind, guid):
        """the types of the events about that process, up to one of that kind"""
        kinds = []
        while True:
            line = stream.readline()
            if guid not in line:
                self.assertTrue(line, "the stream ended")
                continue
            kinds.append(json.loads(line)["type"])
            if kinds[-1] == kind:
                return kinds

    def test_events_about_groups_are_among_the_others_unless_they_are_excluded(self):
        followers = {name: subprocess.Popen([f"{BIN}/causeway", "dot", "lrp-events", *options], text=True, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, env=dict(os.environ, BBS_URL=f"http://127.0.0.1:{self.bbs}"))
                     for name, options in (("all", []), ("instances", ["-x"]))}
        try:
            number = 0
            waited = {"all": ["actual_lrp_created", "actual_lrp_instance_created"], "instances": ["actual_lrp_instance_created"]}
            for name, kinds in waited.items():
                # Its streams stand once each of them has told of something.
                while kinds:
                    number += 1
                    self.assertLess(number, 200, "no event comes")
                    self.dot("create-desired-lrp", json.dumps(dict(APP, process_guid=f"early-{number}", instances=1)))
                    while select.select([followers[name].stdout], [], [], 0.2)[0]:
                        kind = json.loads(followers[name].stdout.readline())["type"]
                        kinds[:] = [one for one in kinds if one != kind]
            self.dot("create-desired-lrp", json.dumps(dict(APP, process_guid="grouped", instances=1)))
            self.dot("delete-desired-lrp", "grouped")
            # The two streams are not in step with each other.
            both = self.lines_until(followers["all"].stdout, "actual_lrp_instance_removed", "grouped")
            if "actual_lrp_removed" not in both:
                both += self.lines_until(followers["all"].stdout, "actual_lrp_removed", "grouped")
            self.assertEqual(sorted(both), ["actual_lrp_created", "actual_lrp_instance_created", "actual_lrp_instance_removed",
                                            "actual_lrp_removed", "desired_lrp_created", "desired_lrp_removed"])
            self.assertEqual(self.lines_until(followers["instances"].stdout, "actual_lrp_instance_removed", "grouped"),
                             ["desired_lrp_created", "actual_lrp_instance_created", "desired_lrp_removed", "actual_lrp_instance_removed"])
        finally:
            said = {}
            for name, follower in followers.items():
                follower.kill()
                said[name] = follower.communicate()[1]
        self.assertIn('Use "--exclude-actual-lrp-groups" flag to exclude them.', said["all"])
        self.assertEqual(said["instances"], "")

    def test_an_instance_that_nobody_desires_can_be_retired(self):
        def field(number, value):
            return bytes([number << 3 | 2, len(value)]) + value
        # A cell says that it runs one; its domain is not fresh, so no pass will take it away.
        start = (field(1, field(1, b"orphan") + field(3, b"stale")) + field(2, field(1, b"i") + field(2, b"no-cell"))
                 + field(3, field(1, b"10.0.0.1")))
        call = urllib.request.Request(f"http://127.0.0.1:{self.bbs}/v1/actual_lrps/start.r1", start, {"Content-Type": "application/x-protobuf"})
        self.assertEqual(urllib.request.urlopen(call, timeout=30).read(), b"")
        self.assertEqual([one["state"] for one in self.dot("actual-lrps", "-p", "orphan")], ["RUNNING"])
        self.assert_refused(4, "Type 13: ResourceNotFound", "retire-actual-lrp", "orphan", "1")
        self.dot("retire-actual-lrp", "orphan", "0")
        self.assertEqual(self.dot("actual-lrps", "-p", "orphan"), [])

    def test_tasks(self):
        self.dot("create-task", json.dumps(TASK))
        self.assert_refused(4, "Type 12: ResourceExists", "create-task", json.dumps(TASK))
        [task] = self.dot("tasks", "-d", "d")
        self.assertEqual((task["task_guid"], task["state"], task["action"]["run"]["path"]), ("job", "Pending", "/bin/true"))
        self.assertEqual(self.dot("task", "job"), [task])
        self.dot("cancel-task", "job")
        self.assertEqual((self.dot("task", "job")[0]["state"], self.dot("task", "job")[0]["failure_reason"]), ("Completed", "task was cancelled"))
        self.dot("delete-task", "job")
        self.assertEqual(self.dot("tasks"), [])
        self.assert_refused(4, "Type 13: ResourceNotFound", "task", "job")

    def test_domains(self):
        self.dot("set-domain", "fresh", "-t", "40s")
        self.dot("set-domain", "for-ever")
        self.assertEqual(sorted(self.dot("domains")), ["for-ever", "fresh"])
        self.assert_refused(3, "Error: ", "set-domain", "fresh", "-t", "long")

    def test_cells_and_locks(self):
        self.assertEqual(self.dot("cells"), [])
        self.assertEqual(self.dot("cell-states"), [])
        self.assert_refused(5, "Cell not found", "cell", "nowhere")
        self.assert_refused(5, "Cell not found", "cell-state", "nowhere")
        self.dot("claim-lock", "-k", "k", "-o", "me", "-v", "x", "-t", "60s")
        self.assert_refused(4, "Error: ", "claim-lock", "-k", "k", "-o", "you", "-t", "60s")
        [lock] = [one for one in self.dot("locks") if one["key"] == "k"]
        self.assertEqual(lock, {"key": "k", "owner": "me", "value": "x", "type": "lock", "type_code": 1})
        self.assert_refused(4, "Error: ", "release-lock", "-k", "k", "-o", "you")
        self.dot("release-lock", "-k", "k", "-o", "me")
        self.assertEqual([one for one in self.dot("locks") if one["key"] == "k"], [])
        self.dot("claim-presence", "-k", "p", "-o", "me", "-t", "60s")
        self.assertIn("p", [one["key"] for one in self.dot("presences")])

    def test_mistakes(self):
        for arguments in (["task"], ["nonsense"], ["retire-actual-lrp", "shop", "-1"], ["create-task", "{"], ["create-task", "@/nowhere"],
                          ["create-desired-lrp", '{"instances":"two"}'], ["actual-lrps", "--odd"], ["task", "one", "two"],
                          ["claim-lock", "-k", "", "-o", "me"], ["claim-lock", "-k", "k", "-o", ""], ["release-lock", "-k", "", "-o", "me"],
                          ["claim-presence", "-k", "k", "-o", "me", "-t", "0"]):
            done = self.run_dot(*arguments)
            self.assertEqual((done.returncode, done.stdout), (3, ""), f"{arguments}: {done.stderr}")
            self.assertRegex(done.stderr, "^Error: .+", arguments)
            self.assertIn("Usage:", done.stderr, arguments)

    def test_calls_may_be_given_a_time(self):
        deaf = socket.create_server(("127.0.0.1", 0))
        with deaf:
            nobody = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            for arguments, environment in ((["cells", "--timeout", "1"], {}), (["cells", "-t", "1"], {}), (["-t", "1", "cells"], {}),
                                           (["cells"], {"CFDOT_TIMEOUT": "1"})):
                done = self.run_dot("--bbsURL", nobody, *arguments, **environment)
                self.assertEqual((done.returncode, done.stdout), (4, ""), f"{arguments}: {done.stderr}")
                self.assertIn("does not answer", done.stderr)
        self.assertEqual(self.run_dot("cells", CFDOT_TIMEOUT="0").returncode, 0)
        self.assertEqual(self.run_dot("cells", CFDOT_TIMEOUT="soon").returncode, 3)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
