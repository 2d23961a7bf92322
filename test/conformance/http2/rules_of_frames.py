"""RFC 9113, section 6: the frames, and flow control."""
import struct

from h2_client import *  # noqa: F403
from rule import *  # noqa: F403

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
