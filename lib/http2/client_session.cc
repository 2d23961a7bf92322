#include "http2/client_session.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/check.h"

namespace causeway::http2 {
namespace {

// Until the peer has said how many streams it takes, no more than nearly every server does.
constexpr size_t streams_before_settings = 100;
// Our own largest request head and what its transport adds (the library's own limit is 64 KiB).
constexpr size_t request_head_bytes_max = 4u << 20;
// A queue that grew beyond this is let go with its stream.
constexpr size_t queue_bytes_kept = 16u << 10;

std::string_view view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

// The library copies what it is given here.
void fill(std::vector<nghttp2_nv>& out, const FieldBlock& fields) {
  out.clear();
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = fields.name(i);
    const std::string_view value = fields.value(i);
    const uint8_t flags = fields.remember(i) == Remember::no
                              ? static_cast<uint8_t>(NGHTTP2_NV_FLAG_NO_INDEX)
                              : static_cast<uint8_t>(NGHTTP2_NV_FLAG_NONE);
    out.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), flags});
  }
}

}  // namespace

struct ClientSession::Core {
  struct End {
    void operator()(nghttp2_session* ended) const { nghttp2_session_del(ended); }
  };
  std::unique_ptr<nghttp2_session, End> session;
  std::vector<nghttp2_nv> fields;  // scratch
};

// What the library calls. It must neither be fed nor asked for output in there.
struct ClientSession::Callbacks {
  static ClientSession& session_of(void* user) { return *static_cast<ClientSession*>(user); }
  static ClientStream* stream_of(nghttp2_session* session, int32_t id) {
    return static_cast<ClientStream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    ClientStream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->reply_has_begun_ = true;
    stream->head_bytes_ = 0;
    stream->trailers_.clear();
    if (!stream->head_is_final_) {
      stream->head_.clear();
      stream->arena_.reset();
    }
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t,
                       void* user) {
    ClientStream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr || frame->hd.type != NGHTTP2_HEADERS) return 0;
    return session_of(user).take_field(*stream, view(name, name_bytes), view(value, value_bytes))
               ? 0
               : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    ClientSession& self = session_of(user);
    if (frame->hd.type == NGHTTP2_SETTINGS) self.has_settings_ = true;
    if (frame->hd.stream_id == 0) return 0;
    ClientStream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool ends_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      self.take_head(*stream, ends_stream);
    } else if (frame->hd.type == NGHTTP2_DATA && ends_stream) {
      self.tell_end(*stream, {});
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
      stream->is_reset_by_peer_ = true;
    }
    return 0;
  }

  static int on_body(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes,
                     size_t size, void* user) {
    // Other streams go on while one is not taken: only its own window closes.
    nghttp2_session_consume_connection(session, size);
    ClientStream* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    if (stream->is_paused_) {
      stream->unconsumed_ += static_cast<uint32_t>(size);
    } else {
      nghttp2_session_consume_stream(session, id, size);
    }
    session_of(user).touch(*stream);
    // To tell the one before may have closed this one.
    if (stream_of(session, id) == stream) stream->events_->on_reply_body(view(bytes, size));
    return 0;
  }

  static int on_stream_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    ClientSession& self = session_of(user);
    ClientStream* stream = stream_of(self.core_->session.get(), id);
    if (stream == nullptr) return 0;
    stream->is_over_ = true;
    if (stream->reply_is_whole_) return 0;
    StreamFailure failure{.kind = StreamFailure::Kind::malformed};
    if (stream->is_too_large_) {
      failure.kind = StreamFailure::Kind::head_too_large;
    } else if (code == NGHTTP2_REFUSED_STREAM) {
      failure.kind = StreamFailure::Kind::refused;
    } else if (stream->is_reset_by_peer_) {
      failure = {.kind = StreamFailure::Kind::reset, .code = code};
    }
    self.fail(*stream, failure);
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t*, size_t room,
                           uint32_t* flags, nghttp2_data_source*, void*) {
    ClientStream* stream = stream_of(session, id);
    if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;  // closed: a reset is on its way
    const size_t size = std::min(room, stream->queued_bytes());
    const bool is_last = stream->request_has_ended_ && size == stream->queued_bytes();
    if (size == 0 && !is_last) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!is_last) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    stream->request_is_sent_ = true;
    if (stream->request_trailers_.empty()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    std::vector<nghttp2_nv>& fields = stream->session_->core_->fields;
    fill(fields, stream->request_trailers_);
    if (nghttp2_submit_trailer(session, id, fields.data(), fields.size()) != 0)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return static_cast<ssize_t>(size);
  }

  static int send_body(nghttp2_session* session, nghttp2_frame* frame, const uint8_t* frame_head,
                       size_t size, nghttp2_data_source*, void* user) {
    constexpr size_t frame_head_bytes = 9;
    ClientSession& self = session_of(user);
    CHECK(self.output_ != nullptr);
    ClientStream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr || stream->queued_bytes() < size)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (self.output_->size() >= self.output_most_) return NGHTTP2_ERR_WOULDBLOCK;
    self.output_->append(view(frame_head, frame_head_bytes));
    self.output_->append(stream->queue_, stream->queue_begin_, size);
    stream->queue_begin_ += size;
    if (stream->queue_begin_ == stream->queue_.size()) {
      stream->queue_.clear();
      stream->queue_begin_ = 0;
    }
    if (stream->was_full_ && stream->queued_bytes() <= stream->high_mark_ / 4) {
      stream->was_full_ = false;
      stream->events_->on_request_drained();
    }
    return 0;
  }

  static nghttp2_session_callbacks* table() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_body);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
      nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
      return callbacks;
    }();
    return made;
  }

  static nghttp2_option* options() {
    static nghttp2_option* const made = [] {
      nghttp2_option* option = nullptr;
      CHECK(nghttp2_option_new(&option) == 0);
      nghttp2_option_set_no_auto_window_update(option, 1);
      nghttp2_option_set_max_send_header_block_length(option, request_head_bytes_max);
      return option;
    }();
    return made;
  }
};

