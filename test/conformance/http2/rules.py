"""RFC 9113 (and 7541, 8441), rule by rule, as far as a server can be asked about it. Each is a function of a client that is connected
and has exchanged SETTINGS; its text names the section."""
import json
import socket
import struct
import time

import h2_hpack as hpack
from h2_client import *  # noqa: F403

RULES = []


def rule(section, text):
    def add(function):
        RULES.append((section, text, function))
        return function
    return add


def connection_error(client, *codes):
    """GOAWAY with one of these codes, then the end."""
    client.until(lambda: client.closed or client.goaway not in (None, NO_ERROR), "GOAWAY")
    assert client.goaway in codes, f"GOAWAY {client.goaway}, not one of {codes}"
    client.until(lambda: client.closed, "the end of the connection")


def stream_error(client, number, *codes):
    """RST_STREAM with one of these codes; the connection lives on. A 400 will do for a malformed request (8.1.1)."""
    stream = client.answer(number)
    if PROTOCOL_ERROR in codes and stream.status == 400 and stream.ended:
        return client.alive()
    assert stream.reset in codes, f"RST_STREAM {stream.reset}, not one of {codes}; GOAWAY {client.goaway}"
    client.alive()


def refused_request(section, text, fields, end=True):
    @rule(section, text)
    def check(client):
        stream_error(client, client.request(fields, end=end), PROTOCOL_ERROR)


def broken_frame(section, text, data, *codes):
    """On a connection without streams."""
    @rule(section, text)
    def check(client):
        client.send(data)
        connection_error(client, *codes)


def on_open_stream(section, text, make, *codes, is_connection=True):
    """On a connection whose stream 1 waits for its body."""
    @rule(section, text)
    def check(client):
        number = client.request(method="POST", end=False)
        client.send(make(number))
        if is_connection:
            connection_error(client, *codes)
        else:
            stream_error(client, number, *codes)


PLAIN = hpack.block(request_fields())
GOOD = frame(HEADERS, END_HEADERS | END_STREAM, 1, PLAIN)


def told(stream):
    return json.loads(stream.body)


# --- 3.4, 4: connections and frames --------------------------------------------------------------

def stranger(client, said):
    """Another connection that has said just that."""
    other = Client(client.socket.getpeername()[1], greet=False)
    other.send(said)
    return other


@rule("3.4", "the server's first frame is SETTINGS; the client's in its preface is acknowledged")
def server_preface(client):
    other = stranger(client, PREFACE + settings())
    other.until(lambda: other.acks == 1, "the ACK")
    assert other.frames[0][:3] == (SETTINGS, 0, 0), other.frames
    other.close()


@rule("3.4", "another frame than SETTINGS after the preface is PROTOCOL_ERROR")
def no_settings(client):
    other = stranger(client, PREFACE + frame(PING, payload=b"12345678"))
    connection_error(other, PROTOCOL_ERROR)
    other.close()


@rule("3.4", "a preface that is none is HTTP/1, and a bad request")
def no_preface(client):
    with socket.create_connection(client.socket.getpeername()) as other:
        other.settimeout(PATIENCE)
        other.sendall(PREFACE[:20] + b"SX\r\n\r\n")
        heard = b""
        while piece := other.recv(4096):
            heard += piece
    assert heard.split()[1] in (b"400", b"505"), heard


@rule("4.1", "frames of unknown types are ignored")
def unknown_type(client):
    client.send(frame(0xbe, 0xff, 0, b"whatever") + frame(0xef, 0, 77, b""))
    client.alive()


@rule("4.1", "unknown flags are ignored")
def unknown_flags(client):
    client.send(frame(PING, 0xfe, 0, b"12345678"))
    client.until(lambda: (ACK, b"12345678") in client.pings, "the answer to a PING")


@rule("4.1", "the reserved bit of the stream's number is ignored")
def reserved_bit(client):
    client.next_id = 3
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 0x80000001, PLAIN))
    assert client.answer(1).status == 200


for kind, name, stream in ((DATA, "DATA", 1), (HEADERS, "HEADERS", 1), (SETTINGS, "SETTINGS", 0), (PING, "PING", 0)):
    on_open_stream("4.2", f"{name} of more than SETTINGS_MAX_FRAME_SIZE is FRAME_SIZE_ERROR",
                   lambda number, kind=kind, stream=stream: frame(kind, 0, number if stream else 0, b"\0" * 16385),
                   FRAME_SIZE_ERROR)


@rule("4.2", "a frame of 2^14 bytes is taken")
def largest_frame(client):
    number = client.request(method="POST", end=False)
    client.send(frame(DATA, END_STREAM, number, b"x" * 16384))
    stream = client.answer(number)
    assert len(told(stream)["body"]) == 16384


@rule("4.2", "frames of ours are no larger than 2^14 bytes, since nobody said that they may be")
def own_frames(client):
    assert client.answer(client.request(path="/big/200000")).ended
    assert max(size for _, _, _, size in client.frames) == 16384


