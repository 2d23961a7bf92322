#include "http2/client_callbacks.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/check.h"

namespace causeway::http2 {
namespace {

// Our own largest request head and what its transport adds (the library's own limit is 64 KiB).
constexpr size_t request_head_bytes_max = 4u << 20;

std::string_view view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

void ClientSession::Core::fill(const FieldBlock& block) {
  fields.clear();
  for (size_t i = 0; i < block.size(); ++i) {
    const std::string_view name = block.name(i);
    const std::string_view value = block.value(i);
    const uint8_t flags = block.remember(i) == Remember::no
                              ? static_cast<uint8_t>(NGHTTP2_NV_FLAG_NO_INDEX)
                              : static_cast<uint8_t>(NGHTTP2_NV_FLAG_NONE);
    fields.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), flags});
  }
}

void ClientSession::Core::forget_fields() {
  if (fields.capacity() > FieldBlock::fields_kept) std::vector<nghttp2_nv>().swap(fields);
  fields.clear();
}

int ClientSession::Callbacks::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame,
                                               void*) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  ClientStream* stream = heard_stream_of(session, frame->hd.stream_id);
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

int ClientSession::Callbacks::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                                        const uint8_t* name, size_t name_bytes,
                                        const uint8_t* value, size_t value_bytes, uint8_t,
                                        void* user) {
  ClientStream* stream = heard_stream_of(session, frame->hd.stream_id);
  if (stream == nullptr || frame->hd.type != NGHTTP2_HEADERS) return 0;
  return session_of(user).take_field(*stream, view(name, name_bytes), view(value, value_bytes))
             ? 0
             : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int ClientSession::Callbacks::on_frame(nghttp2_session* session, const nghttp2_frame* frame,
                                       void* user) {
  ClientSession& self = session_of(user);
  if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
    ++self.frames_of_replies_;
  if (frame->hd.stream_id == 0) {
    if (frame->hd.type == NGHTTP2_SETTINGS) self.has_settings_ = true;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
      self.awaits_ping_ = false;
    if (frame->hd.type == NGHTTP2_GOAWAY)
      self.wants_http1_ = frame->goaway.error_code == NGHTTP2_HTTP_1_1_REQUIRED;
    return 0;
  }
  ClientStream* stream = heard_stream_of(session, frame->hd.stream_id);
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

int ClientSession::Callbacks::on_body(nghttp2_session* session, uint8_t, int32_t id,
                                      const uint8_t* bytes, size_t size, void* user) {
  // Other streams go on while one is not taken: only its own window closes.
  nghttp2_session_consume_connection(session, size);
  ClientStream* stream = heard_stream_of(session, id);
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

// More than a window can hold, be it by WINDOW_UPDATE or by SETTINGS: for the latter RFC 9113
// section 6.9.2 demands that the connection ends; the library would end the stream only.
int ClientSession::Callbacks::on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame,
                                            void*) {
  if (frame->hd.type == NGHTTP2_RST_STREAM &&
      frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR)
    nghttp2_session_terminate_session(session, NGHTTP2_FLOW_CONTROL_ERROR);
  return 0;
}

int ClientSession::Callbacks::on_stream_close(nghttp2_session*, int32_t id, uint32_t code,
                                              void* user) {
  ClientSession& self = session_of(user);
  ClientStream* stream = stream_of(self.core_->session.get(), id);
  if (stream == nullptr) return 0;
  stream->is_over_ = true;
  if (stream->reply_is_whole_) return 0;
  StreamFailure failure{.kind = StreamFailure::Kind::malformed};
  if (stream->is_too_large_) {
    failure.kind = StreamFailure::Kind::head_too_large;
  } else if (code == NGHTTP2_REFUSED_STREAM) {
    failure.kind =
        self.wants_http1_ ? StreamFailure::Kind::http1_required : StreamFailure::Kind::refused;
  } else if (stream->is_reset_by_peer_ && code == NGHTTP2_HTTP_1_1_REQUIRED) {
    failure.kind = StreamFailure::Kind::http1_required;
  } else if (stream->is_reset_by_peer_) {
    failure = {.kind = StreamFailure::Kind::reset, .code = code};
  }
  self.fail(*stream, failure);
  return 0;
}

ssize_t ClientSession::Callbacks::read_body(nghttp2_session* session, int32_t id, uint8_t*,
                                            size_t room, uint32_t* flags, nghttp2_data_source*,
                                            void*) {
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
  Core& core = *stream->session_->core_;
  core.fill(stream->request_trailers_);
  const int failure = nghttp2_submit_trailer(session, id, core.fields.data(), core.fields.size());
  core.forget_fields();
  if (failure != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  return static_cast<ssize_t>(size);
}

int ClientSession::Callbacks::send_body(nghttp2_session* session, nghttp2_frame* frame,
                                        const uint8_t* frame_head, size_t size,
                                        nghttp2_data_source*, void* user) {
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

nghttp2_session_callbacks* ClientSession::Callbacks::table() {
  static nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_body);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
    return callbacks;
  }();
  return made;
}

nghttp2_option* ClientSession::Callbacks::options() {
  static nghttp2_option* const made = [] {
    nghttp2_option* option = nullptr;
    CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, request_head_bytes_max);
    return option;
  }();
  return made;
}

}  // namespace causeway::http2
