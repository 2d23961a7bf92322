"""Clients that want to keep the router busy, or its memory, with HTTP/2. Each says the bound that is held."""
import os
import struct
import threading
import time

import h2_hpack as hpack
from h2_client import *  # noqa: F403

ATTACKS = []
MIB = 1024 * 1024


def attack(text, waits=False):
    """`waits`: for times to pass, most of the time; runs beside others."""
    def add(function):
        ATTACKS.append((text, function, waits))
        return function
    return add


def cpu_seconds(router):
    with open(f"/proc/{router.program.process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flood(router, data, frames_max, code=ENHANCE_YOUR_CALM, batch=64, cpu_max=2.0, prepare=None):
    """Says it again and again; the connection must end with that GOAWAY within so many frames, and at no great cost."""
    client = Client(router.port)
    if prepare:
        prepare(client)
    began, said = cpu_seconds(router), 0
    while not client.closed and client.goaway is None and said < 4 * frames_max:
        if not client.send(data * batch):
            break
        said += batch
        while client.read(0.0):
            pass
    client.until(lambda: client.closed, "the end of the connection")
    spent = cpu_seconds(router) - began
    client.close()
    assert client.goaway == code, f"GOAWAY {client.goaway}"
    assert said <= 2 * frames_max, f"{said} frames were taken"
    assert spent < cpu_max, f"{spent} s of CPU"
    still_served(router)
    return f"ended after at most {said} frames, {spent:.2f} s of CPU"


def still_served(router):
    client = Client(router.port)
    client.alive()
    client.close()


@attack("rapid reset (CVE-2023-44487): requests cancelled as soon as they are made")
def rapid_reset(router, backend):
    client = Client(router.port)
    began, said = cpu_seconds(router), 0
    while not client.closed and client.goaway is None and said < 100000:
        data = b""
        for _ in range(50):
            number, client.next_id = client.next_id, client.next_id + 2
            data += frame(HEADERS, END_HEADERS | END_STREAM, number, hpack.block(request_fields())) + reset(number)
        said += 50
        if not client.send(data):
            break
        while client.read(0.0):
            pass
    client.until(lambda: client.closed, "the end")
    assert client.goaway == ENHANCE_YOUR_CALM, client.goaway
    spent = cpu_seconds(router) - began
    assert said <= 2000 and spent < 2, (said, spent)
    assert backend.accepted < 300, backend.accepted
    still_served(router)
    return f"ended after {said} requests; {backend.accepted} connections to the backend, {spent:.2f} s of CPU"


def post(number, more=()):
    return frame(HEADERS, END_HEADERS, number, hpack.block(request_fields(method="POST", more=more)))


def connect(number):
    return frame(HEADERS, END_HEADERS, number, hpack.block(
        [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "app.example")]))


for how, make in (
        ("trailers of a tunnel that has no answer yet", lambda number: connect(number) + frame(HEADERS, END_HEADERS, number, b"")),
        ("a window that grows too large", lambda number: post(number) + window_update(number, 0x7fffffff)),
        ("more of a body than its length", lambda number: post(number, [("content-length", "1")]) + frame(DATA, 0, number, b"xy")),
        ("less of a body than its length", lambda number: post(number, [("content-length", "9")]) + frame(DATA, END_STREAM, number, b"xy")),
        ("trailers with a pseudo field", lambda number: post(number) + frame(HEADERS, END_HEADERS | END_STREAM, number, hpack.block([(":path", "/")]))),
        ("a field of an HTTP/1 connection", lambda number: post(number, [("connection", "close")])),
        ("a head that is refused", lambda number: post(number, [("host", "other.example")]))):
    attack(f"made you reset (CVE-2025-8671): {how}")(lambda router, backend, make=make: made_you_reset(router, backend, make))


