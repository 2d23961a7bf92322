"""RFC 9113, sections 8 and 10, and RFC 8441: messages, WebSockets, large heads."""
import socket

import h2_hpack as hpack
from h2_client import *  # noqa: F403
from rule import *  # noqa: F403

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
