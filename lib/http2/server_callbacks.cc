#include "http2/server_callbacks.h"

#include <algorithm>

#include "base/check.h"

namespace causeway::http2 {
namespace {

// A reply's head that is longer is not sent (the backend's limit comes before it).
constexpr size_t sent_head_bytes_max = 16u << 20;
// Kept for the next head that is sent.
constexpr size_t fields_kept = 256;
// CONTINUATION frames of one head.
constexpr size_t continuations_max = 64;
// A DATA frame of ours with so many bytes is work.
constexpr size_t frame_of_work_bytes = 256;
constexpr unsigned first_extension = NGHTTP2_CONTINUATION + 1;

std::string_view server_view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string_view server_view(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return server_view(bytes.base, bytes.len);
}

uint8_t* server_bytes(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

// Each reply has its own: the peer's table had better not be filled with it.
bool is_never_repeated(std::string_view name) {
  return (name.size() == 17 && http::equals_ignoring_case(name, "x-vcap-request-id")) ||
         (name.size() == 10 && http::equals_ignoring_case(name, "set-cookie"));
}

bool ends_stream(const nghttp2_frame_hd& head) {
  return (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

// The library copies them, and writes the names in lower case.
void ServerSession::Core::fill(const http::Headers& lines) {
  for (const http::Header& line : lines) {
    const uint8_t flags = is_never_repeated(line.name)
                              ? static_cast<uint8_t>(NGHTTP2_NV_FLAG_NO_INDEX)
                              : static_cast<uint8_t>(NGHTTP2_NV_FLAG_NONE);
    fields.push_back({server_bytes(line.name), server_bytes(line.value), line.name.size(),
                      line.value.size(), flags});
  }
}

void ServerSession::Core::forget_fields() {
  if (fields.capacity() > fields_kept) std::vector<nghttp2_nv>().swap(fields);
  fields.clear();
}

int ServerSession::Callbacks::on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head,
                                             void* user) {
  ServerSession& self = session_of(user);
  if (!self.check_frame(head->type, head->stream_id)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  switch (head->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
    case NGHTTP2_CONTINUATION:
      return 0;
    default:
      return self.note_idle_frame() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

int ServerSession::Callbacks::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame,
                                               void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  ServerSession& self = session_of(user);
  self.is_in_head_ = true;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    ServerStream& stream = self.events_.on_stream();
    self.open(stream, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, &stream);
  } else if (ServerStream* stream = stream_of(session, frame->hd.stream_id)) {
    stream->head_bytes_ = 0;
  }
  return 0;
}

int ServerSession::Callbacks::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                                        nghttp2_rcbuf* name, nghttp2_rcbuf* value, uint8_t,
                                        void* user) {
  ServerStream* stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr || frame->hd.type != NGHTTP2_HEADERS) return 0;
  ServerSession& self = session_of(user);
  if (self.take_field(*stream, server_view(name), server_view(value),
                      nghttp2_rcbuf_is_static(name) != 0))
    return 0;
  self.is_in_head_ = false;  // the rest of it is not told
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// Without this one the library would leave the field out and go on.
int ServerSession::Callbacks::on_invalid_header(nghttp2_session*, const nghttp2_frame*,
                                                const uint8_t*, size_t, const uint8_t*, size_t,
                                                uint8_t, void* user) {
  session_of(user).is_in_head_ = false;  // the rest of it is not told
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int ServerSession::Callbacks::on_frame(nghttp2_session* session, const nghttp2_frame* frame,
                                       void* user) {
  ServerSession& self = session_of(user);
  if (frame->hd.type == NGHTTP2_SETTINGS) {
    self.has_begun_ = true;
    if (!self.check_windows()) return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (frame->hd.type == NGHTTP2_HEADERS) self.is_in_head_ = false;
  if (frame->hd.stream_id == 0) return 0;
  ServerStream* stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_DATA) {
    if (ends_stream(frame->hd)) {
      self.complete_request(*stream);
    } else if (frame->hd.length == frame->data.padlen) {
      return self.note_idle_frame() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    // All take turns, whatever the client would like better.
    nghttp2_extpri priority{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    nghttp2_session_change_extpri_stream_priority(session, frame->hd.stream_id, &priority, 1);
    if (ends_stream(frame->hd)) stream->request_is_whole_ = true;
    self.complete_head(*stream);
    if (stream->refusal() != 0 && !self.note_broken_stream()) return NGHTTP2_ERR_CALLBACK_FAILURE;
  } else if (ends_stream(frame->hd)) {
    self.complete_request(*stream);
  }
  return 0;
}

int ServerSession::Callbacks::on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame,
                                               int, void* user) {
  ServerSession& self = session_of(user);
  if (frame->hd.type == NGHTTP2_HEADERS) self.is_in_head_ = false;
  self.events_.on_violation(false);
  if (stream_of(session, frame->hd.stream_id) != nullptr) return 0;  // counted when it closes
  return self.note_broken_stream() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int ServerSession::Callbacks::on_body(nghttp2_session* session, uint8_t, int32_t id,
                                      const uint8_t* bytes, size_t size, void* user) {
  ServerStream* stream = stream_of(session, id);
  if (stream == nullptr) {
    nghttp2_session_consume_connection(session, size);
    return 0;
  }
  stream->unconsumed_ += size;
  session_of(user).touch(*stream);
  stream->on_body(server_view(bytes, size));
  return 0;
}

int ServerSession::Callbacks::on_stream_close(nghttp2_session* session, int32_t id, uint32_t code,
                                              void* user) {
  ServerSession& self = session_of(user);
  ServerStream* stream = stream_of(session, id);
  if (stream == nullptr) return 0;
  // A tunnel's end is a reset as well, and no fault: once it was answered.
  const bool is_answered = stream->is_tunnel_ ? stream->reply_has_begun_ : stream->reply_is_sent_;
  const bool is_unanswered = !is_answered && !stream->is_cut_;
  if (stream->unconsumed_ > 0) nghttp2_session_consume_connection(session, stream->unconsumed_);
  self.close(*stream, code != NGHTTP2_NO_ERROR);
  if (!is_unanswered || code == NGHTTP2_NO_ERROR) return 0;
  if (self.note_broken_stream()) return 0;
  if (self.output_ == nullptr) return NGHTTP2_ERR_CALLBACK_FAILURE;
  self.give_up(ErrorCode::enhance_your_calm);
  return 0;
}

int ServerSession::Callbacks::on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame,
                                            void* user) {
  if (frame->hd.type == NGHTTP2_RST_STREAM) session_of(user).note_reset(frame->hd.stream_id);
  const bool is_message = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  if (!is_message || !ends_stream(frame->hd)) return 0;
  ServerSession& self = session_of(user);
  self.guard_.on_work();
  ServerStream* stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->reply_is_sent_ = true;
  // Nobody takes the rest of the request (RFC 9113 section 8.1).
  if (!stream->request_is_whole_ && !stream->is_tunnel_)
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  return 0;
}

int ServerSession::Callbacks::on_frame_not_sent(nghttp2_session* session,
                                                const nghttp2_frame* frame, int, void*) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (stream_of(session, frame->hd.stream_id) != nullptr)
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_INTERNAL_ERROR);
  return 0;
}

ssize_t ServerSession::Callbacks::read_body(nghttp2_session* session, int32_t id, uint8_t*,
                                            size_t room, uint32_t* flags, nghttp2_data_source*,
                                            void* user) {
  ServerStream* stream = stream_of(session, id);
  if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;  // closed: a reset is on its way
  const size_t size = std::min(room, stream->queued_bytes());
  const bool is_last = stream->reply_has_ended_ && size == stream->queued_bytes();
  if (size == 0 && stream->is_cut_) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (size == 0 && !is_last) return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (!is_last) return static_cast<ssize_t>(size);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream->reply_trailers_.empty()) return static_cast<ssize_t>(size);
  *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  Core& core = *session_of(user).core_;
  core.fields.clear();
  core.fill(stream->reply_trailers_);
  const int failure = nghttp2_submit_trailer(session, id, core.fields.data(), core.fields.size());
  core.forget_fields();
  if (failure != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  return static_cast<ssize_t>(size);
}

int ServerSession::Callbacks::send_body(nghttp2_session* session, nghttp2_frame* frame,
                                        const uint8_t* frame_head, size_t size,
                                        nghttp2_data_source*, void* user) {
  constexpr size_t frame_head_bytes = 9;
  ServerSession& self = session_of(user);
  CHECK(self.output_ != nullptr);
  ServerStream* stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr || stream->queued_bytes() < size)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (self.output_->size() >= self.output_most_) return NGHTTP2_ERR_WOULDBLOCK;
  self.output_->append(server_view(frame_head, frame_head_bytes));
  self.output_->append(stream->queue_, stream->queue_begin_, size);
  stream->queue_begin_ += size;
  stream->sent_bytes_ += size;
  self.queued_bytes_ -= size;
  // Small ones count when there was no more to say, not when a window let no more through.
  if (size >= frame_of_work_bytes || stream->queued_bytes() == 0) self.guard_.on_work();
  if (stream->queue_begin_ == stream->queue_.size()) {
    stream->queue_.clear();
    stream->queue_begin_ = 0;
  }
  if (stream->was_full_ && stream->queued_bytes() <= stream->high_mark_ / 4) {
    stream->was_full_ = false;
    stream->is_drained_ = true;
    self.touch(*stream);
  }
  return 0;
}

nghttp2_session_callbacks* ServerSession::Callbacks::table() {
  static nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_unpack_extension_callback(
        callbacks, [](nghttp2_session*, void**, const nghttp2_frame_hd*, void*) -> int {
          return NGHTTP2_ERR_CANCEL;
        });
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_body);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
    return callbacks;
  }();
  return made;
}

nghttp2_option* ServerSession::Callbacks::options() {
  static nghttp2_option* const made = [] {
    nghttp2_option* option = nullptr;
    CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, sent_head_bytes_max);
    nghttp2_option_set_max_continuations(option, continuations_max);
    // Frames of types that nobody knows are announced as well, and then left out.
    for (unsigned type = first_extension; type <= UINT8_MAX; ++type)
      nghttp2_option_set_user_recv_extension_type(option, static_cast<uint8_t>(type));
    return option;
  }();
  return made;
}

}  // namespace causeway::http2
