#include "bench/load/http/http2_connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::load {
namespace {

// As wide as it gets: the generator reads what comes, and TCP slows down who sends too fast.
constexpr int32_t window_bytes = (1 << 30) - 1;
constexpr size_t flush_bytes = 64u << 10;

Error broken_session(int code) {
  return {.fault = Fault::protocol, .side = Side::backend, .detail = nghttp2_strerror(code)};
}

uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

struct Http2Connection::Callbacks {
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t,
                       void*) {
    auto* stream = static_cast<Http2Stream*>(
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
    if (stream == nullptr) return 0;
    const std::string_view header(reinterpret_cast<const char*>(name), name_bytes);
    if (header != ":status") return 0;
    const auto* text = reinterpret_cast<const char*>(value);
    std::from_chars(text, text + value_bytes, stream->status_);
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, int32_t id, uint32_t error_code,
                             void* user_data) {
    auto* stream = static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
    if (stream != nullptr) static_cast<Http2Connection*>(user_data)->finish(*stream, error_code);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* room, size_t room_bytes,
                           uint32_t* flags, nghttp2_data_source* source, void* user_data) {
    auto* stream = static_cast<Http2Stream*>(source->ptr);
    const std::string& body = static_cast<Http2Connection*>(user_data)->plan_.body;
    const size_t count = std::min(room_bytes, body.size() - stream->body_sent_);
    std::memcpy(room, body.data() + stream->body_sent_, count);
    stream->body_sent_ += count;
    if (stream->body_sent_ == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  static nghttp2_session_callbacks* table() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
      return callbacks;
    }();
    return made;
  }
};

void Http2Connection::SessionEnd::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

void Http2Stream::open() {
  phase_ = Phase::opening;
  connection_.want(*this);
}

void Http2Stream::send_unit() {
  phase_ = Phase::waiting;
  connection_.want(*this);
}

void Http2Stream::drop() { connection_.give_up(*this); }

Http2Connection::Http2Connection(Dialer& dialer, const HttpPlan& plan, Place::Events& events,
                                 size_t address, size_t& cursor)
    : dialer_(dialer), plan_(plan), events_(events), address_(address), cursor_(cursor) {
  for (unsigned i = 0; i < plan.streams; ++i)
    streams_.push_back(std::make_unique<Http2Stream>(*this));
}

Http2Connection::~Http2Connection() = default;

void Http2Connection::want(Http2Stream& stream) {
  if (phase_ == Phase::dialing) return;
  if (phase_ == Phase::open) {
    if (stream.phase_ == Http2Stream::Phase::waiting) return ask(stream);
    // A place must not be told from inside open().
    return dialer_.loop.defer([this, &stream] { serve(stream); });
  }
  phase_ = Phase::dialing;
  dial_ = std::make_unique<Dial>(dialer_, address_,
                                 [this](Result<Dialed> dialed) { on_dialed(std::move(dialed)); });
}

void Http2Connection::give_up(Http2Stream& stream) {
  const auto phase = std::exchange(stream.phase_, Http2Stream::Phase::idle);
  if (phase != Http2Stream::Phase::asking || session_ == nullptr) return;
  nghttp2_session_set_stream_user_data(session_.get(), stream.id_, nullptr);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
  flush_soon();
}

void Http2Connection::on_dialed(Result<Dialed> dialed) {
  dial_.reset();
  if (!dialed) return lose(failure_of(dialed.error(), true), dialed.error());
  if (plan_.tls && dialed->protocol != "h2")
    return lose(Failure::protocol, {.fault = Fault::protocol,
                                    .side = Side::backend,
                                    .detail = "the server does not agree on h2 by ALPN"});
  stream_ = std::move(dialed->stream);
  stream_->listen(*this);
  phase_ = Phase::open;
  if (const auto started = start_session(); !started) return lose(Failure::other, started.error());
  events_.on_connected(dialed->facts);
  for (const auto& stream : streams_) serve(*stream);
  flush_soon();
}

Result<void> Http2Connection::start_session() {
  nghttp2_session* session = nullptr;
  CHECK(nghttp2_session_client_new(&session, Callbacks::table(), this) == 0);
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(window_bytes)}};
  int code = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  if (code == 0)
    code = nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, window_bytes);
  if (code != 0) return broken_session(code);
  return {};
}

