"""RFC 9113, sections 3 to 5: connections, frames, streams."""
import socket
import struct

import h2_hpack as hpack
from h2_client import *  # noqa: F403
from rule import *  # noqa: F403

# --- 3.4, 4: connections and frames --------------------------------------------------------------

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
