"""A client of HTTP/2 that says frames, whole or broken ones, and notes what comes back."""
import socket
import struct
import time

import h2_hpack as hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION) = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM,
 CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
(HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE) = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8
PATIENCE = 30


def frame(kind, flags=0, stream=0, payload=b"", size=None):
    return struct.pack(">I", len(payload) if size is None else size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", name, value) for name, value in pairs))


def window_update(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def request_fields(path="/", method="GET", authority="app.example", scheme="http", more=()):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]


class Stream:
    """What has come on one."""

    def __init__(self):
        self.heads, self.body, self.ended, self.reset, self.data_frames = [], b"", False, None, []

    @property
    def status(self):
        finals = [head for head in self.heads if dict(head).get(":status", "")[:1] in "2345" and ":status" in dict(head)]
        return int(dict(finals[0])[":status"]) if finals else None

    def field(self, name):
        return next((value for head in self.heads for key, value in head if key == name), None)


class Client:
    def __init__(self, port, own_settings=(), greet=True, read_windows=True):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder, self.kept = hpack.Decoder(), b""
        self.streams, self.frames, self.goaway, self.closed = {}, [], None, False
        self.settings, self.acks, self.pings, self.windows = None, 0, [], {}
        self.next_id, self.gives_windows, self.goaways, self.reason = 1, read_windows, [], b""
        if greet:
            self.send(PREFACE + settings(*own_settings))
            self.until(lambda: self.settings is not None and self.acks > 0, "the server's SETTINGS and its ACK of ours")
            self.send(frame(SETTINGS, ACK))

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False  # closed already: what it said is still read

    def request(self, fields=None, end=True, **more):
        """Opens a stream; answers its number."""
        stream, self.next_id = self.next_id, self.next_id + 2
        block = hpack.block(request_fields(**more) if fields is None else fields)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block))
        return stream

    def stream(self, number):
        return self.streams.setdefault(number, Stream())

    def read(self, seconds):
        """One more piece of what the server says; False at the end or after that time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            piece = self.socket.recv(1 << 16)
        except socket.timeout:
            return False
        except OSError:
            piece = b""
        if not piece:
            self.closed = True
            return False
        self.kept += piece
        while len(self.kept) >= 9:
            size = int.from_bytes(self.kept[:3], "big")
            if len(self.kept) < 9 + size:
                break
            kind, flags = self.kept[3], self.kept[4]
            number = int.from_bytes(self.kept[5:9], "big") & 0x7fffffff
            payload, self.kept = self.kept[9:9 + size], self.kept[9 + size:]
            self.take(kind, flags, number, payload)
        return True

    def take(self, kind, flags, number, payload):
        self.frames.append((kind, flags, number, len(payload)))
        if kind == SETTINGS and flags & ACK:
            self.acks += 1
        elif kind == SETTINGS:
            self.settings = {}
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                self.settings[name] = value
        elif kind == PING:
            self.pings.append((flags, payload))
        elif kind == GOAWAY:
            last, code = struct.unpack(">II", payload[:8])
            self.goaway, self.reason = code, payload[8:]
            self.goaways.append((last, code))
        elif kind == WINDOW_UPDATE:
            self.windows[number] = self.windows.get(number, 0) + int.from_bytes(payload, "big")
        elif kind == RST_STREAM:
            self.stream(number).reset = int.from_bytes(payload, "big")
        elif kind == HEADERS:
            assert flags & END_HEADERS, "a head of a test fits into one frame"
            self.stream(number).heads.append(self.decoder.decode(payload))
            self.stream(number).ended |= bool(flags & END_STREAM)
        elif kind == DATA:
            stream = self.stream(number)
            stream.body += payload
            stream.data_frames.append(len(payload))
            stream.ended |= bool(flags & END_STREAM)
            if self.gives_windows and payload:
                self.send(window_update(0, len(payload)) + (b"" if stream.ended else window_update(number, len(payload))))

    def until(self, is_true, what, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while not is_true():
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"not within {seconds} s: {what}; came {self.frames[-8:]}")
            if not self.read(left) and self.closed and not is_true():
                raise AssertionError(f"closed before: {what}; came {self.frames[-8:]}, GOAWAY {self.goaway}")

    def answer(self, number, seconds=PATIENCE):
        """The stream, once it has ended either way."""
        stream = self.stream(number)
        self.until(lambda: stream.ended or stream.reset is not None or self.goaway not in (None, NO_ERROR), f"the end of stream {number}", seconds)
        return stream

    def alive(self):
        """Does the connection still serve a request and a PING?"""
        self.send(frame(PING, payload=b"is alive"))
        assert self.answer(self.request()).status == 200, "a request on the same connection"
        assert (ACK, b"is alive") in self.pings, "the answer to a PING"