// The connection stands: the stream gets what it waits for.
void Http2Connection::serve(Http2Stream& stream) {
  if (stream.phase_ == Http2Stream::Phase::waiting) return ask(stream);
  if (stream.phase_ != Http2Stream::Phase::opening || phase_ != Phase::open) return;
  stream.phase_ = Http2Stream::Phase::idle;
  events_.on_opened(stream, nullptr);
}

void Http2Connection::ask(Http2Stream& stream) {
  const auto& requests = plan_.requests_of[address_];
  const HttpPlan::Request& request = plan_.requests[requests[cursor_++ % requests.size()]];
  std::array<nghttp2_nv, HttpPlan::fields_max> fields;
  CHECK(request.fields.size() <= fields.size());
  for (size_t i = 0; i < request.fields.size(); ++i) {
    const RequestHeader& field = request.fields[i];
    fields[i] = {bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(),
                 NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
  }
  stream.phase_ = Http2Stream::Phase::asking;
  stream.status_ = 0;
  stream.body_sent_ = 0;
  nghttp2_data_provider body{.source = {.ptr = &stream}, .read_callback = Callbacks::read_body};
  stream.id_ = nghttp2_submit_request(session_.get(), nullptr, fields.data(), request.fields.size(),
                                      plan_.body.empty() ? nullptr : &body, &stream);
  if (stream.id_ < 0)  // no stream numbers are left
    return dialer_.loop.defer(
        [this, code = stream.id_] { lose(Failure::other, broken_session(code)); });
  flush_soon();
}

void Http2Connection::finish(Http2Stream& stream, uint32_t error_code) {
  stream.phase_ = Http2Stream::Phase::idle;
  if (error_code == NGHTTP2_NO_ERROR && stream.status_ != 0)
    return events_.on_replied(stream, stream.status_);
  const Error error{
      .fault = Fault::reset,
      .side = Side::backend,
      .detail = std::string("stream ended with ") + nghttp2_http2_strerror(error_code)};
  events_.on_failed(stream, Failure::reset, error);
}

void Http2Connection::flush_soon() {
  if (is_receiving_ || std::exchange(flush_is_due_, true)) return;
  dialer_.loop.defer([this] { flush(); });
}

void Http2Connection::flush() {
  flush_is_due_ = false;
  if (session_ == nullptr) return;
  while (!stream_->is_full()) {
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_.get(), &bytes);
    if (count < 0) return lose(Failure::other, broken_session(static_cast<int>(count)));
    if (count > 0) out_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
    if (count > 0 && out_.size() < flush_bytes) continue;
    if (out_.empty()) break;
    events_.on_traffic(0, out_.size());
    stream_->write(out_);
    out_.clear();
  }
}

void Http2Connection::lose(Failure failure, const Error& error) {
  const Error copy = error;
  const bool was_open = phase_ == Phase::open;
  dial_.reset();
  session_.reset();
  stream_.reset();
  out_.clear();
  phase_ = Phase::closed;
  // First all at once: each that is told may ask again, on a new connection.
  std::vector<std::pair<Http2Stream*, bool>> told;
  for (const auto& stream : streams_) {
    const auto phase = std::exchange(stream->phase_, Http2Stream::Phase::idle);
    if (phase != Http2Stream::Phase::idle)
      told.emplace_back(stream.get(), phase == Http2Stream::Phase::opening);
  }
  if (told.empty() && was_open) events_.on_dropped(copy);
  for (const auto& [stream, was_opening] : told) {
    if (was_opening) {
      events_.on_opened(*stream, &copy);
    } else {
      events_.on_failed(*stream, failure, copy);
    }
  }
}

void Http2Connection::on_read(std::span<char> bytes) {
  events_.on_traffic(bytes.size(), 0);
  is_receiving_ = true;
  const ssize_t used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  is_receiving_ = false;
  if (used < 0) return lose(Failure::protocol, broken_session(static_cast<int>(used)));
  flush();
  if (session_ != nullptr && nghttp2_session_want_read(session_.get()) == 0 &&
      nghttp2_session_want_write(session_.get()) == 0)
    lose(Failure::closed,
         {.fault = Fault::closed, .side = Side::backend, .detail = "the server said GOAWAY"});
}

void Http2Connection::on_end() {
  lose(Failure::closed, {.fault = Fault::closed, .side = Side::backend});
}

void Http2Connection::on_failure(const Error& error) { lose(failure_of(error, false), error); }

}  // namespace causeway::load
