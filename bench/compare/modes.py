"""What can be compared, by name. A mode measures and answers; it prints nothing."""
import shutil
import statistics
import subprocess
import sys

from measure import limits_of, middle, round_of, syscalls
from proc import Failure, raise_descriptor_limit, resident_bytes
from servers import HOST, PROXIES


class Mode:
    """Closed loop at saturation unless `rate_of` names the server whose saturation is halved. `goals`: (metric,
    reference, limit) of the router's ratio, or (metric, None, limit) of its own figure."""

    columns = ("rps", "cpu_us", "p50_ms", "p99_ms", "rss_mb", "busy", "load_busy", "errors")

    def __init__(self, name, about, shape, servers=PROXIES, goals=(), columns=None):
        self.name, self.about, self.shape, self.servers, self.goals = name, about, shape, servers, goals
        self.columns = columns or self.columns

    def wanted(self, options):
        return [name for name in self.servers if name.partition(":")[0] in options.only]

    def measure(self, stage, options, done):
        """Fills `done` round by round, so that what there is can be shown when it is cut short."""
        servers = {name: stage.server(name) for name in self.wanted(options)}
        self.rounds(stage, options, done, servers, self.shape)
        done["notes"] += limits_of(done["medians"], False)

    def rounds(self, stage, options, done, servers, shape, extra=None):
        done["rounds"] = {name: [] for name in servers}
        done["records"] = {}
        records = {name: [] for name in servers}
        order = list(servers)
        for number in range(options.rounds):
            for name in order[number % len(order):] + order[:number % len(order)]:
                metrics, record = round_of(stage, servers[name], options, shape)
                metrics.update((extra or {}).get(name, {}))
                done["rounds"][name].append(metrics)
                records[name].append(record)
                done["medians"][name], best = middle(done["rounds"][name])
                done["records"][name] = records[name][best]
            stage.trim_logs()


class Tcp(Mode):
    """Bytes passed without being looked at."""

    def measure(self, stage, options, done):
        super().measure(stage, options, done)
        if "nginx" in options.only:
            done["notes"].append("nginx is left out: it takes its stream module, which tools/deps does not ask for")


class HalfRate(Mode):
    """Open loop at half of what haproxy can."""

    def measure(self, stage, options, done):
        reference = stage.server("haproxy" if "haproxy" in options.only else self.wanted(options)[0])
        rates = [round_of(stage, reference, options, self.shape)[0]["rps"] for _ in range(min(options.rounds, 3))]
        rate = statistics.median(rates) / 2
        done["notes"].append(f"{rate:.0f} requests/s, half of the saturation of {reference.name}")
        servers = {name: stage.server(name) for name in self.wanted(options)}
        self.rounds(stage, options, done, servers, {**self.shape, "rate": max(rate, 1)})
        for name, record in done["records"].items():
            done["notes"] += [f"{name}: {limit}" for limit in record["generator"]["limits"]]