ClientStream::~ClientStream() { CHECK(session_ == nullptr); }

void ClientStream::write(std::string_view bytes) {
  CHECK(session_ != nullptr && !request_has_ended_);
  if (is_over_ || bytes.empty()) return;
  if (queue_begin_ > queue_bytes_kept && queue_begin_ > queue_.size() / 2) {
    queue_.erase(0, queue_begin_);
    queue_begin_ = 0;
  }
  queue_.append(bytes);
  if (is_full()) was_full_ = true;
  // Fails for one whose head is not sent yet: it is asked for its body then.
  nghttp2_session_resume_data(session_->core_->session.get(), id_);
  session_->carrier_.on_output_waiting();
}

void ClientStream::end_request(const http::Headers& trailers) {
  CHECK(session_ != nullptr && !request_has_ended_);
  request_has_ended_ = true;
  if (is_over_) return;
  size_t bytes = 0;
  for (const http::Header& line : trailers) bytes += line.value.size();
  trailer_text_.clear();
  trailer_text_.reserve(bytes);  // the views stay
  for (const http::Header& line : trailers) {
    const size_t at = trailer_text_.size();
    trailer_text_.append(line.value);
    request_trailers_.add(line.name, std::string_view(trailer_text_).substr(at));
  }
  nghttp2_session_resume_data(session_->core_->session.get(), id_);
  session_->carrier_.on_output_waiting();
}

void ClientStream::resume_reply() {
  is_paused_ = false;
  if (session_ == nullptr || is_over_ || unconsumed_ == 0) return;
  nghttp2_session_consume_stream(session_->core_->session.get(), id_,
                                 std::exchange(unconsumed_, 0));
  session_->carrier_.on_output_waiting();
}

void ClientStream::close() {
  if (session_ == nullptr) return;
  ClientSession& session = *std::exchange(session_, nullptr);
  unlink();
  if (session.touched_ == this) session.touched_ = nullptr;
  if (!is_over_ && session.core_->session != nullptr) {
    nghttp2_session_set_stream_user_data(session.core_->session.get(), id_, nullptr);
    if (!reply_is_whole_ || !request_is_sent_) {
      nghttp2_submit_rst_stream(session.core_->session.get(), NGHTTP2_FLAG_NONE, id_,
                                NGHTTP2_CANCEL);
      session.carrier_.on_output_waiting();
    }
  }
  events_ = nullptr;
  arena_.release();
  head_.clear();
  trailers_.clear();
  request_trailers_.clear();
  if (queue_.capacity() > queue_bytes_kept) std::string().swap(queue_);
  queue_.clear();
  queue_begin_ = 0;
}

ClientSession::ClientSession(Carrier& carrier, const Limits& limits)
    : carrier_(carrier), limits_(limits), core_(std::make_unique<Core>()) {
  nghttp2_session* session = nullptr;
  CHECK(nghttp2_session_client_new2(&session, Callbacks::table(), this, Callbacks::options()) == 0);
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
  stream.is_reset_by_peer_ = stream.is_over_ = stream.is_too_large_ = false;
  fill(core_->fields, request.fields);
  nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = Callbacks::read_body};
  stream.id_ =
      nghttp2_submit_request(core_->session.get(), nullptr, core_->fields.data(),
                             core_->fields.size(), request.has_body ? &body : nullptr, &stream);
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
    out.append(view(bytes, static_cast<size_t>(size)));
  }
  output_ = nullptr;
  finish_touched();
  return out.size() > before;
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
    return stream.head_.status >= 100;
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
