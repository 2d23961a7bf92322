// What RFC 9113 (and 7541) demands of a client, said by a server frame by frame; each test and row
// names its section.
#include <cctype>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http2/client_session.h"

namespace causeway::http2 {
namespace {

using Kind = StreamFailure::Kind;

enum Type : uint8_t {
  data_type = 0,
  headers_type = 1,
  priority_type = 2,
  rst_stream_type = 3,
  settings_type = 4,
  push_promise_type = 5,
  ping_type = 6,
  goaway_type = 7,
  window_update_type = 8,
  continuation_type = 9,
};
constexpr uint8_t end_stream = 1;
constexpr uint8_t ack = 1;
constexpr uint8_t end_headers = 4;
constexpr uint8_t padded = 8;
constexpr uint8_t with_priority = 0x20;

enum Code : uint32_t {
  no_error = 0,
  protocol_error = 1,
  flow_control_error = 3,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  http_1_1_required = 13,
};

std::string number_of(uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text.push_back(static_cast<char>(value >> shift & 0xff));
  return text;
}

uint32_t number_in(std::string_view text) {
  uint32_t value = 0;
  for (const char byte : text) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string frame(Type type, uint8_t flags, uint32_t stream, std::string_view payload = {}) {
  std::string text = number_of(payload.size(), 3);
  text.push_back(static_cast<char>(type));
  text.push_back(static_cast<char>(flags));
  return text.append(number_of(stream, 4)).append(payload);
}

std::string field(std::string_view name, std::string_view value) {
  std::string text(1, '\0');
  text.push_back(static_cast<char>(name.size()));
  text.append(name).push_back(static_cast<char>(value.size()));
  return text.append(value);
}

std::string status(std::string_view code = "200") { return field(":status", code); }
std::string head(std::string_view block, uint8_t flags = end_headers) {
  return frame(headers_type, flags, 1, block);
}
std::string body(std::string_view bytes, uint8_t flags = 0) {
  return frame(data_type, flags, 1, bytes);
}
std::string setting(uint32_t id, uint32_t value) {
  return frame(settings_type, 0, 0, number_of(id, 2) + number_of(value, 4));
}
std::string reset(uint32_t stream, uint32_t code) {
  return frame(rst_stream_type, 0, stream, number_of(code, 4));
}
std::string goaway(uint32_t last, uint32_t code) {
  return frame(goaway_type, 0, 0, number_of(last, 4) + number_of(code, 4));
}
std::string window_update(uint32_t stream, uint32_t bytes) {
  return frame(window_update_type, 0, stream, number_of(bytes, 4));
}

constexpr uint8_t whole = end_headers | end_stream;
constexpr uint32_t max_concurrent_streams = 3;
constexpr uint32_t initial_window_size = 4;

struct Sent {
  Type type;
  uint8_t flags;
  uint32_t stream;
  std::string payload;
};

struct Asker final : ClientStream::Events {
  void on_reply(http::ReplyHead& reply) override { statuses.push_back(reply.status); }
  void on_reply_body(std::string_view bytes) override { body_bytes += bytes.size(); }
  void on_reply_end(const http::Headers& lines) override {
    has_ended = true;
    for (const http::Header& line : lines)
      trailers += std::string(line.name) + "=" + std::string(line.value) + ";";
  }
  void on_reply_read_done() override {}
  void on_stream_failure(const StreamFailure& how) override {
    EXPECT_FALSE(failure.has_value());
    failure = how;
  }
  void on_request_drained() override { ++drained; }

  ArenaBlocks blocks;
  ClientStream stream{blocks};
  std::vector<int> statuses;
  size_t body_bytes = 0;
  bool has_ended = false;
  std::string trailers;
  std::optional<StreamFailure> failure;
  int drained = 0;
};

// A session whose server has greeted, and its requests: streams 1, 3, 5, ...
struct Client : ClientSession::Carrier {
  explicit Client(std::string_view greeting = frame(settings_type, 0, 0)) {
    if (!greeting.empty()) say(greeting);
  }
  ~Client() {
    session.fail_streams({.kind = Kind::closed});
    for (const auto& asker : askers) asker->stream.close();
  }
  void on_output_waiting() override {}

  Asker& ask(std::string_view method = "GET") {
    FieldBlock fields;
    fields.add(":method", method);
    fields.add(":scheme", "http");
    fields.add(":authority", "app.example");
    fields.add(":path", "/");
    askers.push_back(std::make_unique<Asker>());
    session.open(askers.back()->stream, *askers.back(),
                 {.fields = fields, .is_head = method == "HEAD", .has_body = method == "POST"});
    listen();
    return *askers.back();
  }
  void say(std::string_view bytes) {
    session.feed(bytes);
    listen();
  }
  // Takes what the session says.
  void listen() {
    while (session.take_output(heard, heard.size() + 65'536)) continue;
  }
  // All of that, but for the preface.
  std::vector<Sent> sent() const {
    std::vector<Sent> frames;
    constexpr size_t preface_bytes = 24;
    std::string_view rest = std::string_view(heard).substr(preface_bytes);
    while (rest.size() >= 9) {
      const size_t size = number_in(rest.substr(0, 3));
      frames.push_back({static_cast<Type>(rest[3]), static_cast<uint8_t>(rest[4]),
                        number_in(rest.substr(5, 4)), std::string(rest.substr(9, size))});
      rest.remove_prefix(9 + size);
    }
    EXPECT_TRUE(rest.empty());
    return frames;
  }
  std::vector<Sent> sent(Type type) const {
    std::vector<Sent> chosen;
    for (Sent& each : sent())
      if (each.type == type) chosen.push_back(std::move(each));
    return chosen;
  }
  std::optional<uint32_t> goaway_code() const {
    const auto frames = sent(goaway_type);
    if (frames.empty()) return std::nullopt;
    return number_in(std::string_view(frames[0].payload).substr(4, 4));
  }
  std::optional<uint32_t> reset_code(uint32_t stream) const {
    for (const Sent& each : sent(rst_stream_type))
      if (each.stream == stream) return number_in(each.payload);
    return std::nullopt;
  }
  size_t sent_body_bytes() const {
    size_t bytes = 0;
    for (const Sent& each : sent(data_type)) bytes += each.payload.size();
    return bytes;
  }
  void expect_alive() {
    const size_t before = sent(ping_type).size();
    say(frame(ping_type, 0, 0, "12345678"));
    EXPECT_EQ(sent(ping_type).size(), before + 1);
    EXPECT_FALSE(goaway_code());
  }

  Memory memory;
  ClientSession session{memory, *this, {.reply_head = {.head_bytes_max = 20'000}}};
  std::vector<std::unique_ptr<Asker>> askers;
  std::string heard;
};

// What a server says to an open request, and what must come of it.
struct Rule {
  const char* section;
  const char* text;
  std::string said;
  enum class Broken : uint8_t { nothing, stream, connection } broken;
  uint32_t code = 0;
  const char* method = "GET";
};

using Broken = Rule::Broken;

const Rule connection_rules[] = {
    {"4.2", "HEADERS beyond SETTINGS_MAX_FRAME_SIZE", head(std::string(16'385, '\0')),
     Broken::connection, frame_size_error},
    {"4.2", "DATA beyond SETTINGS_MAX_FRAME_SIZE", head(status()) + body(std::string(16'385, 'x')),
     Broken::connection, frame_size_error},
    {"4.2", "SETTINGS beyond SETTINGS_MAX_FRAME_SIZE",
     frame(settings_type, 0, 0, std::string(16'386, '\0')), Broken::connection, frame_size_error},
    {"4.3", "an index that nobody has", head("\xfe"), Broken::connection, compression_error},
    {"4.3", "a block cut short", head(std::string("\0\5ab", 4)), Broken::connection,
     compression_error},
    {"4.3", "a block interrupted by another frame",
     head(status(), 0) + frame(ping_type, 0, 0, "12345678"), Broken::connection, protocol_error},
    {"4.3", "a block interrupted by a frame of another stream",
     head(status(), 0) + frame(continuation_type, end_headers, 3, {}), Broken::connection,
     protocol_error},
    {"7541-2.3.3", "index 0", head("\x80"), Broken::connection, compression_error},
    {"7541-5.1", "a number without end", head("\xff" + std::string(12, '\xff')), Broken::connection,
     compression_error},
    {"7541-5.2", "a Huffman string with wrong padding",
     head(status() + std::string("\0\1a\x81\0", 5)), Broken::connection, compression_error},
    {"7541-6.3", "a table size beyond our setting", head("\x3f\xe1\xff\x3f" + status()),
     Broken::connection, compression_error},
    {"7541-4.2", "a table size within a block", head(status() + "\x20"), Broken::connection,
     compression_error},
    {"5.1", "DATA on an idle stream", frame(data_type, 0, 77, "x"), Broken::connection,
     protocol_error},
    {"5.1", "HEADERS on an idle stream", frame(headers_type, end_headers, 77, status()),
     Broken::connection, protocol_error},
    {"5.1", "RST_STREAM on an idle stream", reset(77, cancel), Broken::connection, protocol_error},
    {"5.1", "WINDOW_UPDATE on an idle stream", window_update(77, 1), Broken::connection,
     protocol_error},
    {"5.1.1", "a stream that the server opens", frame(headers_type, end_headers, 2, status()),
     Broken::connection, protocol_error},
    {"6.1", "DATA on stream 0", frame(data_type, 0, 0, "x"), Broken::connection, protocol_error},
    {"6.1", "padding of all of DATA", head(status()) + body("\5abcd", padded), Broken::connection,
     protocol_error},
    {"6.2", "HEADERS on stream 0", frame(headers_type, end_headers, 0, status()),
     Broken::connection, protocol_error},
    {"6.2", "padding beyond HEADERS", head("\x7f" + status(), end_headers | padded),
     Broken::connection, protocol_error},
    {"6.3", "PRIORITY on stream 0", frame(priority_type, 0, 0, "\1\1\1\1\1"), Broken::connection,
     protocol_error},
    {"6.4", "RST_STREAM on stream 0", reset(0, cancel), Broken::connection, protocol_error},
    {"6.4", "RST_STREAM of 3 bytes", frame(rst_stream_type, 0, 1, "abc"), Broken::connection,
     frame_size_error},
    {"6.5", "SETTINGS on a stream", frame(settings_type, 0, 1), Broken::connection, protocol_error},
    {"6.5", "SETTINGS of 5 bytes", frame(settings_type, 0, 0, "abcde"), Broken::connection,
     frame_size_error},
    {"6.5", "an acknowledgement with content", frame(settings_type, ack, 0, "abcdef"),
     Broken::connection, frame_size_error},
    {"6.5.2", "SETTINGS_ENABLE_PUSH of a server", setting(2, 1), Broken::connection,
     protocol_error},
    {"6.5.2", "SETTINGS_ENABLE_PUSH of 2", setting(2, 2), Broken::connection, protocol_error},
    {"6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE beyond 2^31-1", setting(4, 0x80000000),
     Broken::connection, flow_control_error},
    {"6.5.2", "SETTINGS_MAX_FRAME_SIZE below 2^14", setting(5, 16'383), Broken::connection,
     protocol_error},
    {"6.5.2", "SETTINGS_MAX_FRAME_SIZE beyond 2^24-1", setting(5, 1u << 24), Broken::connection,
     protocol_error},
    {"6.6", "PUSH_PROMISE though push is off",
     frame(settings_type, ack, 0) +
         frame(push_promise_type, end_headers, 1, number_of(2, 4) + field(":method", "GET")),
     Broken::connection, protocol_error},
    {"6.7", "PING on a stream", frame(ping_type, 0, 1, "12345678"), Broken::connection,
     protocol_error},
    {"6.7", "PING of 7 bytes", frame(ping_type, 0, 0, "1234567"), Broken::connection,
     frame_size_error},
    {"6.8", "GOAWAY on a stream", frame(goaway_type, 0, 1, std::string(8, '\0')),
     Broken::connection, protocol_error},
    {"6.8", "GOAWAY of 7 bytes", frame(goaway_type, 0, 0, std::string(7, '\0')), Broken::connection,
     frame_size_error},
    {"6.9", "WINDOW_UPDATE of 0 for the connection", window_update(0, 0), Broken::connection,
     protocol_error},
    {"6.9", "WINDOW_UPDATE of 3 bytes", frame(window_update_type, 0, 0, "abc"), Broken::connection,
     frame_size_error},
    {"6.9.1", "a window of the connection beyond 2^31-1", window_update(0, 0x7fffffff),
     Broken::connection, flow_control_error},
    {"6.9.2", "a window of a stream beyond 2^31-1 by SETTINGS",
     window_update(1, 0x7fffffff - 65'535) + setting(initial_window_size, 65'536),
     Broken::connection, flow_control_error, "POST"},
    {"6.10", "CONTINUATION out of nothing", frame(continuation_type, end_headers, 1, status()),
     Broken::connection, protocol_error},
    {"6.10", "CONTINUATION after a whole head",
     head(status()) + frame(continuation_type, end_headers, 1, field("a", "b")), Broken::connection,
     protocol_error},
    {"6.10", "CONTINUATION on stream 0",
     head(status(), 0) + frame(continuation_type, end_headers, 0, {}), Broken::connection,
     protocol_error},
    // Of streams only, but more is allowed (5.4.1).
    {"5.1", "DATA after the end of a reply whose request is open",
     head(status(), whole) + body("x"), Broken::connection, stream_closed, "POST"},
    {"5.1", "HEADERS after the end of a reply whose request is open",
     head(status(), whole) + head(status(), whole), Broken::connection, stream_closed, "POST"},
    {"6.9", "WINDOW_UPDATE of 0", window_update(1, 0), Broken::connection, protocol_error, "POST"},
    {"6.9.1", "a window beyond 2^31-1", window_update(1, 0x7fffffff), Broken::connection,
     flow_control_error, "POST"},
    {"8.1", "DATA before the head", body("x", end_stream), Broken::connection, protocol_error},
};

const Rule stream_rules[] = {
    {"8.1", "trailers that do not end the stream", head(status()) + head(field("a", "b")),
     Broken::stream, protocol_error},
    {"8.1", "a second final head", head(status()) + head(status(), whole), Broken::stream,
     protocol_error},
    {"8.1.1", "less body than content-length",
     head(status() + field("content-length", "3")) + body("ab", end_stream), Broken::stream,
     protocol_error},
    {"8.1.1", "more body than content-length",
     head(status() + field("content-length", "3")) + body("abcd"), Broken::stream, protocol_error},
    {"8.1.1", "no body though content-length says so",
     head(status() + field("content-length", "3"), whole), Broken::stream, protocol_error},
    {"8.1.1", "two lengths",
     head(status() + field("content-length", "3") + field("content-length", "4")), Broken::stream,
     protocol_error},
    {"8.1.1", "a length that is no number", head(status() + field("content-length", "+3")),
     Broken::stream, protocol_error},
    {"8.2.1", "a name in upper case", head(status() + field("X-A", "1"), whole), Broken::stream,
     protocol_error},
    {"8.2.1", "a name with a space", head(status() + field("x a", "1"), whole), Broken::stream,
     protocol_error},
    {"8.2.1", "a name beyond ASCII", head(status() + field("x\xc3\xa4", "1"), whole),
     Broken::stream, protocol_error},
    {"8.2.1", "a name with a colon", head(status() + field("x:a", "1"), whole), Broken::stream,
     protocol_error},
    {"8.2.1", "an empty name", head(status() + field("", "1"), whole), Broken::stream,
     protocol_error},
    {"8.2.1", "a value with NUL", head(status() + field("a", std::string_view("x\0y", 3)), whole),
     Broken::stream, protocol_error},
    {"8.2.1", "a value with CR", head(status() + field("a", "x\ry"), whole), Broken::stream,
     protocol_error},
    {"8.2.1", "a value with LF", head(status() + field("a", "x\ny"), whole), Broken::stream,
     protocol_error},
    {"8.2.1", "a value that begins with a space", head(status() + field("a", " x"), whole),
     Broken::stream, protocol_error},
    {"8.2.1", "a value that ends with a tab", head(status() + field("a", "x\t"), whole),
     Broken::stream, protocol_error},
    {"8.2.2", "Connection", head(status() + field("connection", "close"), whole), Broken::stream,
     protocol_error},
    {"8.2.2", "Proxy-Connection", head(status() + field("proxy-connection", "close"), whole),
     Broken::stream, protocol_error},
    {"8.2.2", "Keep-Alive", head(status() + field("keep-alive", "5"), whole), Broken::stream,
     protocol_error},
    {"8.2.2", "Transfer-Encoding", head(status() + field("transfer-encoding", "chunked"), whole),
     Broken::stream, protocol_error},
    {"8.2.2", "Upgrade", head(status() + field("upgrade", "x"), whole), Broken::stream,
     protocol_error},
    {"8.3", "a pseudo field after others", head(field("a", "b") + status(), whole), Broken::stream,
     protocol_error},
    {"8.3", "a pseudo field that nobody knows", head(status() + field(":what", "x"), whole),
     Broken::stream, protocol_error},
    {"8.3", "a pseudo field of requests", head(status() + field(":path", "/"), whole),
     Broken::stream, protocol_error},
    {"8.3", "a pseudo field among trailers", head(status()) + head(field(":status", "200"), whole),
     Broken::stream, protocol_error},
    {"8.3", "a pseudo field twice", head(status() + status(), whole), Broken::stream,
     protocol_error},
    {"8.3.2", "no :status", head(field("a", "b"), whole), Broken::stream, protocol_error},
    {"8.3.2", "a :status of two digits", head(status("20"), whole), Broken::stream, protocol_error},
    {"8.3.2", "a :status of letters", head(status("2x0"), whole), Broken::stream, protocol_error},
    {"8.3.2", "a :status below 100", head(status("099"), whole), Broken::stream, protocol_error},
    {"8.6", "101", head(status("101")), Broken::stream, protocol_error},
    {"8.1", "an interim head that ends the stream", head(status("103"), whole), Broken::stream,
     protocol_error},
};

const Rule harmless_rules[] = {
    {"4.1", "frames of unknown types",
     frame(static_cast<Type>(0xbe), 0xff, 0, "whatever") + frame(static_cast<Type>(0xef), 0, 1) +
         head(status(), whole),
     Broken::nothing},
    {"4.1", "flags that nobody knows", head(status(), whole | 0x52), Broken::nothing},
    {"4.1", "the reserved bit of a stream's number",
     frame(headers_type, whole, 0x80000001, status()), Broken::nothing},
    {"4.2", "a frame of 2^14 bytes", head(status()) + body(std::string(16'384, 'x'), end_stream),
     Broken::nothing},
    {"5.3", "PRIORITY",
     frame(priority_type, 0, 1, std::string("\0\0\0\3\1", 5)) + head(status(), whole),
     Broken::nothing},
    {"5.3", "PRIORITY of a stream that nobody opened",
     frame(priority_type, 0, 99, std::string("\0\0\0\3\1", 5)) + head(status(), whole),
     Broken::nothing},
    {"6.2", "HEADERS with priority and padding",
     head(std::string("\2\0\0\0\0\1", 6) + status() + std::string(2, '\0'),
          whole | padded | with_priority),
     Broken::nothing},
    {"6.1", "DATA with padding",
     head(status()) + body(std::string("\2ab\0\0", 5), padded | end_stream), Broken::nothing},
    {"6.5.2", "settings that nobody knows", setting(0x7777, 1) + head(status(), whole),
     Broken::nothing},
    {"6.5.3", "an acknowledgement", frame(settings_type, ack, 0) + head(status(), whole),
     Broken::nothing},
    {"6.10", "a head in many frames",
     head("", 0) + frame(continuation_type, 0, 1, status()) + frame(continuation_type, 0, 1, {}) +
         frame(continuation_type, end_headers, 1, field("a", "b")) + body("", end_stream),
     Broken::nothing},
    {"7", "a code that nobody knows", head(status(), whole) + reset(1, 0x7777), Broken::nothing},
    {"8.1", "interim heads, then the final one",
     head(status("100")) + head(status("103") + field("link", "</a>")) + head(status(), whole),
     Broken::nothing},
    {"8.1", "trailers", head(status()) + body("x") + head(field("a", "b"), whole), Broken::nothing},
    {"8.1", "an empty DATA frame at the end", head(status()) + body("", end_stream),
     Broken::nothing},
    {"8.1", "an end before that of the request, and RST_STREAM of NO_ERROR",
     head(status(), whole) + reset(1, no_error), Broken::nothing, 0, "POST"},
    {"8.1.1", "a length without body in the reply to HEAD",
     head(status() + field("content-length", "1000"), whole), Broken::nothing, 0, "HEAD"},
    {"8.1.1", "a length without body with 304",
     head(status("304") + field("content-length", "1000"), whole), Broken::nothing},
    {"8.2.1", "a value beyond ASCII", head(status() + field("a", "\xc3\xa4"), whole),
     Broken::nothing},
};

struct ClientRule : testing::TestWithParam<Rule> {};

TEST_P(ClientRule, holds) {
  const Rule& rule = GetParam();
  Client client;
  Asker& asker = client.ask(rule.method);
  Asker& other = client.ask();  // on stream 3
  client.say(rule.said);
  switch (rule.broken) {
    case Broken::connection:
      EXPECT_EQ(client.goaway_code(), rule.code);
      EXPECT_TRUE(client.session.has_ended());
      EXPECT_FALSE(client.session.takes_requests());
      break;
    case Broken::stream:
      EXPECT_EQ(client.reset_code(1), rule.code);
      // A reply that was whole before stays whole.
      EXPECT_NE(asker.has_ended, asker.failure && asker.failure->kind == Kind::malformed);
      EXPECT_FALSE(other.failure);
      client.expect_alive();
      break;
    case Broken::nothing:
      EXPECT_TRUE(asker.has_ended);
      EXPECT_FALSE(asker.failure || other.failure);
      client.expect_alive();
  }
}

std::string name_of(const testing::TestParamInfo<Rule>& rule) {
  std::string name = std::string(rule.param.section) + " " + rule.param.text;
  for (char& byte : name)
    if (std::isalnum(static_cast<unsigned char>(byte)) == 0) byte = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Connection, ClientRule, testing::ValuesIn(connection_rules), name_of);
INSTANTIATE_TEST_SUITE_P(Stream, ClientRule, testing::ValuesIn(stream_rules), name_of);
INSTANTIATE_TEST_SUITE_P(Harmless, ClientRule, testing::ValuesIn(harmless_rules), name_of);

TEST(ClientRules, section_3_4_the_client_says_its_preface_and_settings_first) {
  Client client("");
  client.listen();
  EXPECT_TRUE(client.heard.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  ASSERT_FALSE(client.sent().empty());
  EXPECT_EQ(client.sent()[0].type, settings_type);
  // 6.5.2: push is off.
  EXPECT_NE(client.sent()[0].payload.find(number_of(2, 2) + number_of(0, 4)), std::string::npos);
}

TEST(ClientRules, section_3_4_a_server_that_does_not_begin_with_settings_is_left) {
  for (const std::string& said :
       {frame(ping_type, 0, 0, "12345678"), frame(settings_type, ack, 0),
        std::string("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")}) {
    Client client(said);
    EXPECT_TRUE(client.session.has_ended());
    EXPECT_TRUE(client.goaway_code().has_value());
  }
}

TEST(ClientRules, section_5_1_what_comes_for_a_stream_that_was_cancelled_is_let_pass) {
  Client client;
  Asker& asker = client.ask();
  client.say(head(status()));
  asker.stream.close();
  client.listen();
  EXPECT_EQ(client.reset_code(1), cancel);
  // It may have been on its way; its fields count for the table, its body for the window.
  client.say(body(std::string(16'384, 'x')) + window_update(1, 5) +
             head("\x40" + field("x-known", "yes").substr(1), whole));
  client.expect_alive();
  Asker& next = client.ask();
  client.say(frame(headers_type, whole, 3, status() + "\xbe"));
  EXPECT_TRUE(next.has_ended);
}

TEST(ClientRules, section_5_1_a_stream_that_both_have_ended_takes_nothing) {
  Client client;
  Asker& asker = client.ask();
  client.say(head(status(), whole));
  client.say(body("x"));
  EXPECT_EQ(asker.body_bytes, 0u);
  client.expect_alive();
}

TEST(ClientRules, section_5_1_1_numbers_of_streams_are_odd_and_rise) {
  Client client;
  for (int i = 0; i < 3; ++i) client.ask();
  const auto heads = client.sent(headers_type);
  ASSERT_EQ(heads.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(heads[i].stream, 2 * i + 1);
}

TEST(ClientRules, section_5_1_2_no_more_streams_are_opened_than_the_server_takes) {
  Client client(setting(max_concurrent_streams, 2));
  client.ask();
  EXPECT_TRUE(client.session.has_room());
  client.ask();
  EXPECT_FALSE(client.session.has_room());
  // Fewer: those that are open may go on, none is added until one less is open.
  client.say(setting(max_concurrent_streams, 1));
  client.say(head(status(), whole));
  client.askers[0]->stream.close();
  EXPECT_TRUE(client.askers[0]->has_ended);
  EXPECT_FALSE(client.session.has_room());
  client.say(frame(headers_type, whole, 3, status()));
  client.askers[1]->stream.close();
  EXPECT_TRUE(client.session.has_room());
  // None at all, and then some again.
  client.say(setting(max_concurrent_streams, 0));
  EXPECT_FALSE(client.session.has_room());
  EXPECT_TRUE(client.session.takes_requests());
  client.say(setting(max_concurrent_streams, 100));
  EXPECT_TRUE(client.session.has_room());
}

TEST(ClientRules, section_5_2_no_more_is_sent_than_the_windows_allow) {
  Client client;
  Asker& asker = client.ask("POST");
  asker.stream.write(std::string(200'000, 'b'));
  asker.stream.end_request({});
  client.listen();
  EXPECT_EQ(client.sent_body_bytes(), 65'535u);
  client.say(window_update(1, 100'000));  // the connection's is used up
  EXPECT_EQ(client.sent_body_bytes(), 65'535u);
  client.say(window_update(0, 50'000));
  EXPECT_EQ(client.sent_body_bytes(), 115'535u);
  for (const Sent& each : client.sent(data_type)) EXPECT_LE(each.payload.size(), 16'384u);
  client.say(window_update(0, 100'000) + window_update(1, 100'000));
  EXPECT_EQ(client.sent_body_bytes(), 200'000u);
  EXPECT_EQ(client.sent(data_type).back().flags & end_stream, end_stream);
  EXPECT_EQ(asker.drained, 1);
}

TEST(ClientRules, section_6_9_2_a_window_may_become_negative) {
  Client client(setting(initial_window_size, 40'000));
  Asker& asker = client.ask("POST");
  asker.stream.write(std::string(60'000, 'b'));
  asker.stream.end_request({});
  client.listen();
  EXPECT_EQ(client.sent_body_bytes(), 40'000u);
  client.say(setting(initial_window_size, 10'000));  // -30,000
  client.say(window_update(1, 30'000));              // 0
  EXPECT_EQ(client.sent_body_bytes(), 40'000u);
  client.say(window_update(1, 1));
  EXPECT_EQ(client.sent_body_bytes(), 40'001u);
  client.say(setting(initial_window_size, 20'000));
  EXPECT_EQ(client.sent_body_bytes(), 50'001u);
  client.say(setting(initial_window_size, 65'535));
  EXPECT_EQ(client.sent_body_bytes(), 60'000u);
  // Streams that begin later have the latest size.
  client.say(setting(initial_window_size, 7));
  Asker& later = client.ask("POST");
  later.stream.write("0123456789");
  client.listen();
  EXPECT_EQ(client.sent_body_bytes(), 60'007u);
}

TEST(ClientRules, section_6_9_1_a_server_that_sends_beyond_a_streams_window_is_stopped) {
  Client client;
  Asker& asker = client.ask();
  client.say(head(status()));
  asker.stream.pause_reply();
  for (int i = 0; i < 17 && !client.goaway_code() && !client.reset_code(1); ++i)
    client.say(body(std::string(16'384, 'x')));
  EXPECT_EQ(client.goaway_code().value_or(client.reset_code(1).value_or(0)), flow_control_error);
  EXPECT_LE(asker.body_bytes, 256u << 10);
}

TEST(ClientRules, section_6_9_what_was_taken_opens_the_windows_again) {
  Client client;
  Asker& asker = client.ask();
  client.say(head(status()));
  for (int i = 0; i < 200; ++i) client.say(body(std::string(16'384, 'x')));
  EXPECT_EQ(asker.body_bytes, 200u * 16'384);
  EXPECT_FALSE(client.goaway_code());
  EXPECT_FALSE(client.sent(window_update_type).empty());
}

TEST(ClientRules, section_6_9_what_is_for_nobody_any_more_does_not_use_the_connections_window_up) {
  Client client;
  client.ask().stream.close();
  client.listen();
  for (int i = 0; i < 2'000; ++i) client.say(body(std::string(16'384, 'x')));
  client.expect_alive();
}

TEST(ClientRules, section_6_5_3_settings_are_acknowledged_once_each) {
  Client client(frame(settings_type, 0, 0));
  client.say(setting(initial_window_size, 5) + setting(initial_window_size, 6));
  size_t acknowledged = 0;
  for (const Sent& each : client.sent(settings_type))
    acknowledged += (each.flags & ack) != 0 ? 1 : 0;
  EXPECT_EQ(acknowledged, 3u);
}

TEST(ClientRules, section_6_5_2_frames_are_as_large_as_the_server_takes) {
  Client client(setting(5, 20'000));
  Asker& asker = client.ask("POST");
  asker.stream.write(std::string(60'000, 'b'));
  client.listen();
  for (const Sent& each : client.sent(data_type)) EXPECT_LE(each.payload.size(), 20'000u);
}

TEST(ClientRules, section_4_3_1_the_servers_table_size_is_kept_to) {
  Client client(setting(1, 0));
  client.ask();
  client.ask();
  const auto heads = client.sent(headers_type);
  ASSERT_EQ(heads.size(), 2u);
  // The first block says so; none of the two refers to an entry of its own (index 62 or more).
  EXPECT_EQ(heads[0].payload[0], '\x20');
  EXPECT_EQ(heads[0].payload.substr(1), heads[1].payload);
}

TEST(ClientRules, section_6_7_a_ping_is_answered_with_its_own_bytes) {
  Client client;
  client.say(frame(ping_type, 0, 0, "abcdefgh"));
  const auto pings = client.sent(ping_type);
  ASSERT_EQ(pings.size(), 1u);
  EXPECT_EQ(pings[0].flags, ack);
  EXPECT_EQ(pings[0].payload, "abcdefgh");
  // An acknowledgement is not, be it asked for or not.
  client.say(frame(ping_type, ack, 0, "abcdefgh"));
  EXPECT_EQ(client.sent(ping_type).size(), 1u);
}

TEST(ClientRules, section_6_7_one_ping_at_a_time_is_under_way) {
  Client client;
  client.session.ping();
  client.session.ping();
  client.listen();
  const auto pings = client.sent(ping_type);
  ASSERT_EQ(pings.size(), 1u);
  EXPECT_EQ(pings[0].flags, 0);
  EXPECT_TRUE(client.session.awaits_ping());
  client.say(frame(ping_type, ack, 0, pings[0].payload));
  EXPECT_FALSE(client.session.awaits_ping());
}

TEST(ClientRules, section_6_8_goaway_refuses_streams_above_its_last_and_lets_the_others_end) {
  Client client;
  Asker& first = client.ask();
  Asker& second = client.ask();
  client.say(goaway(1, no_error));
  EXPECT_FALSE(client.session.takes_requests());
  EXPECT_FALSE(client.session.has_room());
  EXPECT_FALSE(first.failure);
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->kind, Kind::refused);
  client.say(head(status()) + body("x", end_stream));
  EXPECT_TRUE(first.has_ended);
}

TEST(ClientRules, section_6_8_a_second_goaway_may_name_fewer) {
  Client client;
  Asker& first = client.ask();
  Asker& second = client.ask();
  client.say(goaway(0x7fffffff, no_error));
  EXPECT_FALSE(first.failure || second.failure);
  client.say(goaway(1, no_error));
  EXPECT_FALSE(first.failure);
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->kind, Kind::refused);
}

TEST(ClientRules, section_6_8_a_later_goaway_may_not_name_more) {
  Client client;
  client.ask();
  client.ask();
  client.say(goaway(1, no_error) + goaway(3, no_error));
  EXPECT_EQ(client.goaway_code(), protocol_error);
}

TEST(ClientRules, section_8_7_a_refused_stream_is_told_as_one) {
  Client client;
  Asker& asker = client.ask();
  client.say(reset(1, refused_stream));
  ASSERT_TRUE(asker.failure);
  EXPECT_EQ(asker.failure->kind, Kind::refused);
  client.expect_alive();
}

TEST(ClientRules, section_7_http_1_1_required_is_told_as_such_of_a_stream_and_of_a_connection) {
  Client client;
  Asker& first = client.ask();
  Asker& second = client.ask();
  client.say(reset(1, http_1_1_required));
  ASSERT_TRUE(first.failure);
  EXPECT_EQ(first.failure->kind, Kind::http1_required);
  client.say(goaway(1, http_1_1_required));
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->kind, Kind::http1_required);
}

TEST(ClientRules, section_7_codes_that_nobody_knows_are_a_reset_like_any) {
  Client client;
  Asker& asker = client.ask();
  client.say(reset(1, 0xdeadbeef));
  ASSERT_TRUE(asker.failure);
  EXPECT_EQ(asker.failure->kind, Kind::reset);
  EXPECT_EQ(asker.failure->code, 0xdeadbeef);
  client.expect_alive();
}

TEST(ClientRules, section_8_1_trailers_come_after_the_body) {
  Client client;
  Asker& asker = client.ask("POST");
  asker.stream.write("body");
  http::Headers lines;
  lines.add("X-Sum", "4");
  asker.stream.end_request(lines);
  client.listen();
  const auto frames = client.sent();
  ASSERT_GE(frames.size(), 3u);
  EXPECT_EQ(frames.back().type, headers_type);
  EXPECT_EQ(frames.back().flags, whole);
  client.say(head(status("103")) + head(status()) + body("hello") + head(field("a", "b"), whole));
  EXPECT_EQ(asker.statuses, (std::vector<int>{103, 200}));
  EXPECT_EQ(asker.body_bytes, 5u);
  EXPECT_EQ(asker.trailers, "a=b;");
}

TEST(ClientRules, section_10_5_1_a_head_beyond_the_limit_ends_its_stream_only) {
  Client client;
  Asker& asker = client.ask();
  Asker& other = client.ask();
  std::string large = status();
  for (int i = 0; i < 30; ++i) large += field("x-" + std::to_string(i), std::string(100, 'x'));
  std::string said = head(large, 0);
  for (int i = 0; i < 6; ++i)
    said += frame(continuation_type, i == 5 ? end_headers : 0, 1, large.substr(status().size()));
  client.say(said);
  ASSERT_TRUE(asker.failure);
  EXPECT_EQ(asker.failure->kind, Kind::head_too_large);
  EXPECT_TRUE(client.reset_code(1).has_value());
  client.say(frame(headers_type, whole, 3, status()));
  EXPECT_TRUE(other.has_ended);
}

TEST(ClientRules, a_connection_that_ends_fails_what_is_open_once) {
  Client client;
  Asker& first = client.ask();
  Asker& second = client.ask();
  client.say(head(status(), whole));
  client.session.fail_streams({.kind = Kind::broken});
  EXPECT_TRUE(first.has_ended && !first.failure);
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->kind, Kind::broken);
}

}  // namespace
}  // namespace causeway::http2
