#include "tools/sample_app/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "http/h1_writer.h"
#include "http/websocket.h"
#include "tls/digest.h"

namespace causeway::sample {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kKeptBodyBytes = 1 << 20;       // echoed back at most; more is only counted
constexpr uint64_t kFramePayloadMax = 16 << 20;  // a larger WebSocket frame ends the connection
constexpr http::HeadLimits kHeadLimits{.head_bytes_max = 256 * 1024, .headers_max = 1000};

}  // namespace

Connection::Connection(int descriptor, const Identity& identity)
    : descriptor_(descriptor), identity_(identity), parser_(arena_, kHeadLimits, *this) {}

Connection::~Connection() { close(descriptor_); }

void Connection::serve() {
  std::array<char, kReadBytes> buffer;
  while (open_) {
    const ssize_t got = read(descriptor_, buffer.data(), buffer.size());
    if (got <= 0) return;
    std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    while (open_ && !bytes.empty()) {
      const Result<size_t> used = parser_.feed(bytes);
      if (!used) {
        (void)send_answer({.status = 400, .body = "bad request\n"}, false);
        return;
      }
      bytes.remove_prefix(*used);
      if (websocket_) return serve_websocket(std::string(bytes));
      if (!parser_.is_complete()) continue;
      parser_.next_request();
      arena_.reset();
    }
  }
}

void Connection::on_request(http::RequestHead& head) {
  body_.clear();
  body_bytes_ = 0;
  if (head.upgrade && http::equals_ignoring_case(head.headers.get("Upgrade"), "websocket")) {
    const std::string accept = tls::base64(tls::sha1(
        std::string(head.headers.get("Sec-WebSocket-Key")) + std::string(http::kAcceptGuid)));
    websocket_ = true;
    open_ = send_all(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        accept + "\r\n\r\n");
    return;
  }
  if (head.expect_continue) open_ = send_all("HTTP/1.1 100 Continue\r\n\r\n");
}

void Connection::on_request_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  body_.append(bytes.substr(0, kKeptBodyBytes - std::min(body_.size(), kKeptBodyBytes)));
}

void Connection::on_request_end(const http::Headers&) {
  if (websocket_) return;
  const http::RequestHead& head = parser_.head();
  const Answer what = answer(identity_, head, body_, body_bytes_);
  if (what.delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(what.delay_ms));
  open_ = send_answer(what, head.keep_alive) && head.keep_alive;
  if (what.exit_code >= 0) std::_Exit(what.exit_code);
}

bool Connection::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Connection::send_answer(const Answer& what, bool keep_alive) {
  const std::string length = std::to_string(what.body.size() + what.filler_bytes);
  http::Headers headers;
  headers.add("Content-Type", what.content_type);
  headers.add("Content-Length", length);
  headers.add("X-Instance-Index", identity_.index);
  if (!keep_alive) headers.add("Connection", "close");
  std::string out;
  http::append_reply_head(out, what.status, http::reason_phrase(what.status), {1, 1}, headers);
  const bool is_head = parser_.head_complete() && parser_.head().method == "HEAD";
  if (is_head) return send_all(out);
  out += what.body;
  if (!send_all(out)) return false;
  const std::string filler(static_cast<size_t>(std::min<uint64_t>(what.filler_bytes, kReadBytes)),
                           'x');
  for (uint64_t left = what.filler_bytes; left > 0;) {
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(left, filler.size()));
    if (!send_all(std::string_view(filler).substr(0, piece))) return false;
    left -= piece;
  }
  return true;
}

void Connection::serve_websocket(std::string pending) {
  std::string greeting;
  const std::string hello = "instance " + identity_.index;
  http::append_frame_head(greeting, http::Opcode::text, hello.size());
  if (!send_all(greeting + hello)) return;
  std::array<char, kReadBytes> buffer;
  while (answer_frames(pending)) {
    const ssize_t got = read(descriptor_, buffer.data(), buffer.size());
    if (got <= 0) return;
    pending.append(buffer.data(), static_cast<size_t>(got));
  }
}

// Echoes every whole frame in `pending`; false when the connection is over.
bool Connection::answer_frames(std::string& pending) {
  for (;;) {
    const auto head = http::parse_frame_head(pending);
    if (!head ||
        (head->has_value() && (!(*head)->masked || (*head)->payload_bytes > kFramePayloadMax))) {
      std::string close_frame;
      http::append_close_frame(close_frame, 1002);  // protocol error
      (void)send_all(close_frame);
      return false;
    }
    if (!head->has_value()) return true;
    const http::FrameHead& frame = **head;
    const size_t payload_bytes = static_cast<size_t>(frame.payload_bytes);
    if (pending.size() < frame.head_bytes + payload_bytes) return true;
    std::string payload = pending.substr(frame.head_bytes, payload_bytes);
    pending.erase(0, frame.head_bytes + payload_bytes);
    http::apply_mask(payload, frame.mask, 0);
    const http::Opcode opcode =
        frame.opcode == http::Opcode::ping ? http::Opcode::pong : frame.opcode;
    if (opcode == http::Opcode::pong && frame.opcode != http::Opcode::ping) continue;
    std::string out;
    http::append_frame_head(out, opcode, payload.size());
    if (!frame.final) out[0] = static_cast<char>(out[0] & 0x7f);
    if (!send_all(out + payload) || opcode == http::Opcode::close) return false;
  }
}

}  // namespace causeway::sample