@rule("4.3.1", "a smaller SETTINGS_HEADER_TABLE_SIZE is kept to, and said so at the beginning of the next head")
def smaller_table(client):
    client.answer(client.request())  # the table has something in it
    blocks, decode = [], client.decoder.decode
    client.decoder.decode = lambda block: blocks.append(block) or decode(block)
    client.send(settings((HEADER_TABLE_SIZE, 0)))
    client.until(lambda: client.acks == 2, "the ACK")
    for _ in range(2):
        assert client.answer(client.request()).status == 200
    assert blocks[0][0] == 0x20 and client.decoder.dynamic == [], blocks


broken_frame("4.3", "an index that nobody has is COMPRESSION_ERROR", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xfe"), COMPRESSION_ERROR)
broken_frame("4.3", "a block cut short is COMPRESSION_ERROR", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x05ab"), COMPRESSION_ERROR)
broken_frame("7541-2.3.3", "index 0 is COMPRESSION_ERROR", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"), COMPRESSION_ERROR)
broken_frame("7541-5.1", "a number without end is COMPRESSION_ERROR", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" + b"\xff" * 12),
             COMPRESSION_ERROR)
broken_frame("7541-5.2", "a Huffman string with wrong padding is COMPRESSION_ERROR",
             frame(HEADERS, END_HEADERS | END_STREAM, 1, PLAIN + b"\x00\x01a\x81\x00"), COMPRESSION_ERROR)
broken_frame("7541-6.3", "a table size beyond our setting is COMPRESSION_ERROR",
             frame(HEADERS, END_HEADERS | END_STREAM, 1, hpack.integer(1 << 20, 5, 0x20) + PLAIN), COMPRESSION_ERROR)
broken_frame("7541-4.2", "a table size in the middle of a block is COMPRESSION_ERROR",
             frame(HEADERS, END_HEADERS | END_STREAM, 1, PLAIN + b"\x20"), COMPRESSION_ERROR)


@rule("4.3", "the table lives from block to block, also of requests that are refused")
def table_lives(client):
    stream = client.request(fields=[])  # a block without fields: malformed
    client.answer(stream)
    block = PLAIN + hpack.indexed_field("x-remembered", "yes")
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, hpack.field("x-malformed", "1") + block) +
                frame(HEADERS, END_HEADERS | END_STREAM, 5, PLAIN + b"\xbe"))
    client.next_id = 7
    assert ["X-Remembered".lower(), "yes"] in told(client.answer(5))["fields"]


# --- 5: streams ----------------------------------------------------------------------------------

broken_frame("5.1", "idle: DATA is PROTOCOL_ERROR", frame(DATA, 0, 1, b"x"), PROTOCOL_ERROR, STREAM_CLOSED)
broken_frame("5.1", "idle: RST_STREAM is PROTOCOL_ERROR", reset(1), PROTOCOL_ERROR)
broken_frame("5.1", "idle: WINDOW_UPDATE is PROTOCOL_ERROR", window_update(1, 1), PROTOCOL_ERROR)
broken_frame("5.1", "idle: CONTINUATION is PROTOCOL_ERROR", frame(CONTINUATION, END_HEADERS, 1, PLAIN), PROTOCOL_ERROR)


@rule("5.1", "half-closed: DATA after END_STREAM is STREAM_CLOSED")
def data_after_end(client):
    number = client.request(path="/held")
    client.send(frame(DATA, 0, number, b"x"))
    client.until(lambda: client.goaway is not None or client.stream(number).reset is not None, "an error")
    assert STREAM_CLOSED in (client.goaway, client.stream(number).reset)


@rule("5.1", "half-closed: HEADERS after END_STREAM is STREAM_CLOSED")
def headers_after_end(client):
    number = client.request(path="/held")
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, number, PLAIN))
    client.until(lambda: client.goaway is not None or client.stream(number).reset is not None, "an error")
    assert STREAM_CLOSED in (client.goaway, client.stream(number).reset)


@rule("5.1", "closed: HEADERS on it is STREAM_CLOSED or PROTOCOL_ERROR")
def headers_on_closed(client):
    number = client.request()
    client.answer(number)
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, number, PLAIN))
    connection_error(client, STREAM_CLOSED, PROTOCOL_ERROR)


@rule("5.1", "closed: DATA on it is lost (ADR 0031), and given back to the connection's window")
def data_on_closed(client):
    number = client.request()
    client.answer(number)
    client.send(frame(DATA, 0, number, b"x" * 16384) * 80)  # more than the window
    client.alive()
    client.until(lambda: client.windows.get(0, 0) >= (80 - 32) * 16384, "the window")


@rule("5.1", "closed by the client's RST_STREAM: HEADERS on it is STREAM_CLOSED, of the connection by our choice (5.4.2)")
def head_on_reset(client):
    client.send(frame(HEADERS, END_HEADERS, 1, hpack.block(request_fields(method="POST"))) + reset(1) + GOOD)
    connection_error(client, STREAM_CLOSED)


