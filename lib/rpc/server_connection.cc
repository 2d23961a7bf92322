#include "rpc/server_connection.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "http/h1_writer.h"
#include "rpc/event_stream.h"
#include "rpc/server_state.h"
#include "rpc/url.h"

namespace causeway::rpc {

namespace {

// How long a client whose connection is being closed may still send.
constexpr Duration kLinger = std::chrono::seconds(2);
// Memory set aside for a body before its bytes have come, whatever length its head claims.
constexpr uint64_t kReserveMax = 1u << 20;
// What a connection keeps of it for the next request.
constexpr size_t kBodyKeptMax = 4u << 10;

// What goes out together of a subscriber's events; more does not wait for the turn's end.
constexpr size_t kEventsPerWrite = 32;
constexpr size_t kEventBytesPerWrite = 16u << 10;

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

// What a head says of the message itself.
struct MessageLines {
  std::string_view name, value;  // no value: left out
  std::string_view connection;   // the same
};

void append_reply_head(std::string& head, int status, std::string_view content_type,
                       const HeaderList& headers, const MessageLines& lines) {
  const auto code = static_cast<uint16_t>(status);
  http::append_status_line(head, code, http::reason_phrase(code), http::Version{1, 1});
  if (!content_type.empty()) http::append_header(head, "Content-Type", content_type);
  for (const auto& [name, value] : headers) {
    // A value echoed from somewhere must not become a line of its own.
    if (name.find_first_of("\r\n:") == std::string::npos &&
        value.find_first_of("\r\n") == std::string::npos) {
      http::append_header(head, name, value);
    }
  }
  if (!lines.value.empty()) http::append_header(head, lines.name, lines.value);
  if (!lines.connection.empty()) http::append_header(head, "Connection", lines.connection);
  head += "\r\n";
}

// As all heads of a connection are alike, their strings have the room already.
void copy_headers(const http::Headers& from, HeaderList& to) {
  to.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    to[i].first = from[i].name;
    to[i].second = from[i].value;
  }
}

// The path and query of a request target in origin or absolute form.
void split_target(std::string_view target, std::string& raw_path, std::string& query) {
  if (!target.starts_with('/')) {
    const size_t scheme_end = target.find("://");
    const size_t path = scheme_end == std::string_view::npos ? std::string_view::npos
                                                             : target.find('/', scheme_end + 3);
    if (path != std::string_view::npos) target = target.substr(path);
  }
  const size_t question = target.find('?');
  raw_path = target.substr(0, question);
  query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
}

}  // namespace

// --- Responder

Responder::Responder(ServerConnection& connection) : connection_(&connection) {
  connection.moved(this);
}

Responder::Responder(Responder&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {
  if (connection_ != nullptr) connection_->moved(this);
}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    if (connection_ != nullptr) reply(500);
    connection_ = std::exchange(other.connection_, nullptr);
    if (connection_ != nullptr) connection_->moved(this);
  }
  return *this;
}

Responder::~Responder() {
  if (connection_ != nullptr) reply(500);
}

void Responder::reply(int status, std::string_view content_type, std::string body,
                      HeaderList headers) {
  ServerConnection* const connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  connection->moved(nullptr);
  connection->answer(status, content_type, std::move(body), headers);
}

std::unique_ptr<Responder::EventStream> Responder::stream(HeaderList headers) {
  ServerConnection* const connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return nullptr;
  connection->moved(nullptr);
  return connection->open_stream(headers);
}

std::unique_ptr<Responder::BodyStream> Responder::send(std::string_view content_type,
                                                       HeaderList headers) {
  ServerConnection* const connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return nullptr;
  connection->moved(nullptr);
  return connection->open_body(content_type, headers);
}

// --- ServerBodyStream

ServerBodyStream::~ServerBodyStream() {
  if (connection_ == nullptr) return;
  connection_->body_stream_ = nullptr;
  connection_->cut_body();
}

void ServerBodyStream::write(std::string_view bytes) {
  if (connection_ != nullptr) connection_->send_body(bytes);
}

bool ServerBodyStream::is_full() const { return connection_ != nullptr && connection_->is_full(); }

void ServerBodyStream::finish() {
  ServerConnection* const connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  connection->body_stream_ = nullptr;
  connection->finish_body();
}

// --- ServerEventStream

ServerEventStream::~ServerEventStream() {
  if (connection_ == nullptr) return;
  connection_->event_stream_ = nullptr;
  connection_->close_stream();
}

bool ServerEventStream::send(std::string_view id, const EventText& text) {
  return connection_ != nullptr && connection_->send_event(id, text);
}

// --- ServerConnection: receiving

