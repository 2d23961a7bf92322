#!/usr/bin/env python3
"""Every command of `causeway dot` (cfdot's) over mutual TLS, one by one: its JSON lines with exactly cfdot's fields, and what
it says and exits with when it cannot be served."""
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from whole_platform import BIN, SOURCE, free_ports, until

CELL = {"cell_id": "cell-1", "rep_address": "http://nowhere:1800", "zone": "z1", "capacity": {"memory_mb": 64, "disk_mb": 65, "containers": 3},
        "rootfs_provider_list": [{"name": "preloaded", "properties": ["base"]}], "placement_tags": ["a"], "optional_placement_tags": ["b"]}
STATE = {"cell_id": "cell-1", "Zone": "z1", "AvailableResources": {"MemoryMB": 1, "DiskMB": 2, "Containers": 3}, "LRPs": [], "Tasks": []}
APP = {"process_guid": "shop", "domain": "d", "rootfs": "preloaded:base", "instances": 2, "memory_mb": 5, "disk_mb": 6, "log_guid": "shop-log",
       "action": {"run": {"path": "/bin/sh", "args": ["-c", "a < b"], "user": "vcap"}}, "ports": [8080],
       "metric_tags": {"source_id": {"static": "shop"}}, "annotation": "note",
       "routes": {"cf-router": [{"hostnames": ["a.com"], "port": 8080}]}}
TASK = {"task_guid": "job", "domain": "d", "rootfs": "preloaded:base", "log_guid": "job-log", "action": {"run": {"path": "/bin/true", "user": "vcap"}}}


class Any:
    """Stands for any value of that type."""

    def __init__(self, kind):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, self.kind) and not (self.kind is int and isinstance(other, bool))

    def __repr__(self):
        return f"any {self.kind.__name__}"


TAG = {"epoch": Any(str), "index": Any(int)}
ACTUAL = {"process_guid": "shop", "index": 0, "domain": "d", "instance_guid": "", "cell_id": "", "address": "", "ports": None, "preferred_address": "UNKNOWN", "crash_count": 0, "state": "UNCLAIMED", "since": Any(int),
          "modification_tag": TAG, "presence": "ORDINARY", "routable": False, "availability_zone": ""}
# What was not said is printed where Diego's structs print it.
DESIRED = dict(APP, modification_tag=TAG, action={"run": dict(APP["action"]["run"], suppress_log_output=False)}, cpu_weight=0, env=None,
               log_source="", max_pids=0, metrics_guid="shop", privileged=False, start_timeout_ms=0)
SCHEDULING = {"process_guid": "shop", "domain": "d", "log_guid": "shop-log", "annotation": "note", "instances": 2, "memory_mb": 5,
              "disk_mb": 6, "rootfs": "preloaded:base", "max_pids": 0, "routes": APP["routes"], "modification_tag": TAG,
              "volume_placement": {}}
JOB = dict(TASK, action={"run": dict(TASK["action"]["run"], suppress_log_output=False)}, cpu_weight=0, disk_mb=0, image_password="",
           image_username="", log_source="", max_pids=0, memory_mb=0, metrics_guid="", privileged=False, rejection_count=0,
           rejection_reason="", result_file="", created_at=Any(int), updated_at=Any(int), first_completed_at=0, state="Pending", cell_id="", result="", failed=False,
           failure_reason="")


def certified(folder, name):
    return {"CA_CERT_FILE": f"{folder}/ca.pem", "CLIENT_CERT_FILE": f"{folder}/{name}.pem", "CLIENT_KEY_FILE": f"{folder}/{name}.key"}


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