@rule("5.4.2", "RST_STREAM is never answered with one")
def no_reset_back(client):
    number = client.request(path="/held")
    client.send(reset(number) + reset(number))
    client.alive()
    assert client.stream(number).reset is None and client.goaway is None


@rule("5.1", "closed: WINDOW_UPDATE, RST_STREAM and PRIORITY on it are ignored")
def late_frames(client):
    number = client.request()
    client.answer(number)
    client.send(window_update(number, 10) + reset(number) + frame(PRIORITY, 0, number, b"\0\0\0\0\x10"))
    client.alive()


@rule("5.1", "closed by RST_STREAM of ours: frames that were on their way are ignored")
def frames_on_their_way(client):
    number = client.request(fields=[*request_fields(method="POST"), ("connection", "x")], end=False)
    client.send(frame(DATA, 0, number, b"x" * 1000) + frame(DATA, END_STREAM, number, b""))
    client.answer(number)
    client.alive()


broken_frame("5.1.1", "a client's stream with an even number is PROTOCOL_ERROR", frame(HEADERS, END_HEADERS | END_STREAM, 2, PLAIN), PROTOCOL_ERROR)


@rule("5.1.1", "a number lower than the last one is a connection error")
def lower_number(client):
    client.next_id = 5
    client.answer(client.request())
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, PLAIN))
    connection_error(client, PROTOCOL_ERROR, STREAM_CLOSED)


@rule("5.1.2", "a stream beyond SETTINGS_MAX_CONCURRENT_STREAMS is an error, of the connection by our choice (5.4.2)")
def too_many_streams(client):
    most = client.settings[MAX_CONCURRENT_STREAMS]
    numbers = [client.request(path="/held") for _ in range(most)]
    client.send(frame(PING, payload=b"not yet?"))
    client.until(lambda: client.pings, "an answer")
    assert client.goaway is None and len([each for each in numbers if client.stream(each).reset is not None]) == 0
    client.request()
    connection_error(client, PROTOCOL_ERROR)


@rule("5.3", "priorities are ignored: PRIORITY for any stream, one that depends on itself too")
def priorities(client):
    client.send(frame(PRIORITY, 0, 9, struct.pack(">IB", 0x80000000 | 7, 200)) + frame(PRIORITY, 0, 9, struct.pack(">IB", 9, 1)))
    block = struct.pack(">IB", 0x80000000 | 9, 255) + PLAIN
    client.send(frame(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, block))
    client.next_id = 11
    assert client.answer(1).status == 200
    client.alive()


broken_frame("5.5", "an extension's frame inside of a head is PROTOCOL_ERROR",
             frame(HEADERS, END_STREAM, 1, PLAIN[:10]) + frame(0xbe, 0, 0, b"") + frame(CONTINUATION, END_HEADERS, 1, PLAIN[10:]), PROTOCOL_ERROR)

# --- 6.1, 6.2: DATA and HEADERS --------------------------------------------------------------------

broken_frame("6.1", "DATA on stream 0 is PROTOCOL_ERROR", frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR)
on_open_stream("6.1", "DATA whose padding is as long as the frame is PROTOCOL_ERROR",
               lambda number: frame(DATA, PADDED, number, b"\x06hello"), PROTOCOL_ERROR)
on_open_stream("6.1", "DATA with the flag and no room for padding's length is an error",
               lambda number: frame(DATA, PADDED, number, b""), FRAME_SIZE_ERROR, PROTOCOL_ERROR)


@rule("6.1", "padding is not the body's, and counts for flow control")
def padding(client):
    number = client.request(method="POST", end=False)
    client.send(frame(DATA, PADDED | END_STREAM, number, b"\x03body\0\0\0"))
    said = told(client.answer(number))
    assert said["body"] == "body", said


