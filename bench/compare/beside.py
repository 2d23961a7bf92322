"""Modes that ask what traffic feels beside something else: slow clients, a hundred thousand routes being registered."""
import json
import os
import subprocess
import time

from measure import middle, round_of
from modes import Mode, load_shape
from proc import Failure, raise_descriptor_limit, resident_bytes, scheduled
from servers import HOST

RATE = 1000
PATIENCE = 30  # seconds
POLITENESS = "15"  # what loads without being measured waits behind what is: they share a CPU


class Beside(Mode):
    """Each round: open loop alone, the same beside the other. `wait_us`: how long the proxy's own thread waited for its
    CPU each time it was woken, mean, so that the proxy's part can be told from the generator's."""

    columns = ("p99_alone_ms", "p50_ms", "p99_ms", "p99_x", "wait_us", "cpu_us", "rss_mb", "errors")
    goals = (("p99_x", None, 2.0),)

    def __init__(self, name, about, servers, columns=None):
        super().__init__(name, about, {**load_shape(64), "rate": RATE}, servers, self.goals, columns or self.columns)

    def measure(self, stage, options, done):
        done["notes"].append(f"{RATE} requests/s, open loop; what runs beside it is niced by {POLITENESS}")
        names = self.wanted(options)
        done["rounds"], done["records"] = {name: [] for name in names}, {}
        for number in range(options.rounds):
            for name in names:
                metrics, record = self.one_round(stage, options, name, number)
                done["rounds"][name].append(metrics)
                done["medians"][name], _ = middle(done["rounds"][name])
                done["records"][name] = record
                done["notes"] += [f"{name}: {limit}" for limit in record["generator"]["limits"]]
            stage.trim_logs()

    def one_round(self, stage, options, name, number):
        server = stage.start(name, f"{self.name}-{name}-{number}", stage.proxy_cpus)
        try:
            round_of(stage, server, options, {**self.shape, "seconds": 0.3})  # what traffic needs is there
            before = scheduled(server.pid)
            alone, _ = round_of(stage, server, options, self.shape)
            after = scheduled(server.pid)
            worker = max(after, key=lambda task: after[task][0] - before.get(task, (0, 0, 0))[0])
            metrics, record = self.disturbed(stage, options, server, worker)
        finally:
            stage.end_server(server)
        metrics["p99_alone_ms"] = alone["p99_ms"]
        metrics["p99_x"] = metrics["p99_ms"] / max(alone["p99_ms"], 1e-3)
        return metrics, record

    @staticmethod
    def watched_round(stage, options, server, worker, shape):
        before = scheduled(server.pid)[worker]
        metrics, record = round_of(stage, server, options, shape)
        after = scheduled(server.pid)[worker]
        metrics["wait_us"] = (after[1] - before[1]) / 1000 / max(after[2] - before[2], 1)
        return metrics, record

    @staticmethod
    def politely(stage, argv, **options):
        return subprocess.Popen(["taskset", "-c", ",".join(map(str, stage.generator_cpus)), "nice", "-n", POLITENESS,
                                 f"{stage.bin}/causeway-bench"] + argv, stdin=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, **options)


class Slow(Beside):
    """Clients that send a byte of their head a second, and as many that read a byte of 100 KB a second."""

    each = 2000

    def disturbed(self, stage, options, server, worker):
        count = min(self.each, (raise_descriptor_limit() - 1500) // 4)
        memory = resident_bytes(server.pid)
        slow = []
        try:
            for size, speed in ((128, "--send-speed"), (100_000, "--read-speed")):
                slow.append(self.politely(stage, ["http", f"http://{HOST}/bytes/{size}", "--connect",
                                                  f"127.0.0.1:{server.port}", "--closed", "-c", str(count), "-d", "300s",
                                                  "--timeout", "300s", speed, "1"], stdout=subprocess.DEVNULL))
            deadline = time.monotonic() + PATIENCE
            while len(os.listdir(f"/proc/{server.pid}/fd")) < 2 * count:
                if time.monotonic() > deadline or any(one.poll() is not None for one in slow):
                    raise Failure(f"{server.name} does not take {2 * count} slow clients{server.end_as_text()}")
                time.sleep(0.05)
            time.sleep(1)  # the replies have come as far as they go
            metrics, record = self.watched_round(stage, options, server, worker, self.shape)
            metrics["conn_bytes"] = (resident_bytes(server.pid) - memory) / (2 * count)
        finally:
            for one in slow:
                one.kill()
                one.wait()
        return metrics, record


class Churn(Beside):
    """A hundred thousand routes registered at once, in a router that has none."""

    routes = 100_000

    def disturbed(self, stage, options, server, worker):
        said = f"{stage.folder}/churn.json"
        for task in os.listdir(f"/proc/{stage.nats_pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(task), int(POLITENESS))
        churn = self.politely(stage, ["churn", "--nats", f"127.0.0.1:{stage.nats_port}", "--router",
                                      f"127.0.0.1:{server.port}", "--backend", f"127.0.0.1:{stage.backend.port}",
                                      "--routes", str(self.routes), "--replace", "0", "--refresh", "0s", "--quiet", "0s",
                                      "--duration", "0s", "--verify", "100", "--json", said,
                                      "--watch", f"router={server.pid}"], stdout=subprocess.PIPE, text=True)
        metrics, record = self.watched_round(stage, options, server, worker,
                                             {**self.shape, "seconds": 0.8, "warm_up": 0.1})
        churn.communicate()
        if churn.returncode != 0:
            raise Failure(f"the registration ended with status {churn.returncode}{server.end_as_text()}")
        with open(said) as file:
            registered = json.load(file)
        metrics["routable_s"] = registered["registration"]["last_routable_after_s"]
        metrics["rss_mb"] = next(one["processes"][0]["rss_bytes"] for one in registered["phases"]
                                 if one["name"] == "registration") / 1e6
        return metrics, record


PROXIES_AND_SLOW = ("router", "haproxy", "nginx")
MODES = [
    Slow("slow", "traffic beside 4,000 slow clients: half send, half read a byte a second", PROXIES_AND_SLOW,
         columns=Beside.columns + ("conn_bytes",)),
    Churn("churn", "traffic while 100,000 routes are registered from empty", ("router",),
          columns=Beside.columns + ("routable_s",)),
]