ServerConnection::ServerConnection(Server::State& server, std::unique_ptr<net::Stream> stream)
    : server_(server),
      loop_(server.loop),
      stream_(std::move(stream)),
      parser_(arena_, {.head_bytes_max = server.options.head_bytes_max}, *this),
      deadline_(loop_) {}

void ServerConnection::open() {
  deadline_.once(server_.options.idle_timeout, [this] { on_deadline(); });
  stream_->listen(*this);
}

void ServerConnection::on_read(std::span<char> bytes) {
  const std::string_view text(bytes.data(), bytes.size());
  switch (phase_) {
    case Phase::waiting:
    case Phase::receiving:
      return consume(text);
    case Phase::answering:
    case Phase::sending:
    case Phase::flushing:
      inbox_.append(text);
      return;
    case Phase::streaming:
    case Phase::lingering:
    case Phase::ended:
      return;
  }
}

void ServerConnection::consume(std::string_view bytes) {
  is_consuming_ = true;
  bool has_begun = false;
  while (!bytes.empty() && (phase_ == Phase::waiting || phase_ == Phase::receiving)) {
    if (phase_ == Phase::waiting) {
      phase_ = Phase::receiving;
      has_begun = true;
    }
    auto used = parser_.feed({bytes.data(), bytes.size()});
    if (!used) {
      refuse(used.error().os != 0 ? used.error().os : 400);
    } else if (refusal_ != 0) {
      refuse(refusal_);
    } else {
      bytes.remove_prefix(*used);
      if (parser_.is_complete()) dispatch();
    }
  }
  is_consuming_ = false;
  // Most requests are whole at once and need no deadline.
  if (has_begun && phase_ == Phase::receiving)
    deadline_.once(server_.options.request_timeout, [this] { on_deadline(); });
  if (phase_ == Phase::answering || phase_ == Phase::sending || phase_ == Phase::flushing) {
    inbox_.append(bytes);
    stream_->pause(net::Pause::exchange);
  }
}

void ServerConnection::on_request(http::RequestHead& head) {
  // An upgrade we do not speak is ignored; what follows its head could be another protocol's.
  keeps_alive_ = head.keep_alive && !head.upgrade;
  if (head.framing == http::Framing::length &&
      head.content_length > server_.options.body_bytes_max) {
    refusal_ = 413;
    return parser_.stop();
  }
  request_.method = head.method;
  copy_headers(head.headers, request_.headers);
  request_.body.clear();
  if (head.framing == http::Framing::length) {
    request_.body.reserve(static_cast<size_t>(std::min(head.content_length, kReserveMax)));
  }
  split_target(head.target, raw_path_, request_.query);
  if (head.expect_continue && head.framing != http::Framing::none)
    stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
}

void ServerConnection::on_request_body(std::string_view bytes) {
  if (request_.body.size() + bytes.size() > server_.options.body_bytes_max) {
    refusal_ = 413;
    return parser_.stop();
  }
  request_.body.append(bytes);
}

void ServerConnection::on_request_end(const http::Headers&) {}

void ServerConnection::dispatch() {
  deadline_.disarm();
  received_ = loop_.now();
  is_observed_ = false;
  if (raw_path_.find('%') == std::string::npos) {
    request_.path = raw_path_;
  } else {
    auto path = percent_decode(raw_path_);
    if (!path) return refuse(400);
    request_.path = std::move(*path);
  }
  request_.path_params.clear();
  if (request_.remote.empty()) request_.remote = stream_->peer().to_string();
  phase_ = Phase::answering;
  server_.serve(request_, raw_path_, Responder(*this));
}

void ServerConnection::on_deadline() {
  switch (phase_) {
    case Phase::receiving:
      return refuse(408);
    case Phase::sending:
    case Phase::flushing:
      stream_->abort_on_close();
      return end();
    case Phase::waiting:
    case Phase::lingering:
      return end();
    case Phase::answering:
    case Phase::streaming:
    case Phase::ended:
      return;
  }
}

void ServerConnection::refuse(int status) {
  keeps_alive_ = false;
  phase_ = Phase::answering;
  const std::string_view reason = http::reason_phrase(static_cast<uint16_t>(status));
  answer(status, "text/plain; charset=utf-8", std::string(reason) + "\n", {});
}

// --- ServerConnection: answering

void ServerConnection::answer(int status, std::string_view content_type, std::string body,
                              const HeaderList& headers) {
  CHECK(phase_ == Phase::answering);
  if (server_.is_draining || client_has_ended_) keeps_alive_ = false;
  const std::string length = has_no_body(status) ? std::string() : std::to_string(body.size());
  std::string_view connection = keeps_alive_ ? "" : "close";
  if (keeps_alive_ && parser_.head_complete() && parser_.head().version == http::Version{1, 0})
    connection = "keep-alive";
  std::string& head = server_.head;
  head.clear();
  append_reply_head(head, status, content_type, headers, {"Content-Length", length, connection});
  const bool sends_body = !has_no_body(status) && request_.method != "HEAD";
  const std::array<std::string_view, 2> pieces{
      head, sends_body ? std::string_view(body) : std::string_view{}};
  stream_->write(pieces);
  observe(status);
  answered();
}