broken_frame("6.2", "HEADERS on stream 0 is PROTOCOL_ERROR", frame(HEADERS, END_HEADERS, 0, PLAIN), PROTOCOL_ERROR)
broken_frame("6.2", "HEADERS whose padding is longer than the frame is PROTOCOL_ERROR",
             frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\xff" + PLAIN), PROTOCOL_ERROR)
broken_frame("6.2", "HEADERS, then another stream's frame, is PROTOCOL_ERROR",
             frame(HEADERS, END_STREAM, 1, PLAIN[:10]) + frame(HEADERS, END_HEADERS | END_STREAM, 3, PLAIN), PROTOCOL_ERROR)
broken_frame("6.2", "HEADERS, then a PING, is PROTOCOL_ERROR", frame(HEADERS, END_STREAM, 1, PLAIN[:10]) + frame(PING, payload=b"12345678"),
             PROTOCOL_ERROR)


@rule("6.2", "padding of HEADERS is left out")
def padded_headers(client):
    client.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\x04" + PLAIN + b"\0\0\0\0"))
    assert client.answer(1).status == 200


# --- 6.3 - 6.8 ---------------------------------------------------------------------------------------

broken_frame("6.3", "PRIORITY on stream 0 is PROTOCOL_ERROR", frame(PRIORITY, 0, 0, b"\0\0\0\0\x10"), PROTOCOL_ERROR)
on_open_stream("6.3", "PRIORITY of another size than 5 is FRAME_SIZE_ERROR", lambda number: frame(PRIORITY, 0, number, b"\0\0\0\x10"),
               FRAME_SIZE_ERROR)
broken_frame("6.4", "RST_STREAM on stream 0 is PROTOCOL_ERROR", reset(0), PROTOCOL_ERROR)
on_open_stream("6.4", "RST_STREAM of another size than 4 is FRAME_SIZE_ERROR", lambda number: frame(RST_STREAM, 0, number, b"\0\0\0"),
               FRAME_SIZE_ERROR)
broken_frame("6.5", "SETTINGS ACK with a payload is FRAME_SIZE_ERROR", frame(SETTINGS, ACK, 0, b"\0\1\0\0\0\0"), FRAME_SIZE_ERROR)
broken_frame("6.5", "SETTINGS on a stream is PROTOCOL_ERROR", frame(SETTINGS, 0, 1, b""), PROTOCOL_ERROR)
broken_frame("6.5", "SETTINGS of a size that is no multiple of 6 is FRAME_SIZE_ERROR", frame(SETTINGS, 0, 0, b"\0\1\0\0\0"), FRAME_SIZE_ERROR)
broken_frame("6.5.2", "ENABLE_PUSH of 2 is PROTOCOL_ERROR", settings((ENABLE_PUSH, 2)), PROTOCOL_ERROR)
broken_frame("6.5.2", "INITIAL_WINDOW_SIZE above 2^31-1 is FLOW_CONTROL_ERROR", settings((INITIAL_WINDOW_SIZE, 1 << 31)), FLOW_CONTROL_ERROR)
broken_frame("6.5.2", "MAX_FRAME_SIZE below 2^14 is PROTOCOL_ERROR", settings((MAX_FRAME_SIZE, 16383)), PROTOCOL_ERROR)
broken_frame("6.5.2", "MAX_FRAME_SIZE above 2^24-1 is PROTOCOL_ERROR", settings((MAX_FRAME_SIZE, 1 << 24)), PROTOCOL_ERROR)


@rule("6.5.2", "settings that nobody knows are ignored")
def unknown_setting(client):
    client.send(settings((0xbeef, 7)))
    client.until(lambda: client.acks == 2, "the ACK")
    client.alive()


@rule("6.5.3", "each SETTINGS is acknowledged, its values used from then on")
def settings_ack(client):
    client.send(settings((INITIAL_WINDOW_SIZE, 1), (INITIAL_WINDOW_SIZE, 3)) + settings())
    client.until(lambda: client.acks == 3, "two ACKs")
    client.gives_windows = False
    number = client.request(path="/big/10")
    client.until(lambda: len(client.stream(number).body) == 3, "three bytes")


broken_frame("6.6", "PUSH_PROMISE of a client is PROTOCOL_ERROR", frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + PLAIN), PROTOCOL_ERROR)


@rule("6.7", "PING is answered with the same bytes, and an ACK is not")
def ping(client):
    client.send(frame(PING, ACK, 0, b"not mine") + frame(PING, 0, 0, b"\0\1\2\3\4\5\6\7"))
    client.until(lambda: client.pings, "an answer")
    client.alive()
    assert client.pings[0] == (ACK, b"\0\1\2\3\4\5\6\7") and not [each for each in client.pings if each[1] == b"not mine"]


broken_frame("6.7", "PING on a stream is PROTOCOL_ERROR", frame(PING, 0, 1, b"12345678"), PROTOCOL_ERROR)
broken_frame("6.7", "PING of another size than 8 is FRAME_SIZE_ERROR", frame(PING, 0, 0, b"1234567"), FRAME_SIZE_ERROR)
broken_frame("6.8", "GOAWAY on a stream is PROTOCOL_ERROR", frame(GOAWAY, 0, 1, b"\0" * 8), PROTOCOL_ERROR)


broken_frame("6.8", "GOAWAY of less than 8 bytes is FRAME_SIZE_ERROR", frame(GOAWAY, 0, 0, b"\0" * 7), FRAME_SIZE_ERROR)


@rule("7", "codes that nobody knows mean nothing special, in RST_STREAM and in GOAWAY")
def unknown_codes(client):
    client.send(reset(client.request(path="/held"), 0xbeef))
    client.alive()
    number = client.request(path="/big/1000")
    client.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0xbeef)))
    assert len(client.answer(number).body) == 1000


@rule("6.8", "what was asked before a client's GOAWAY is answered")
def goaway(client):
    number = client.request(path="/big/100000")
    client.send(frame(GOAWAY, 0, 0, b"\0" * 8))
    stream = client.answer(number)
    assert stream.ended and len(stream.body) == 100000
    client.until(lambda: client.closed, "the end")


# --- 6.9: flow control ---------------------------------------------------------------------------------