class Idle(Mode):
    """Many idle connections beside the active ones, on servers that are started for it."""

    measured_at = 9000

    def measure(self, stage, options, done):
        count = options.idle
        room = raise_descriptor_limit() - 1500  # active ones, their backend connections, what is open anyway
        if count > room:
            done["notes"].append(f"{room} idle connections, not {count}: the limit of descriptors per process")
            count = room
        done["notes"].append(f"{count} idle connections, memory measured at {min(count, self.measured_at)}")
        servers, holders, extra = {}, [], {}
        try:
            for name in self.wanted(options):
                servers[name] = stage.start(name, f"idle-{name}", stage.proxy_cpus)
                round_of(stage, servers[name], options, self.shape)  # what active ones need is there
                extra[name] = {"idle_bytes": self.hold(stage, servers[name], count, holders)}
            self.rounds(stage, options, done, servers, self.shape, extra)
        finally:
            for holder in holders:
                holder.kill()
                holder.wait()
            for server in servers.values():
                stage.end_server(server)
        done["notes"] += limits_of(done["medians"], False)

    def hold(self, stage, server, count, holders):
        """Opens `count` idle ones; bytes of memory for each of the first measured_at."""
        first = min(count, self.measured_at)
        counts = [str(first)] + ([str(count)] if count > first else [])
        before = resident_bytes(server.pid)
        holder = subprocess.Popen(["taskset", "-c", ",".join(map(str, stage.generator_cpus)), sys.executable,
                                   f"{sys.path[0]}/idle.py", str(server.port), HOST] + counts,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        memory = 0
        for number, wanted in enumerate(counts):
            said = holder.stdout.readline().strip()
            if said != f"open {wanted}":
                raise Failure(f"idle connections to {server.name}: {said or 'their holder ended'}")
            if number == 0:
                memory = resident_bytes(server.pid) - before
            if number + 1 < len(counts):
                holder.stdin.write("\n")
                holder.stdin.flush()
        return memory / first


class Workers(Mode):
    """Two workers beside one, each on all CPUs it can use."""

    def measure(self, stage, options, done):
        free = len(stage.cpus) >= 6
        cpus = stage.cpus[:2] if free else stage.cpus
        if not free:
            done["notes"].append(f"{len(stage.cpus)} CPUs: none is free for a second worker, so that only CPU per request "
                                 "compares, not req/s")
        servers = {}
        try:
            for name in self.wanted(options):
                servers[name] = stage.start(name, f"free-{name.replace(':', '-')}", cpus)
            self.rounds(stage, options, done, servers, self.shape)
        finally:
            for server in servers.values():
                stage.end_server(server)
        one, two = (done["medians"][name] for name in self.servers)
        done["notes"].append(f"two workers / one: req/s x{two['rps'] / one['rps']:.2f}, "
                             f"CPU per request x{two['cpu_us'] / one['cpu_us']:.2f}")


TRACED_SECONDS = 3  # at least: what opening and closing 64 connections costs is to vanish in the requests


class Syscalls(Mode):
    columns = ("io_calls", "wait_calls", "other_calls")

    def measure(self, stage, options, done):
        if not shutil.which("strace"):
            raise Failure("strace is missing")
        for name in self.wanted(options):
            server = stage.server(name)
            metrics, record = syscalls(stage, server, options, self.shape, TRACED_SECONDS)
            calls = metrics.pop("calls")
            requests = metrics["requests"]
            done["rounds"][name] = [metrics]
            done["medians"][name] = metrics
            done["records"][name] = record
            done["notes"].append(f"{name}: " + ", ".join(f"{call} {count / requests:.3f}" for call, count in
                                                         list(calls.items())[:8] if count / requests >= 0.001))


def load_shape(connections, size=128, close=False):
    return {"connections": connections, "bytes": size, "close": close}


BULK = ("mb_per_cpu_s", "rps", "p50_ms", "p99_ms", "rss_mb", "busy", "load_busy", "errors")
MODES = [
    Mode("keep-alive-64", "64 keep-alive connections, 128 B replies", load_shape(64), goals=(
        ("cpu_us", "haproxy", 1.0), ("cpu_us", "nginx", 1.0), ("rps", "haproxy", 1.0), ("rps", "nginx", 1.0),
        ("cpu_us", "floor", 1.25))),
    Mode("keep-alive-1", "1 keep-alive connection, 128 B replies", load_shape(1)),
    Mode("keep-alive-512", "512 keep-alive connections, 128 B replies", load_shape(512)),
    Mode("16k-64", "64 keep-alive connections, 16 KiB replies", load_shape(64, 16 << 10)),
    Mode("1m-16", "16 keep-alive connections, 1 MiB replies", load_shape(16, 1 << 20), columns=BULK,
         goals=(("mb_per_cpu_s", "nginx", 1.0),)),
    Tcp("tcp-16", "a TCP route, 16 keep-alive connections, 1 MiB replies, splicing", load_shape(16, 1 << 20),
        servers=("router:tcp", "haproxy:tcp", "floor"), columns=BULK),
    Tcp("tcp-64", "a TCP route, 64 keep-alive connections, 128 B replies", load_shape(64),
        servers=("router:tcp", "haproxy:tcp", "floor")),
    Mode("close-64", "a connection per request, 64 at a time, 128 B replies", load_shape(64, close=True)),
    Mode("log-64", "access log on and off, 64 keep-alive connections, 128 B replies", load_shape(64),
         servers=("router", "router:no-log")),
    HalfRate("half-rate", "open loop at half of haproxy's saturation, 64 connections, 128 B replies", load_shape(64),
             columns=("rps", "p50_ms", "p99_ms", "cpu_us", "busy", "errors"), goals=(("p99_ms", "haproxy", 1.0),)),
    Idle("idle", "idle connections (--idle) beside 64 active ones, 128 B replies", load_shape(64),
         servers=("router", "haproxy", "nginx"),
         columns=("idle_bytes", "rps", "cpu_us", "p50_ms", "p99_ms", "rss_mb", "busy", "load_busy", "errors"),
         goals=(("idle_bytes", None, 4096),)),
    Workers("workers", "two workers and one, 64 keep-alive connections, 128 B replies", load_shape(64),
            servers=("router:workers-1", "router:workers-2")),
    Syscalls("syscalls", "system calls per request (strace), 64 keep-alive connections, 128 B replies", load_shape(64),
             goals=(("io_calls", None, 4.05), ("wait_calls", None, 1.0))),
]