def made_you_reset(router, backend, make):
    """Requests broken by the client's own frames, so that it is the server that resets them."""
    client = Client(router.port)
    said = 0
    while not client.closed and client.goaway is None and said < 100000:
        data = b""
        for _ in range(50):
            number, client.next_id = client.next_id, client.next_id + 2
            data += make(number)
        said += 50
        # Its resets are out before the next ones come: there are never too many streams at a time.
        if not client.send(data + frame(PING, payload=b"%8d" % said)):
            break
        client.until(lambda: client.closed or client.goaway is not None or len(client.pings) * 50 == said, "an answer")
    client.until(lambda: client.closed, "the end")
    assert client.goaway == ENHANCE_YOUR_CALM and said <= 2000, (client.goaway, said)
    still_served(router)
    return f"ended after {said} requests; {backend.accepted} connections to the backend"


@attack("CONTINUATION flood: a head that never ends")
def continuation_flood(router, _):
    client = Client(router.port)
    before = router.memory_kib()
    client.send(frame(HEADERS, END_STREAM, 1, hpack.block(request_fields())))
    said = 0
    while said < 10000 and client.send(frame(CONTINUATION, 0, 1, hpack.field("x-more", "y" * 16000))):
        said += 1
        while client.read(0.0):
            pass
        if client.closed or client.goaway is not None:
            break
    client.until(lambda: client.closed, "the end")
    grown = router.memory_kib() - before
    assert client.goaway in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, INTERNAL_ERROR) and said <= 600, (client.goaway, said)
    assert grown < 8 * 1024, f"{grown} KiB"
    still_served(router)
    return f"ended after {said} frames, {grown} KiB more memory"


@attack("CONTINUATION trickle: a head that comes a byte at a time", waits=True)
def continuation_trickle(router, _):
    client, began = Client(router.port), time.monotonic()
    client.send(frame(HEADERS, END_STREAM, 1, hpack.block(request_fields())[:5]))
    while not client.closed and client.goaway is None and time.monotonic() - began < 20:
        client.send(frame(CONTINUATION, 0, 1, b""))
        client.read(0.3)
    client.until(lambda: client.closed, "the end")
    took = time.monotonic() - began
    assert took < 3 + 17, took
    return f"ended after {took:.1f} s (read_header_timeout is 3 s)"


for kind, data in (("SETTINGS", settings()), ("SETTINGS with a value", settings((INITIAL_WINDOW_SIZE, 65535))),
                   ("PING", frame(PING, payload=b"12345678")), ("PRIORITY", frame(PRIORITY, 0, 1, b"\0\0\0\0\x10")),
                   ("PING of answers nobody asked for", frame(PING, ACK, 0, b"12345678")),
                   ("WINDOW_UPDATE", window_update(0, 1)), ("unknown frames", frame(0xbe, 0, 0, b""))):
    attack(f"{kind} flood")(lambda router, _, data=data: flood(router, data, 4000))


@attack("RST_STREAM and WINDOW_UPDATE flood for a stream that has ended")
def closed_stream_flood(router, _):
    def prepare(client):
        client.answer(client.request())
    return flood(router, reset(1) + window_update(1, 1), 2000, prepare=prepare)


@attack("PING flood by a client that reads no answer")
def unread_pings(router, _):
    client, before, said = Client(router.port), router.memory_kib(), 0
    client.socket.settimeout(1)
    try:
        while said < 20000:
            client.socket.sendall(frame(PING, payload=b"12345678") * 256)
            said += 256
    except OSError:
        pass
    client.until(lambda: client.closed, "the end of the connection")
    grown = router.memory_kib() - before
    assert client.goaway == ENHANCE_YOUR_CALM and len(client.pings) <= 8000 and grown < 2048, (client.goaway, len(client.pings), grown)
    client.close()
    still_served(router)
    return f"ended after {len(client.pings)} answers, {grown} KiB more memory"


def body_flood(router, data):
    client = Client(router.port)
    number = client.request(method="POST", end=False)
    said = 0
    while not client.closed and client.goaway is None and said < 100000:
        if not client.send(data(number) * 64):
            break
        said += 64
        while client.read(0.0):
            pass
    client.until(lambda: client.closed, "the end")
    assert client.goaway == ENHANCE_YOUR_CALM and said <= 8000, (client.goaway, said)
    still_served(router)
    return f"ended after at most {said} frames"