broken_frame("6.9", "WINDOW_UPDATE of another size than 4 is FRAME_SIZE_ERROR", frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), FRAME_SIZE_ERROR)
broken_frame("6.9", "WINDOW_UPDATE of 0 for the connection is PROTOCOL_ERROR", window_update(0, 0), PROTOCOL_ERROR)
on_open_stream("6.9", "WINDOW_UPDATE of 0 for a stream is PROTOCOL_ERROR, of the connection by our choice (5.4.2)",
               lambda number: window_update(number, 0), PROTOCOL_ERROR)
broken_frame("6.9.1", "a window of the connection beyond 2^31-1 is FLOW_CONTROL_ERROR", window_update(0, 0x7fffffff), FLOW_CONTROL_ERROR)
on_open_stream("6.9.1", "a window of a stream beyond 2^31-1 is FLOW_CONTROL_ERROR", lambda number: window_update(number, 0x7fffffff),
               FLOW_CONTROL_ERROR, is_connection=False)


@rule("6.9.1", "no more than the stream's window is sent")
def stream_window(client):
    client.gives_windows = False
    client.send(settings((INITIAL_WINDOW_SIZE, 1000)))
    client.until(lambda: client.acks == 2, "the ACK")
    number = client.request(path="/big/5000")
    client.until(lambda: len(client.stream(number).body) == 1000, "a window")
    client.send(window_update(number, 1))
    client.until(lambda: len(client.stream(number).body) == 1001, "one byte more")
    client.send(frame(PING, payload=b"no more?"))
    client.until(lambda: client.pings, "an answer")
    assert len(client.stream(number).body) == 1001
    client.send(window_update(number, 4000))
    assert client.answer(number).ended


@rule("6.9.1", "no more than the connection's window is sent, all streams together")
def connection_window(client):
    client.gives_windows = False
    numbers = [client.request(path="/big/50000") for _ in range(2)]
    client.until(lambda: sum(len(client.stream(number).body) for number in numbers) == 65535, "a window")
    client.send(frame(PING, payload=b"no more?"))
    client.until(lambda: client.pings, "an answer")
    assert sum(len(client.stream(number).body) for number in numbers) == 65535
    client.send(window_update(0, 50000))
    for number in numbers:
        assert client.answer(number).ended


@rule("6.9.1", "streams take turns when the connection's window is small")
def turns(client):
    client.gives_windows = False
    numbers = [client.request(path="/big/200000") for _ in range(4)]
    for _ in range(10):
        client.send(window_update(0, 16384))
    client.until(lambda: sum(len(client.stream(number).body) for number in numbers) == 65535 + 163840, "the windows")
    assert all(len(client.stream(number).body) >= 16384 for number in numbers), [len(client.stream(number).body) for number in numbers]


@rule("6.9.2", "a smaller INITIAL_WINDOW_SIZE may make a window negative: nothing is sent until it is positive")
def negative_window(client):
    client.gives_windows = False
    client.send(settings((INITIAL_WINDOW_SIZE, 5000)))
    client.until(lambda: client.acks == 2, "the ACK")
    number = client.request(path="/big/20000")
    client.until(lambda: len(client.stream(number).body) == 5000, "a window")
    client.send(settings((INITIAL_WINDOW_SIZE, 1000)) + window_update(number, 4000) + frame(PING, payload=b"nothing?"))
    client.until(lambda: client.pings, "an answer")
    assert len(client.stream(number).body) == 5000
    client.send(window_update(number, 1))
    client.until(lambda: len(client.stream(number).body) == 5001, "one byte")


@rule("6.9.2", "a larger INITIAL_WINDOW_SIZE is for streams that are open, too")
def larger_window(client):
    client.gives_windows = False
    client.send(settings((INITIAL_WINDOW_SIZE, 0)))
    client.until(lambda: client.acks == 2, "the ACK")
    number = client.request(path="/big/10000")
    client.until(lambda: client.stream(number).heads, "the head, which needs no window")
    client.send(settings((INITIAL_WINDOW_SIZE, 20000)))
    assert client.answer(number).ended


@rule("6.9.2", "an INITIAL_WINDOW_SIZE that makes an open stream's window too large is FLOW_CONTROL_ERROR")
def overflowing_setting(client):
    number = client.request(path="/held")
    client.send(window_update(number, 0x7fffffff - 65535) + settings((INITIAL_WINDOW_SIZE, 65536)))
    connection_error(client, FLOW_CONTROL_ERROR)


@rule("6.9", "a client that sends more than the stream's window gets FLOW_CONTROL_ERROR")
def beyond_stream_window(client):
    number = client.request(method="POST", path="/slow-upload", end=False)
    for _ in range(4096):  # more than all sockets on the way take
        if not client.send(frame(DATA, 0, number, b"x" * 16384)):
            break
    client.until(lambda: client.goaway is not None or client.stream(number).reset is not None, "an error")
    assert FLOW_CONTROL_ERROR in (client.goaway, client.stream(number).reset)


@rule("6.9", "DATA of streams that we have reset counts for the connection's window, and is given back to it")
def lost_data(client):
    for _ in range(8):  # more than the window
        number = client.request(fields=[*request_fields(method="POST"), ("connection", "x")], end=False)
        client.send(frame(DATA, 0, number, b"x" * 16384) * 12)
        client.answer(number)
    client.alive()
    assert client.windows.get(0, 0) >= 8 * 12 * 16384 - 65535, client.windows


