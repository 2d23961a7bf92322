#include "http2/client_session.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "http2/client_callbacks.h"
#include "http2/library_memory.h"

namespace causeway::http2 {
namespace {

// Until the peer has said how many streams it takes, no more than nearly every server does.
constexpr size_t streams_before_settings = 100;

}  // namespace

ClientSession::ClientSession(Memory& memory, Carrier& carrier, const Limits& limits)
    : carrier_(carrier), limits_(limits), core_(std::make_unique<Core>()) {
  core_->memory = library_memory(memory);
  nghttp2_session* session = nullptr;
  CHECK(nghttp2_session_client_new3(&session, Callbacks::table(), this, Callbacks::options(),
                                    &core_->memory) == 0);
  core_->session.reset(session);
  const auto head_bytes =
      static_cast<uint32_t>(std::min<size_t>(limits_.reply_head.head_bytes_max, INT32_MAX));
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head_bytes}};
  CHECK(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  // All streams together are bounded by their own windows.
  const uint64_t window = uint64_t{limits_.stream_window_bytes} * limits_.streams_max;
  CHECK(nghttp2_session_set_local_window_size(
            session, NGHTTP2_FLAG_NONE, 0,
            static_cast<int32_t>(std::min<uint64_t>(window, INT32_MAX))) == 0);
}

ClientSession::~ClientSession() { CHECK(streams_.empty()); }

bool ClientSession::takes_requests() const {
  return !is_broken_ && nghttp2_session_check_request_allowed(core_->session.get()) != 0;
}

bool ClientSession::has_room() const {
  if (!takes_requests()) return false;
  const size_t peers = nghttp2_session_get_remote_settings(core_->session.get(),
                                                           NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  const size_t most = has_settings_ ? peers : streams_before_settings;
  return streams_.size() < std::min<size_t>(most, limits_.streams_max);
}

void ClientSession::open(ClientStream& stream, ClientStream::Events& events,
                         const Request& request) {
  CHECK(has_room() && !stream.is_open());
  stream.session_ = this;
  stream.events_ = &events;
  stream.head_bytes_ = 0;
  stream.unconsumed_ = 0;
  stream.is_head_request_ = request.is_head;
  stream.request_has_ended_ = stream.request_is_sent_ = !request.has_body;
  stream.reply_has_begun_ = stream.head_is_final_ = stream.reply_is_whole_ = false;
  stream.is_paused_ = stream.was_full_ = false;
  stream.is_reset_by_peer_ = stream.is_over_ = stream.is_too_large_ = stream.is_malformed_ = false;
  core_->fill(request.fields);
  nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = Callbacks::read_body};
  stream.id_ =
      nghttp2_submit_request(core_->session.get(), nullptr, core_->fields.data(),
                             core_->fields.size(), request.has_body ? &body : nullptr, &stream);
  core_->forget_fields();
  CHECK(stream.id_ > 0);
  streams_.push_back(stream);
  carrier_.on_output_waiting();
}

void ClientSession::feed(std::string_view bytes) {
  CHECK(output_ == nullptr);
  if (is_broken_) return;
  const ssize_t used = nghttp2_session_mem_recv(
      core_->session.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) is_broken_ = true;
  finish_touched();
  if (nghttp2_session_want_write(core_->session.get()) != 0) carrier_.on_output_waiting();
}

bool ClientSession::take_output(std::string& out, size_t most) {
  CHECK(output_ == nullptr);
  if (is_broken_) return false;
  const size_t before = out.size();
  output_ = &out;
  output_most_ = most;
  while (out.size() < most) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(core_->session.get(), &bytes);
    if (size < 0) is_broken_ = true;
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  output_ = nullptr;
  finish_touched();
  return out.size() > before;
}

void ClientSession::ping() {
  if (is_broken_ || std::exchange(awaits_ping_, true)) return;
  CHECK(nghttp2_submit_ping(core_->session.get(), NGHTTP2_FLAG_NONE, nullptr) == 0);
  carrier_.on_output_waiting();
}