void ServerConnection::observe(int status) {
  if (std::exchange(is_observed_, true)) return;
  if (server_.observer && !server_.has_ended)
    server_.observer(request_, status, loop_.now() - received_);
}

void ServerConnection::answered() {
  if (phase_ != Phase::answering) return;  // the observer ended the server
  if (!keeps_alive_) return linger();
  if (stream_->is_full()) {
    phase_ = Phase::flushing;
    deadline_.once(server_.options.request_timeout, [this] { on_deadline(); });
    return;
  }
  next_request();
}

void ServerConnection::next_request() {
  if (server_.is_draining) return linger();
  parser_.next_request();
  arena_.reset();
  request_.method.clear();
  if (request_.body.capacity() > kBodyKeptMax) std::string().swap(request_.body);
  phase_ = Phase::waiting;
  deadline_.once(server_.options.idle_timeout, [this] { on_deadline(); });
  if (is_consuming_) return;
  stream_->resume(net::Pause::exchange);
  if (!inbox_.empty()) {
    const std::string bytes = std::exchange(inbox_, {});
    consume(bytes);
  }
}

void ServerConnection::linger() {
  phase_ = Phase::lingering;
  std::string().swap(inbox_);
  stream_->shutdown();
  if (client_has_ended_ && stream_->queued_bytes() == 0) return end();
  stream_->resume(net::Pause::exchange);
  // A client that takes its answer slowly gets the time it would have had.
  deadline_.once(stream_->queued_bytes() == 0 ? kLinger : server_.options.request_timeout,
                 [this] { on_deadline(); });
}

void ServerConnection::on_end() {
  client_has_ended_ = true;
  switch (phase_) {
    case Phase::waiting:
    case Phase::receiving:
    case Phase::streaming:
      return end();
    case Phase::lingering:
      if (stream_->queued_bytes() == 0) end();
      return;
    case Phase::answering:
    case Phase::sending:
    case Phase::flushing:
    case Phase::ended:
      return;
  }
}

void ServerConnection::on_failure(const Error&) { end(); }

void ServerConnection::on_drained() {
  if (phase_ == Phase::flushing) return next_request();
  if (phase_ == Phase::streaming) flush_events();
  if (phase_ != Phase::sending) return;
  deadline_.disarm();
  if (body_stream_ == nullptr || !body_stream_->on_room_) return;
  const auto on_room = std::exchange(body_stream_->on_room_, {});
  on_room();
}

// --- ServerConnection: long bodies

bool ServerConnection::is_chunked() { return parser_.head().version != http::Version{1, 0}; }

std::unique_ptr<Responder::BodyStream> ServerConnection::open_body(std::string_view content_type,
                                                                   const HeaderList& headers) {
  CHECK(phase_ == Phase::answering);
  // Without chunks only the end of the connection tells the end of the body.
  if (server_.is_draining || client_has_ended_ || !is_chunked()) keeps_alive_ = false;
  std::string head;
  append_reply_head(
      head, 200, content_type, headers,
      {"Transfer-Encoding", is_chunked() ? "chunked" : "", keeps_alive_ ? "" : "close"});
  stream_->write(head);
  phase_ = Phase::sending;
  auto handle = std::make_unique<ServerBodyStream>(*this);
  body_stream_ = handle.get();
  return handle;
}

void ServerConnection::send_body(std::string_view bytes) {
  CHECK(phase_ == Phase::sending);
  if (bytes.empty() || request_.method == "HEAD") return;
  if (is_chunked()) {
    const http::ChunkHead head = http::chunk_head(bytes.size());
    const std::array<std::string_view, 3> pieces{head.view(), bytes, http::kChunkEnd};
    stream_->write(pieces);
  } else {
    stream_->write(bytes);
  }
  // Who takes nothing for that long gets no more.
  if (stream_->is_full() && !deadline_.is_armed())
    deadline_.once(server_.options.request_timeout, [this] { on_deadline(); });
}

void ServerConnection::finish_body() {
  CHECK(phase_ == Phase::sending);
  if (is_chunked() && request_.method != "HEAD") stream_->write(http::kLastChunk);
  deadline_.disarm();
  phase_ = Phase::answering;
  observe(200);
  answered();
}

void ServerConnection::cut_body() {
  stream_->abort_on_close();
  end();
}

// --- ServerConnection: event streams