# --- 6.10: CONTINUATION ------------------------------------------------------------------------------------

on_open_stream("6.10", "CONTINUATION after a whole head is PROTOCOL_ERROR", lambda number: frame(CONTINUATION, END_HEADERS, number, b""),
               PROTOCOL_ERROR)
broken_frame("6.10", "CONTINUATION on another stream is PROTOCOL_ERROR",
             frame(HEADERS, END_STREAM, 1, PLAIN[:10]) + frame(CONTINUATION, END_HEADERS, 3, PLAIN[10:]), PROTOCOL_ERROR)
broken_frame("6.10", "CONTINUATION on stream 0 is PROTOCOL_ERROR", frame(CONTINUATION, END_HEADERS, 0, PLAIN), PROTOCOL_ERROR)


@rule("6.10", "a head may come in pieces, empty ones too")
def continuations(client):
    client.send(frame(HEADERS, END_STREAM, 1, PLAIN[:3]) + frame(CONTINUATION, 0, 1, b"") +
                frame(CONTINUATION, 0, 1, PLAIN[3:20]) + frame(CONTINUATION, END_HEADERS, 1, PLAIN[20:]))
    assert client.answer(1).status == 200


# --- 8: messages ---------------------------------------------------------------------------------------------

@rule("8.1", "a body and trailers reach the backend")
def trailers_in(client):
    number = client.request(method="POST", end=False, more=[("te", "trailers")])
    client.send(frame(DATA, 0, number, b"body") + frame(HEADERS, END_HEADERS | END_STREAM, number, hpack.block([("x-sum", "7"), ("x-forwarded-for", "evil"), ("authorization", "evil"), ("host", "evil.example")])))
    said = told(client.answer(number))
    assert said["body"] == "body" and said["trailers"] == [["x-sum", "7"]], said
    assert ["Transfer-Encoding", "chunked"] in said["fields"]


@rule("8.1", "trailers after a body with a length reach an HTTP/1 backend if they were announced; else they are lost, and nothing but them")
def trailers_after_length(client):
    block = hpack.block([("x-sum", "7")])
    for more, passed, field in (([("trailer", "x-sum")], [["x-sum", "7"]], "transfer-encoding"), ([], [], "content-length")):
        number = client.request(method="POST", end=False, more=[("content-length", "4"), *more])
        client.send(frame(DATA, 0, number, b"body") + frame(HEADERS, END_HEADERS | END_STREAM, number, block))
        said = told(client.answer(number))
        assert said["body"] == "body" and said["trailers"] == passed, said
        assert field in [name.lower() for name, _ in said["fields"]], said
        client.alive()


@rule("8.1", "trailers without END_STREAM are malformed")
def trailers_without_end(client):
    number = client.request(method="POST", end=False)
    client.send(frame(HEADERS, END_HEADERS, number, hpack.block([("x-sum", "7")])))
    client.until(lambda: client.goaway is not None or client.stream(number).reset is not None, "an error")
    assert PROTOCOL_ERROR in (client.goaway, client.stream(number).reset)


@rule("8.1", "trailers with a pseudo field are malformed")
def trailers_with_pseudo(client):
    number = client.request(method="POST", end=False)
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, number, hpack.block([(":path", "/")])))
    stream_error(client, number, PROTOCOL_ERROR)


@rule("8.1", "a reply's trailers reach the client, but for names that are the router's")
def trailers_out(client):
    stream = client.answer(client.request(path="/trailers"))
    assert stream.body == b"hello" and stream.heads[-1] == [("grpc-status", "0")], stream.heads


@rule("8.1", "a reply that is whole before its request: RST_STREAM with NO_ERROR after it")
def early_reply(client):
    number = client.request(method="POST", path="/early", end=False)
    client.send(frame(DATA, 0, number, b"x"))
    stream = client.answer(number)
    client.until(lambda: stream.reset is not None, "RST_STREAM")
    assert stream.status == 200 and stream.body == b"early" and stream.reset == NO_ERROR
    client.alive()


@rule("8.1", "a reply that the backend cut short is reset, never ended")
def cut_reply(client):
    stream = client.answer(client.request(path="/cut"))
    assert stream.status == 200 and stream.body == b"only this" and stream.reset == INTERNAL_ERROR and not stream.ended
    client.alive()


@rule("8.3.2", "each head of a reply begins with one :status, trailers have none")
def one_status(client):
    for path in ("/", "/hints", "/trailers", "/status/204"):
        heads = client.answer(client.request(path=path)).heads
        for head in heads:
            pseudo = [name for name, _ in head if name.startswith(":")]
            is_trailers = path == "/trailers" and head is heads[-1]
            assert pseudo == ([] if is_trailers else [":status"]) and (is_trailers or head[0][0] == ":status"), head


