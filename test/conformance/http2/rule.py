"""What the rules are written with."""
import json

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


def stranger(client, said):
    """Another connection that has said just that."""
    other = Client(client.socket.getpeername()[1], greet=False)
    other.send(said)
    return other
