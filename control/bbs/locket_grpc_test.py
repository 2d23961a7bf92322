#!/usr/bin/python3
"""Locket's gRPC as its own clients speak it: Debian's python3-grpcio against the real bbs and redis-server, over mutual TLS and in the
clear; and what is no gRPC call at all.

Needs python3-grpcio, protoc, openssl, redis-server and a curl with HTTP/2 (tools/deps installs them).
usage: locket_grpc_test.py BIN_DIR SOURCE_DIR"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import grpc

for program in ("protoc", "curl", "openssl", "redis-server"):
    if shutil.which(program) is None:
        sys.exit(f"{program} is not installed")

bin_dir, source_dir = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(source_dir, "test", "support"))
from own_ports import free_port  # noqa: E402

folder = tempfile.mkdtemp(prefix="causeway-locket-")
processes = []
failures = []


def wait_for(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.02)  # polled with a deadline
    raise SystemExit(f"FAILED: {what} did not come")


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(*words):
    subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def spawn(*words):
    log = open(os.path.join(folder, f"{os.path.basename(words[0])}-{len(processes)}.log"), "w")
    processes.append(subprocess.Popen(words, cwd=folder, stdout=log, stderr=log))


def expect(what, got, wanted):
    print(("ok    " if got == wanted else "FAILED ") + what + ("" if got == wanted else f": got {got!r}, wanted {wanted!r}"))
    if got != wanted:
        failures.append(what)


def make_certificates():
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    with open(os.path.join(folder, "names"), "w") as names:
        names.write("subjectAltName=DNS:locket.service.cf.internal,IP:127.0.0.1\n")
    sign("server", "client")


def sign(*names):
    for name in names:
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", f"{name}.pem")


def content(name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def shown_certificate(port):
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2", "-cert", "client.pem", "-key", "client.key"],
                          cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stdout
    begin = said.find(b"-----BEGIN CERTIFICATE-----")
    return said[begin:said.find(b"-----END CERTIFICATE-----")]


def rotated(port, messages):
    before = shown_certificate(port)
    sign("server")
    wait_for("the new certificate", lambda: shown_certificate(port) not in (before, b""))
    expect("the new certificate is the file's", shown_certificate(port) in content("server.pem"), True)
    trusted = grpc.ssl_channel_credentials(content("ca.pem"), content("client.key"), content("client.pem"))
    locket = Locket(grpc.secure_channel(f"127.0.0.1:{port}", trusted), messages)
    expect("and serves", locket.fetch(messages.FetchRequest(key="auctioneer"), timeout=30).resource.owner, "b")


def start_bbs(redis_port, tls):
    ports = [free_port() for _ in range(3)]
    config = {"listen_address": f"127.0.0.1:{ports[0]}", "health_address": f"127.0.0.1:{ports[1]}",
              "locket_listen_address": f"127.0.0.1:{ports[2]}", "auctioneer_address": "http://127.0.0.1:1",
              "redis": {"port": redis_port}, "log_level": "error"}
    if tls:
        config.update({"ca_file": f"{folder}/ca.pem", "cert_file": f"{folder}/server.pem", "key_file": f"{folder}/server.key"})
    path = os.path.join(folder, f"bbs-{ports[0]}.json")
    with open(path, "w") as file:
        json.dump(config, file)
    spawn(os.path.join(bin_dir, "bbs"), "-config", path)
    wait_for("locket's port", lambda: accepts(ports[2]))
    return ports[2]


def stop_last():
    processes[-1].send_signal(signal.SIGTERM)
    expect("a clean end", processes.pop().wait(30), 0)


class Locket:
    def __init__(self, channel, messages):
        def call(name):
            return channel.unary_unary(f"/models.Locket/{name}", request_serializer=lambda m: m.SerializeToString(),
                                       response_deserializer=getattr(messages, f"{name}Response").FromString)
        self.lock, self.release, self.fetch, self.fetch_all = call("Lock"), call("Release"), call("Fetch"), call("FetchAll")


def refusal(call, request):
    try:
        call(request, timeout=30)
        return "OK"
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"


def resource(messages, key, owner, kind=1):
    return messages.Resource(key=key, owner=owner, value="v", type="lock" if kind == 1 else "presence", type_code=kind)


def exercise(locket, messages):
    lock = lambda owner, ttl=15, kind=1: messages.LockRequest(resource=resource(messages, "auctioneer", owner, kind), ttl_in_seconds=ttl)
    expect("a free lock is taken", refusal(locket.lock, lock("a")), "OK")
    expect("and renewed", refusal(locket.lock, lock("a")), "OK")
    expect("another owner is refused", refusal(locket.lock, lock("b")), "ALREADY_EXISTS lock-collision")
    expect("no ttl", refusal(locket.lock, lock("b", 0)), "INVALID_ARGUMENT invalid-ttl")
    expect("no owner", refusal(locket.lock, lock("")), "INVALID_ARGUMENT invalid-owner")
    for name, code in (("", 0), ("semaphore", 0), ("lock", 2), ("presence", 1), ("lock", 7)):
        odd = messages.Resource(key="odd", owner="b", type=name, type_code=code)
        expect(f"the type {name!r} with the code {code}", refusal(locket.lock, messages.LockRequest(resource=odd, ttl_in_seconds=15)),
               "INVALID_ARGUMENT invalid-type")
        expect("as a filter", refusal(locket.fetch_all, messages.FetchAllRequest(type=name, type_code=code)), "INVALID_ARGUMENT invalid-type")
    fetched = locket.fetch(messages.FetchRequest(key="auctioneer"), timeout=30)
    expect("it is fetched", (fetched.resource.owner, fetched.resource.value), ("a", "v"))
    expect("what is not there", refusal(locket.fetch, messages.FetchRequest(key="none")), "NOT_FOUND resource-not-found")
    for i in range(300):
        locket.lock(messages.LockRequest(resource=resource(messages, f"cell-{i}", "rep", 2), ttl_in_seconds=15), timeout=30)
    everyone = locket.fetch_all(messages.FetchAllRequest(type_code=2), timeout=30)
    expect("all presences", len(everyone.resources), 300)
    by_name = locket.fetch_all(messages.FetchAllRequest(type="lock"), timeout=30)
    expect("all locks, by the deprecated name", [(r.key, r.type, r.type_code) for r in by_name.resources], [("auctioneer", "lock", 1)])
    named = messages.Resource(key="named", owner="rep", type="presence")
    expect("a presence by the deprecated name", refusal(locket.lock, messages.LockRequest(resource=named, ttl_in_seconds=15)), "OK")
    expect("is one by code too", locket.fetch(messages.FetchRequest(key="named"), timeout=30).resource.type_code, 2)
    expect("and goes", refusal(locket.release, messages.ReleaseRequest(resource=named)), "OK")
    expect("what is not there is released", refusal(locket.release, messages.ReleaseRequest(resource=named)), "OK")
    expect("the wrong owner releases nothing", refusal(locket.release, messages.ReleaseRequest(resource=resource(messages, "auctioneer", "b"))),
           "ALREADY_EXISTS lock-collision")
    expect("the owner does", refusal(locket.release, messages.ReleaseRequest(resource=resource(messages, "auctioneer", "a"))), "OK")
    expect("it is free again", refusal(locket.lock, lock("b")), "OK")
    expect("calls side by side", [call.result().resource.owner for call in
                                  [locket.fetch.future(messages.FetchRequest(key="auctioneer"), timeout=30) for _ in range(200)]], ["b"] * 200)


def curl(port, path, body, content_type="application/grpc", method="POST"):
    with open(os.path.join(folder, "body"), "wb") as file:
        file.write(body)
    said = subprocess.run(["curl", "-s", "-i", "--max-time", "30", "--http2-prior-knowledge", "-X", method, "-H", f"content-type: {content_type}",
                           "--data-binary", "@body", f"http://127.0.0.1:{port}{path}"], cwd=folder, capture_output=True).stdout.decode("latin-1")
    status = said.split(" ")[1] if " " in said else ""
    code = [line.split(": ")[1] for line in said.split("\r\n") if line.startswith("grpc-status")]
    return " ".join([status] + code)


def malformed(port):
    path = "/models.Locket/Fetch"
    expect("an unknown method", curl(port, "/models.Locket/Steal", b"\0\0\0\0\0"), "200 12")
    expect("no prefix", curl(port, path, b"\0\0"), "200 13")
    expect("compressed", curl(port, path, b"\1\0\0\0\0"), "200 12")
    expect("shorter than it says", curl(port, path, b"\0\0\0\0\5abc"), "200 13")
    expect("two messages", curl(port, path, b"\0\0\0\0\0\0\0\0\0\0"), "200 13")
    expect("no protobuf", curl(port, path, b"\0\0\0\0\2\xff\xff"), "200 3")
    expect("too long", curl(port, path, b"\0\0\x20\0\0" + b"x" * 0x200000), "200 8")
    expect("not gRPC", curl(port, path, b"{}", "application/json"), "415")
    expect("not a POST", curl(port, path, b"", method="PUT"), "405")


def main():
    proto = next(os.path.join(where, "locket.proto") for where, _, files in os.walk(os.path.join(source_dir, "lib/cf")) if "locket.proto" in files)
    run("protoc", f"--proto_path={os.path.dirname(proto)}", f"--python_out={folder}", proto)
    sys.path.insert(0, folder)
    import locket_pb2 as messages
    make_certificates()
    redis_port = free_port()
    spawn("redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    wait_for("redis", lambda: accepts(redis_port))

    port = start_bbs(redis_port, tls=False)
    exercise(Locket(grpc.insecure_channel(f"127.0.0.1:{port}"), messages), messages)
    malformed(port)
    stop_last()
    run("redis-cli", "-p", str(redis_port), "FLUSHALL")

    port = start_bbs(redis_port, tls=True)
    trusted = grpc.ssl_channel_credentials(content("ca.pem"), content("client.key"), content("client.pem"))
    exercise(Locket(grpc.secure_channel(f"127.0.0.1:{port}", trusted), messages), messages)
    stranger = Locket(grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(content("ca.pem"))), messages)
    expect("a client without a certificate", refusal(stranger.fetch, messages.FetchRequest(key="auctioneer")).split(" ")[0], "UNAVAILABLE")
    rotated(port, messages)
    stop_last()


try:
    main()
finally:
    for process in processes:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(1 if failures else 0)