std::unique_ptr<Responder::EventStream> ServerConnection::open_stream(const HeaderList& headers) {
  CHECK(phase_ == Phase::answering);
  HeaderList all{{"Cache-Control", "no-cache, no-store, must-revalidate"}};
  all.insert(all.end(), headers.begin(), headers.end());
  std::string head;
  append_reply_head(head, 200, "text/event-stream; charset=utf-8", all,
                    {"Transfer-Encoding", "chunked", "keep-alive"});
  stream_->write(head);
  phase_ = Phase::streaming;
  stream_->resume(net::Pause::exchange);
  auto handle = std::make_unique<ServerEventStream>(*this);
  event_stream_ = handle.get();
  return handle;
}

bool ServerConnection::send_event(std::string_view id, const EventText& text) {
  CHECK(phase_ == Phase::streaming);
  std::string id_line;
  append_event_id(id_line, id);
  events_.push_back({std::move(id_line), text});
  event_bytes_ += events_.back().size();
  if (events_.size() >= kEventsPerWrite || event_bytes_ >= kEventBytesPerWrite || has_too_many())
    flush_events();
  if (has_too_many()) return cut_off();
  if (!events_.empty() && !is_flush_due_ && !stream_->is_full()) {
    is_flush_due_ = true;
    server_.flush_soon(*this);
  }
  return true;
}

bool ServerConnection::has_too_many() const {
  return events_.size() > server_.options.queue_events_max ||
         event_bytes_ > server_.options.queue_bytes_max;
}

bool ServerConnection::cut_off() {
  server_.logger.info(
      "slow-subscriber-cut-off",
      {{"remote", request_.remote}, {"path", request_.path}, {"waiting_events", events_.size()}});
  event_stream_->connection_ = nullptr;
  event_stream_ = nullptr;
  stream_->abort_on_close();
  end();
  return false;
}

void ServerConnection::flush_due() {
  is_flush_due_ = false;
  flush_events();
}

void ServerConnection::flush_events() {
  size_t sent = 0;
  while (sent < events_.size() && !stream_->is_full()) sent += write_events(sent);
  events_.erase(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(sent));
  // What it took to wait for a slow subscriber is not kept for as long as it stays.
  if (events_.empty() && events_.capacity() > 2 * kEventsPerWrite)
    std::vector<WaitingEvent>().swap(events_);
}

// Sends those from `first` on that fit, as one chunk and in one write; answers how many.
size_t ServerConnection::write_events(size_t first) {
  size_t count = 1;
  size_t bytes = events_[first].size();
  for (; first + count < events_.size() && count < kEventsPerWrite; ++count) {
    const size_t more = events_[first + count].size();
    if (bytes + more > kEventBytesPerWrite) break;
    bytes += more;
  }
  const http::ChunkHead head = http::chunk_head(bytes);
  if (count == 1) {  // it may be a large one: not copied
    const WaitingEvent& event = events_[first];
    stream_->write(
        std::array<std::string_view, 4>{head.view(), event.id_line, *event.text, http::kChunkEnd});
  } else {
    std::string& chunk = server_.events;
    chunk = head.view();
    for (size_t i = first; i < first + count; ++i)
      chunk.append(events_[i].id_line).append(*events_[i].text);
    chunk += http::kChunkEnd;
    stream_->write(chunk);
  }
  event_bytes_ -= bytes;
  return count;
}

void ServerConnection::close_stream() {
  CHECK(phase_ == Phase::streaming);
  for (size_t sent = 0; sent < events_.size();) sent += write_events(sent);
  events_.clear();
  stream_->write(http::kLastChunk);
  observe(200);
  if (phase_ == Phase::streaming) linger();
}

void ServerConnection::end() {
  if (phase_ == Phase::ended) return;
  const int status = phase_ == Phase::streaming ? 200 : 0;
  phase_ = Phase::ended;
  deadline_.disarm();
  if (is_flush_due_) server_.flush_no_more(*this);
  stream_->pause(net::Pause::owner);
  if (responder_ != nullptr) std::exchange(responder_, nullptr)->connection_ = nullptr;
  ServerEventStream* const event_stream = std::exchange(event_stream_, nullptr);
  if (event_stream != nullptr) event_stream->connection_ = nullptr;
  ServerBodyStream* const body_stream = std::exchange(body_stream_, nullptr);
  if (body_stream != nullptr) body_stream->connection_ = nullptr;
  loop_.bury(std::move(stream_));
  Server::State& server = server_;
  observe(status);
  server.forget(*this);
  if (event_stream != nullptr && event_stream->on_gone_) {
    const std::function<void()> on_gone = std::move(event_stream->on_gone_);
    on_gone();
  }
  if (body_stream != nullptr && body_stream->on_room_) {
    const std::function<void()> on_room = std::move(body_stream->on_room_);
    on_room();
  }
}

}  // namespace causeway::rpc