@attack("empty DATA flood")
def empty_data(router, _):
    return body_flood(router, lambda number: frame(DATA, 0, number, b""))


@attack("DATA of nothing but padding")
def padding_only(router, _):
    return body_flood(router, lambda number: frame(DATA, PADDED, number, b"\0"))


@attack("HPACK bomb: small blocks that stand for large heads")
def hpack_bomb(router, _):
    client = Client(router.port)
    before, began = router.memory_kib(), cpu_seconds(router)
    plain = hpack.block(request_fields())
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain + hpack.indexed_field("x-bomb", "x" * 4000)))
    client.answer(1)
    for number in range(3, 3 + 80, 2):
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, number, plain + b"\xbe" * 16000))
        client.until(lambda number=number: client.closed or client.stream(number).ended or client.stream(number).reset is not None, "an answer")
        if client.closed:
            break
        assert client.stream(number).status == 431, client.stream(number).status
    grown, spent = router.memory_kib() - before, cpu_seconds(router) - began
    client.close()
    assert grown < 8 * 1024 and spent < 10, (grown, spent)
    still_served(router)
    return f"40 heads of 64 MB each: 431, {grown} KiB more memory, {spent:.2f} s of CPU"


@attack("HPACK bomb in many streams: each of their heads within its limit, all kept at the same time")
def hpack_bomb_in_many_streams(router, backend):
    client = Client(router.port)
    client.answer(client.request(more=[("x-first", "1")]))
    before, began = router.memory_kib(), cpu_seconds(router)
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, hpack.block(request_fields()) + hpack.indexed_field("x-bomb", "x" * 3000)))
    client.answer(3)
    client.next_id = 5
    # 150 heads of 60 KB each out of 100 bytes each, 9 MB in all.
    numbers, block = [], hpack.block(request_fields(path="/held")) + b"\xbe" * 20
    for _ in range(150):
        numbers.append(client.next_id)
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, client.next_id, block))
        client.next_id += 2
    client.send(frame(PING, payload=b"all read"))
    client.until(lambda: client.pings, "the answer to a PING")
    refused = [number for number in numbers if client.stream(number).reset == REFUSED_STREAM]
    grown, spent = router.memory_kib() - before, cpu_seconds(router) - began
    assert 70 < len(refused) < 100 and client.goaway is None, (len(refused), client.goaway)
    # 4 MiB of heads; for each of the streams that are served, what is on its way to the backend.
    bound = 4 * 1024 + (150 - len(refused)) * (64 + 64)
    assert grown < bound and spent < 2, (grown, bound, spent)
    backend.gate.set()
    for number in numbers:
        if number not in refused:
            assert client.answer(number).status == 200
    client.alive()
    client.close()
    return f"{len(refused)} of 150 were refused, {grown} KiB more memory, {spent:.2f} s of CPU; the others were served"


@attack("slow reader: windows wide open, a socket that is not read", waits=True)
def unread_socket(router, _):
    before = router.memory_kib()
    client = Client(router.port, own_settings=[(INITIAL_WINDOW_SIZE, 0x7fffffff)], read_windows=False)
    client.send(window_update(0, 0x7fffffff - 65535))
    for _ in range(50):
        client.request(path="/big/10000000")
    began, highest = time.monotonic(), 0
    while router.metrics().get("http2_stalled_streams", 0) == 0 and time.monotonic() - began < 30:
        highest = max(highest, router.memory_kib() - before)
        time.sleep(0.1)
    took = time.monotonic() - began
    # 1 MiB of the connection, and for each stream what its backend said in one read.
    bound = 1024 + 50 * (64 + 64 + 16) + 1024
    assert highest < bound and took < 25, (highest, bound, took)
    client.until(lambda: client.closed, "the end of the connection")
    client.close()
    still_served(router)
    return f"50 replies of 10 MB: {highest} KiB more memory, the connection ended within {took:.0f} s"