@rule("8.1", "1xx come before the final head")
def interim(client):
    stream = client.answer(client.request(path="/hints"))
    assert [dict(head)[":status"] for head in stream.heads] == ["103", "200"], stream.heads
    number = client.request(method="POST", end=False, more=[("expect", "100-continue")])
    client.until(lambda: client.stream(number).heads, "100")
    client.send(frame(DATA, END_STREAM, number, b"body"))
    said = told(client.answer(number))
    assert said["body"] == "body", said
    assert dict(client.stream(number).heads[0])[":status"] == "100"


@rule("8.1", "replies without a body: HEAD, 204, 304")
def no_body(client):
    for method, path, status in (("HEAD", "/", 200), ("GET", "/status/204", 204), ("GET", "/status/304", 304)):
        stream = client.answer(client.request(method=method, path=path))
        assert stream.status == status and stream.body == b"" and stream.ended, (path, stream.status)


@rule("8.1.1", "DATA beyond content-length is malformed")
def body_too_long(client):
    number = client.request(method="POST", end=False, more=[("content-length", "3")])
    client.send(frame(DATA, END_STREAM, number, b"four"))
    stream_error(client, number, PROTOCOL_ERROR)


@rule("8.1.1", "DATA that falls short of content-length is malformed")
def body_too_short(client):
    number = client.request(method="POST", path="/slow-upload", end=False, more=[("content-length", "5")])
    client.send(frame(DATA, END_STREAM, number, b"four"))
    stream_error(client, number, PROTOCOL_ERROR)


refused_request("8.1.1", "content-length without a body is malformed", [*request_fields(method="POST"), ("content-length", "1")])
refused_request("8.1.1", "content-length that is no number is malformed", [*request_fields(), ("content-length", "1x")])
refused_request("8.1.1", "two content-lengths are malformed", [*request_fields(), ("content-length", "0"), ("content-length", "0")])
refused_request("8.2.1", "a name in upper case is malformed", [*request_fields(), ("X-Upper", "1")])
for name, what in ((b"x y", "a blank"), (b"x\0y", "NUL"), (b"x\x7fy", "DEL"), (b"x\xe4", "a byte beyond ASCII"), (b"x:y", "a colon"), (b"", "nothing")):
    refused_request("8.2.1", f"a name with {what} in it is malformed", [*request_fields(), (name, "1")])
for value, what in ((b"a\rb", "CR"), (b"a\nb", "LF"), (b"a\0b", "NUL"), (b" a", "a blank first"), (b"a\t", "a tab last")):
    refused_request("8.2.1", f"a value with {what} is malformed", [*request_fields(), ("x-value", value)])
for name, value in (("connection", "close"), ("proxy-connection", "close"), ("keep-alive", "1"), ("transfer-encoding", "chunked"), ("upgrade", "h2c"),
                    ("te", "gzip")):
    refused_request("8.2.2", f"{name}: {value} is malformed", [*request_fields(), (name, value)])


@rule("8.2.2", "te: trailers is passed on, and no field about a connection comes back")
def te_trailers(client):
    assert ["TE", "trailers"] in told(client.answer(client.request(more=[("te", "trailers")])))["fields"]
    names = {name for name, _ in client.answer(client.request(path="/hop")).heads[0]}
    assert "x-kept" in names and not names & {"connection", "keep-alive", "x-hop", "transfer-encoding"}, names
    assert all(name == name.lower() for name in names)


@rule("8.2.3", "cookies in crumbs become one line")
def cookies(client):
    said = told(client.answer(client.request(more=[("cookie", "a=b"), ("x-other", "1"), ("cookie", "c=d"), ("cookie", "e=f")])))
    assert [field for field in said["fields"] if field[0].lower() == "cookie"] == [["cookie", "a=b; c=d; e=f"]], said


def without(name):
    return [field for field in request_fields() if field[0] != name]


for name in (":method", ":scheme", ":path"):
    refused_request("8.3.1", f"a request without {name} is malformed", without(name))
    refused_request("8.3", f"{name} twice is malformed", [request_fields()[0], *request_fields()] if name == ":method" else
                    [*request_fields(), next(field for field in request_fields() if field[0] == name)])
refused_request("8.3", "a pseudo field after others is malformed", [*without(":path"), ("x-first", "1"), (":path", "/")])
refused_request("8.3", "an unknown pseudo field is malformed", [*request_fields(), (":unknown", "1")])
refused_request("8.3", "a reply's pseudo field is malformed", [*request_fields(), (":status", "200")])
refused_request("8.3.1", "an empty :path is malformed", [*without(":path"), (":path", "")])
refused_request("8.3.1", ":path that does not begin with a slash is malformed", [*without(":path"), (":path", "x")])
refused_request("8.3.1", ":path of * for GET is malformed", [*without(":path"), (":path", "*")])
refused_request("8.3.1", ":path with a blank is malformed", [*without(":path"), (":path", "/a b")])
refused_request("8.3.1", ":authority with user information is malformed", request_fields(authority="user@app.example"))
refused_request("8.3.1", "host that differs from :authority is malformed", [*request_fields(), ("host", "other.example")])