class RepAnswers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(STATE).encode()
        self.send_response(200 if self.path == "/state" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class DotOverTls(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="causeway-dot-tls.")
        cls.certificates, cls.others = f"{cls.folder}/certs", f"{cls.folder}/others"
        for folder in (cls.certificates, cls.others):
            subprocess.run([f"{SOURCE}/tools/dev-certs", folder, "bbs", "rep-cell-1", "operator"], check=True, capture_output=True)
        base = free_ports(5)
        redis, cls.bbs, health, cls.nobody, rep = range(base, base + 5)
        cls.rep_url = f"https://127.0.0.1:{rep}"
        cls.log = open(f"{cls.folder}/log", "wb")
        cls.processes = [subprocess.Popen(["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--dir", cls.folder, "--save", ""],
                                          stdout=cls.log, stderr=cls.log)]
        until(lambda: listens(redis), 60, "Redis listens")
        bbs = {role: f"{cls.certificates}/{file}" for role, file in
               [("ca_file", "ca.pem"), ("cert_file", "bbs.pem"), ("key_file", "bbs.key")]}
        config = {"listen_address": f"127.0.0.1:{cls.bbs}", "health_address": f"127.0.0.1:{health}", "require_ssl": True, **bbs,
                  "auctioneer_address": f"http://127.0.0.1:{cls.nobody}", "redis": {"host": "127.0.0.1", "port": redis}}
        with open(f"{cls.folder}/bbs.json", "w") as file:
            json.dump(config, file)
        cls.processes.append(subprocess.Popen([f"{BIN}/bbs", f"-config={cls.folder}/bbs.json"], stdout=cls.log, stderr=cls.log))
        until(lambda: listens(cls.bbs), 60, "the bbs listens")
        # A rep of which there is only what cell-state asks.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{cls.certificates}/rep-cell-1.pem", f"{cls.certificates}/rep-cell-1.key")
        context.load_verify_locations(f"{cls.certificates}/ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        cls.rep = http.server.ThreadingHTTPServer(("127.0.0.1", rep), RepAnswers)
        cls.rep.socket = context.wrap_socket(cls.rep.socket, server_side=True)
        threading.Thread(target=cls.rep.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.rep.shutdown()
        cls.rep.server_close()
        for process in reversed(cls.processes):
            process.kill()
            process.wait()
        cls.log.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def dot(self, *arguments, environment=None):
        environment = certified(self.certificates, "operator") if environment is None else environment
        return subprocess.run([f"{BIN}/causeway", "dot", *arguments], text=True, capture_output=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "BBS_URL": f"https://127.0.0.1:{self.bbs}", **environment})

    def check(self, arguments, lines, status=0, said=""):
        with self.subTest(" ".join(arguments)[:60]):
            done = self.dot(*arguments)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            found = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(sorted(found, key=lambda one: json.dumps(one, sort_keys=True)), lines)
            self.assertIn(said, done.stderr)

    def stream(self, *arguments):
        """A stream of events that stands, and its lines."""
        process = subprocess.Popen([f"{BIN}/causeway", "dot", *arguments], text=True, stdout=subprocess.PIPE,
                                   env={"PATH": os.environ["PATH"], "BBS_URL": f"https://127.0.0.1:{self.bbs}",
                                        **certified(self.certificates, "operator")})
        lines = []
        threading.Thread(target=lambda: [lines.append(json.loads(line)) for line in process.stdout], daemon=True).start()
        return process, lines

    def test_every_command(self):
        cell = json.dumps(dict(CELL, rep_url=self.rep_url))
        presence = {"key": "cell-1", "owner": "me", "value": cell, "type": "presence", "type_code": 2}
        lock = {"key": "k", "owner": "me", "value": "x", "type": "lock", "type_code": 1}
        other = dict(ACTUAL, index=1)
        with open(f"{self.folder}/update.json", "w") as file:
            file.write('{"instances":1,"annotation":"new"}')
        for row in [
                (["cells"], []),
                (["claim-presence", "-k", "cell-1", "-o", "me", "-v", cell, "-t", "600s"], []),
                (["presences"], [presence]),
                (["cells"], [dict(CELL, rep_url=self.rep_url)]),
                (["cell", "cell-1"], [dict(CELL, rep_url=self.rep_url)]),
                (["cell", "nowhere"], [], 5, "Cell not found"),
                (["cell-state", "cell-1"], [STATE]),
                (["cell-states"], [STATE]),
                (["cell-state", "nowhere"], [], 5, "Cell not found"),
                (["claim-lock", "-k", "k", "-o", "me", "-v", "x", "-t", "600s"], []),
                (["claim-lock", "-k", "k", "-o", "you", "-t", "600s"], [], 4, "Error: "),
                (["locks"], [lock]),
                (["release-lock", "-k", "k", "-o", "you"], [], 4, "Error: "),
                (["release-lock", "-k", "k", "-o", "me"], []),
                (["locks"], []),
                (["set-domain", "d", "-t", "600s"], []),
                (["domains"], ["d"]),
                (["create-desired-lrp", json.dumps(APP)], []),
                (["create-desired-lrp", json.dumps(APP)], [], 4, "Error: BBS error\nType 12: ResourceExists\nMessage: "),
                (["create-desired-lrp", '{"process_guid":"bad"}'], [], 4, "Type 4: InvalidRequest"),
                (["desired-lrp", "shop"], [DESIRED]),
                (["desired-lrp", "none"], [], 4, "Type 13: ResourceNotFound"),
                (["desired-lrps"], [DESIRED]),
                (["desired-lrps", "-d", "other"], []),
                (["desired-lrp-scheduling-infos"], [SCHEDULING]),
                (["desired-lrp-scheduling-infos", "-d", "other"], []),
                (["actual-lrps"], [ACTUAL, other]),
                (["actual-lrps", "-p", "shop", "-i", "1", "-d", "d"], [other]),
                (["actual-lrps", "-c", "nowhere"], []),
                (["update-desired-lrp", "shop", f"@{self.folder}/update.json"], []),
                (["update-desired-lrp", "none", "{}"], [], 4, "Type 13: ResourceNotFound"),
                (["desired-lrp", "shop"], [dict(DESIRED, instances=1, annotation="new")]),
                (["actual-lrps", "-p", "shop"], [ACTUAL]),
                (["retire-actual-lrp", "shop", "0"], []),
                (["retire-actual-lrp", "none", "0"], [], 4, "Type 13: ResourceNotFound"),
                (["delete-desired-lrp", "shop"], []),
                (["delete-desired-lrp", "shop"], [], 4, "Type 13: ResourceNotFound"),
                (["desired-lrps"], []),
                (["create-task", json.dumps(TASK)], []),
                (["create-task", json.dumps(TASK)], [], 4, "Type 12: ResourceExists"),
                (["task", "job"], [JOB]),
                (["task", "none"], [], 4, "Type 13: ResourceNotFound"),
                (["tasks"], [JOB]),
                (["tasks", "-d", "d", "-c", ""], [JOB]),
                (["tasks", "-d", "other"], []),
                (["tasks", "-c", "cell-9"], []),
                (["cancel-task", "job"], []),
                (["cancel-task", "job"], [], 4, "Type 9: InvalidStateTransition"),
                (["task", "job"], [dict(JOB, state="Completed", failed=True, failure_reason="task was cancelled", first_completed_at=Any(int))]),
                (["delete-task", "job"], []),
                (["delete-task", "job"], [], 4, "Type 13: ResourceNotFound"),
                (["tasks"], [])]:
            self.check(*row)

    def test_event_streams(self):
        lrps, lrp_lines = self.stream("lrp-events")
        apart, apart_lines = self.stream("lrp-events", "-x")
        tasks, task_lines = self.stream("task-events")
        try:
            def probed():
                self.dot("create-desired-lrp", json.dumps(dict(APP, process_guid="probe", instances=0)))
                self.dot("delete-desired-lrp", "probe")
                self.dot("create-task", json.dumps(dict(TASK, task_guid="probe")))
                self.dot("cancel-task", "probe")
                self.dot("delete-task", "probe")
                return lrp_lines and apart_lines and task_lines
            until(probed, 60, "all streams stand")
            self.dot("create-desired-lrp", json.dumps(dict(APP, process_guid="app", instances=1)))
            self.dot("delete-desired-lrp", "app")

            def of_app(lines):
                return [(line["type"], sorted(line["data"])) for line in lines if '"app"' in json.dumps(line)]
            until(lambda: any(kind == "desired_lrp_removed" for kind, _ in of_app(lrp_lines)), 60, "the app's end is told")
            until(lambda: any(kind == "desired_lrp_removed" for kind, _ in of_app(apart_lines)), 60, "to both")
            self.assertIn(("desired_lrp_created", ["desired_lrp", "trace_id"]), of_app(apart_lines))
            self.assertIn("actual_lrp_instance_created", {kind for kind, _ in of_app(lrp_lines)})
            self.assertEqual({kind for kind, _ in of_app(apart_lines) if kind in ("actual_lrp_created", "actual_lrp_removed")}, set())
            self.assertTrue({"task_created", "task_changed", "task_removed"} >= {line["type"] for line in task_lines})
        finally:
            for process in (lrps, apart, tasks):
                process.kill()
                process.wait()
                process.stdout.close()

    def test_who_is_not_served_is_told_why(self):
        good, others = certified(self.certificates, "operator"), certified(self.others, "operator")
        nowhere = f"https://127.0.0.1:{self.nobody}"
        wrong_authority = dict(good, CA_CERT_FILE=others["CA_CERT_FILE"])
        strangers = dict(others, CA_CERT_FILE=good["CA_CERT_FILE"])
        only_authority = {"CA_CERT_FILE": good["CA_CERT_FILE"]}
        for name, arguments, environment, status, said in [
                ("no certificates", ["cells"], {}, 3, "--caCertFile must be specified if using HTTPS and --skipCertVerify is not set"),
                ("no client certificate", ["cells"], only_authority, 3, "--clientCertFile and --clientKeyFile must both be specified"),
                ("no key", ["cells"], dict(only_authority, CLIENT_CERT_FILE=good["CLIENT_CERT_FILE"]), 3, "must both be specified"),
                ("file missing", ["cells"], dict(good, CLIENT_KEY_FILE="/nowhere.key"), 3, "/nowhere.key"),
                ("key of another", ["cells"], dict(good, CLIENT_KEY_FILE=others["CLIENT_KEY_FILE"]), 3, "operator"),
                ("the server's authority is unknown", ["cells"], wrong_authority, 4, "TLS"),
                ("our authority is unknown", ["cells"], strangers, 4, "TLS"),
                ("unverified", ["desired-lrps", "-d", "none", "--skipCertVerify"], wrong_authority, 0, ""),
                ("plain", ["cells", "--bbsURL", f"http://127.0.0.1:{self.bbs}"], good, 4, "Error: "),
                ("nobody there", ["cells", "--bbsURL", nowhere], good, 4, "Error: "),
                ("nobody there, a change", ["set-domain", "x", "--bbsURL", nowhere], good, 4, "Error: "),
                ("nobody there, a stream", ["lrp-events", "--bbsURL", nowhere], good, 4, "Error: "),
                ("nobody there, a lock", ["locks", "--locketAPILocation", f"127.0.0.1:{self.nobody}"], good, 4, "Error: "),
                ("no scheme known", ["cells", "--bbsURL", "ftp://x"], good, 3, "does not have an 'http' or 'https' scheme"),
                ("usage", ["cell"], good, 3, ""),
                ("usage", ["nonsense"], good, 3, "")]:
            with self.subTest(name):
                done = self.dot(*arguments, environment=environment)
                self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
                self.assertIn(said, done.stderr)
                self.assertEqual(bool(done.stderr), status != 0)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