@attack("zero windows: replies that nobody takes", waits=True)
def zero_windows(router, backend):
    clients, before = [], router.memory_kib()
    for _ in range(20):
        client = Client(router.port, own_settings=[(INITIAL_WINDOW_SIZE, 0)], read_windows=False)
        for _ in range(20):
            client.request(path="/big/10000000")
        clients.append(client)
    for client in clients:
        client.until(lambda client=client: sum(1 for each in client.streams.values() if each.heads) == 20, "all heads")
    time.sleep(1)
    grown = router.memory_kib() - before
    # Each connection holds 1 MiB and for each of its streams what the backend said in one read; a session has its own 40 KiB.
    bound = 20 * (1024 + 20 * 64 + 40 + 20 * 16)
    assert grown < bound, f"{grown} KiB, more than {bound}"
    began = time.monotonic()
    for client in clients:
        client.until(lambda client=client: client.closed or all(each.reset is not None for each in client.streams.values()), "resets")
    took = time.monotonic() - began
    assert took < 25, took
    for client in clients:
        client.close()
    still_served(router)
    return f"400 replies of 10 MB: {grown} KiB more memory, all reset within {took:.0f} s"


@attack("dribbling windows: a byte of window at a time", waits=True)
def dribbling_windows(router, _):
    client = Client(router.port, own_settings=[(INITIAL_WINDOW_SIZE, 1)], read_windows=False)
    number, began, spent = client.request(path="/big/10000000"), time.monotonic(), cpu_seconds(router)
    while not client.closed and client.stream(number).reset is None and time.monotonic() - began < 30:
        client.send(window_update(number, 1))
        client.read(0.02)
    took, spent = time.monotonic() - began, cpu_seconds(router) - spent
    assert client.stream(number).reset == CANCEL or client.goaway == ENHANCE_YOUR_CALM, (client.stream(number).reset, client.goaway)
    assert took < 25 and spent < 5, (took, spent)
    client.close()
    still_served(router)
    return f"reset after {took:.0f} s and {len(client.stream(number).data_frames)} frames"


@attack("uploads that no backend takes: the client is held back", waits=True)
def stuck_uploads(router, backend):
    before = router.memory_kib()
    client = Client(router.port)
    numbers = [client.request(method="POST", path="/slow-upload", end=False) for _ in range(16)]
    sent, window = {number: 0 for number in numbers}, client.settings[INITIAL_WINDOW_SIZE]
    connection = 65535
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 2:
        moved = False
        for number in numbers:
            if window + client.windows.get(number, 0) - sent[number] >= 16384 and connection + client.windows.get(0, 0) - sum(sent.values()) >= 16384:
                client.send(frame(DATA, 0, number, b"x" * 16384))
                sent[number] += 16384
                moved = True
        if client.read(0.01) or moved:
            quiet_since = time.monotonic()
    grown = router.memory_kib() - before
    # A window of the connection, and for each stream the bytes on their way to its backend.
    assert grown < 1024 + 16 * (64 + 256 + 64) + 4096, f"{grown} KiB"
    backend.gate.set()
    for number in numbers:
        client.send(frame(DATA, END_STREAM, number, b""))
    assert all(client.answer(number).status == 200 for number in numbers)
    client.close()
    return f"{sum(sent.values()) // MIB} MiB went into the backend's sockets, {grown} KiB more memory, then all were taken"


@attack("a connection that says nothing, or half of its preface", waits=True)
def silence(router, _):
    began = time.monotonic()
    half = Client(router.port, greet=False)
    half.send(PREFACE[:10])
    frames_missing = Client(router.port, greet=False)
    frames_missing.send(PREFACE)
    for client in (half, frames_missing):
        client.until(lambda client=client: client.closed, "the end", 15)
    took = time.monotonic() - began
    assert took < 13, took
    return f"both ended within {took:.1f} s"


@attack("PINGs do not keep an idle connection", waits=True)
def idle_pings(router, _):
    client, began = Client(router.port), time.monotonic()
    client.alive()
    while not client.closed and time.monotonic() - began < 40:
        client.send(frame(PING, payload=b"12345678"))
        time.sleep(0.2)
        while client.read(0.0):
            pass
    took = time.monotonic() - began
    assert client.goaway == NO_ERROR and took < 30, (client.goaway, took)
    return f"ended after {took:.0f} s (frontend_idle_timeout is 5 s)"