bool ClientSession::has_ended() const {
  return is_broken_ || (nghttp2_session_want_read(core_->session.get()) == 0 &&
                        nghttp2_session_want_write(core_->session.get()) == 0);
}

void ClientSession::say_goodbye() {
  if (!is_broken_) nghttp2_session_terminate_session(core_->session.get(), NGHTTP2_NO_ERROR);
}

void ClientSession::fail_streams(const StreamFailure& failure) {
  is_broken_ = true;
  while (!streams_.empty()) {
    ClientStream& stream = streams_.front();
    stream.is_over_ = true;
    if (stream.reply_is_whole_) {
      stream.unlink();  // its user has heard the end and closes it
    } else {
      fail(stream, failure);
    }
  }
}

// One after the other is told that this is all for now: what they gather on the way is one place.
void ClientSession::touch(ClientStream& stream) {
  if (touched_ == &stream) return;
  const int32_t id = stream.id_;
  finish_touched();
  // Whoever was told may have closed this one, and opened it again.
  if (is_still(stream, id)) touched_ = &stream;
}

void ClientSession::finish_touched() {
  if (touched_ == nullptr) return;
  std::exchange(touched_, nullptr)->events_->on_reply_read_done();
}

void ClientSession::fail(ClientStream& stream, const StreamFailure& failure) {
  const int32_t id = stream.id_;
  if (touched_ != &stream) {
    finish_touched();
    if (!is_still(stream, id)) return;
  }
  touched_ = nullptr;
  // Out of the list first: whoever is told and does not close it is told once.
  stream.unlink();
  stream.events_->on_stream_failure(failure);
}

void ClientSession::tell_end(ClientStream& stream, const http::Headers& trailers) {
  if (stream.reply_is_whole_) return;
  const int32_t id = stream.id_;
  touch(stream);
  if (!is_still(stream, id)) return;
  stream.reply_is_whole_ = true;
  stream.events_->on_reply_end(trailers);
}

bool ClientSession::take_field(ClientStream& stream, std::string_view name,
                               std::string_view value) {
  http::Headers& lines = stream.head_is_final_ ? stream.trailers_ : stream.head_.headers;
  constexpr size_t separators = 4;  // as a line of HTTP/1
  stream.head_bytes_ += name.size() + value.size() + separators;
  if (stream.head_bytes_ > limits_.reply_head.head_bytes_max ||
      lines.size() >= limits_.reply_head.headers_max) {
    stream.is_too_large_ = true;
    return false;
  }
  if (name.starts_with(':')) {
    // The library has seen to it that it is a status, of three digits.
    std::from_chars(value.data(), value.data() + value.size(), stream.head_.status);
    return true;
  }
  lines.add(stream.arena_.copy(name), stream.arena_.copy(value));
  return true;
}

void ClientSession::take_head(ClientStream& stream, bool ends_stream) {
  if (stream.head_is_final_) {
    if (ends_stream) tell_end(stream, stream.trailers_);
    return;
  }
  http::ReplyHead& head = stream.head_;
  if (head.status < 100) {
    stream.is_malformed_ = true;
    nghttp2_submit_rst_stream(core_->session.get(), NGHTTP2_FLAG_NONE, stream.id_,
                              NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  head.version = {2, 0};
  head.reason = http::reason_phrase(head.status);
  head.keep_alive = true;
  head.framing = http::Framing::none;
  const bool is_interim = head.status < 200;
  const bool has_no_body = stream.is_head_request_ || head.status == 204 || head.status == 304;
  if (!is_interim && !has_no_body) {
    const auto length = head.headers.find("content-length");
    if (length) {
      head.framing = http::Framing::length;
      std::from_chars(length->data(), length->data() + length->size(), head.content_length);
    } else if (!ends_stream) {
      head.framing = http::Framing::chunked;
    }
  }
  stream.head_is_final_ = !is_interim;
  const int32_t id = stream.id_;
  touch(stream);
  if (!is_still(stream, id)) return;
  stream.events_->on_reply(head);
  if (ends_stream && is_still(stream, id)) tell_end(stream, {});
}

}  // namespace causeway::http2