@rule("8.3.1", "OPTIONS * is answered")
def options_star(client):
    assert client.answer(client.request(method="OPTIONS", path="*")).status == 200


@rule("8.3.1", "the backend gets :authority as Host, and the path byte by byte")
def host(client):
    said = told(client.answer(client.request(path="/a//b/%2e?q=%20&x=;")))
    assert said["line"] == "GET /a//b/%2e?q=%20&x=; HTTP/1.1" and ["host", "app.example"] in said["fields"], said
    assert [name.lower() for name, _ in said["fields"]].count("host") == 1
    said = told(client.answer(client.request(fields=[*without(":authority"), ("host", "app.example")])))
    assert ["host", "app.example"] in said["fields"]
    said = told(client.answer(client.request(more=[("host", "app.example")])))
    assert [name.lower() for name, _ in said["fields"]].count("host") == 1
    assert {"X-Forwarded-For", "X-Forwarded-Proto", "X-Vcap-Request-Id"} <= {name for name, _ in said["fields"]}


refused_request("8.3.1", "a request that names no host is malformed", without(":authority"))


@rule("8.4", "the server never pushes, and does not say that it would take pushes")
def no_push(client):
    client.alive()
    assert not [each for each in client.frames if each[0] == PUSH_PROMISE] and client.settings.get(ENABLE_PUSH, 0) == 0


refused_request("8.5", "CONNECT with :path and without :protocol is malformed", [(":method", "CONNECT"), (":authority", "app.example"), (":path", "/")])
refused_request("8.5", "CONNECT with :scheme and without :protocol is malformed", [(":method", "CONNECT"), (":authority", "app.example"), (":scheme", "http")])
refused_request("8.5", "CONNECT without :authority is malformed", [(":method", "CONNECT")])


@rule("8.7", "a request that was not acted upon is told by GOAWAY or REFUSED_STREAM; one that was is answered once")
def not_acted_upon(client):
    numbers = [client.request() for _ in range(20)]
    assert all(client.answer(number).status == 200 for number in numbers)
    assert len(client.streams) == 20


@rule("8.1", "a client that ends its connection in the middle of a request is told CANCEL, and the connection ends")
def end_within_request(client):
    number = client.request(method="POST", path="/echo", end=False)
    client.send(frame(DATA, 0, number, b"the beginning"))
    client.socket.shutdown(socket.SHUT_WR)
    client.until(lambda: client.closed, "the end of the connection")
    assert client.stream(number).reset == CANCEL, client.stream(number).reset


# --- RFC 8441 -------------------------------------------------------------------------------------------------

def websocket(path="/websocket"):
    return [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path), (":authority", "app.example"),
            ("sec-websocket-version", "13")]


@rule("8441-3", "SETTINGS_ENABLE_CONNECT_PROTOCOL is 1")
def connect_setting(client):
    assert client.settings[ENABLE_CONNECT_PROTOCOL] == 1


refused_request("8441-4", ":protocol with another method is malformed", [*request_fields(), (":protocol", "websocket")])
refused_request("8441-4", "an extended CONNECT without :path is malformed", [field for field in websocket() if field[0] != ":path"], end=False)


@rule("8441-5", "a WebSocket: bytes both ways, and the end of either side")
def websocket_echo(client):
    number = client.request(fields=websocket(), end=False)
    client.send(frame(DATA, 0, number, b"\x81\x85\0\0\0\0early"))
    stream = client.stream(number)
    client.until(lambda: stream.body == b"\x81\x85\0\0\0\0early", "the echo")
    assert stream.status == 200 and stream.field("sec-websocket-accept") is None and stream.field("upgrade") is None
    for _ in range(40):
        client.send(frame(DATA, 0, number, b"\x82\xfe\x20\0\0\0\0\0" + b"x" * 8192))
    client.until(lambda: len(stream.body) == 11 + 40 * 8200, "all echoes")
    client.send(frame(DATA, END_STREAM, number, b""))
    client.until(lambda: stream.ended, "END_STREAM")
    client.alive()


@rule("8441-5", "a backend that does not upgrade answers as to any request")
def websocket_refused(client):
    stream = client.answer(client.request(fields=websocket("/no-websocket"), end=False))
    assert stream.status == 403 and stream.body == b"no"
    client.alive()


@rule("8441-5", "a backend whose Sec-WebSocket-Accept is wrong is no WebSocket: 502")
def websocket_wrong(client):
    assert client.answer(client.request(fields=websocket("/bad-websocket"), end=False)).status == 502
    client.alive()


# --- what 10.5 allows ---------------------------------------------------------------------------------------------

@rule("10.5.1", "a head beyond SETTINGS_MAX_HEADER_LIST_SIZE is answered 431, and the connection lives on")
def large_head(client):
    # Said to the table once, then named by one byte each.
    block = PLAIN + hpack.indexed_field("x-large", "x" * 3000) + b"\xbe" * 300
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    client.next_id = 3
    assert client.answer(1).status == 431
    client.alive()
