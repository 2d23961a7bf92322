#include "http2/server_stream.h"

#include <array>
#include <charconv>

#include "base/check.h"
#include "http2/server_callbacks.h"

namespace causeway::http2 {
namespace {

constexpr std::string_view status_name = ":status";

// A view of digits that live in the caller.
nghttp2_nv status_field(std::array<char, 4>& digits, uint16_t status) {
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr;
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(status_name.data())),
          reinterpret_cast<uint8_t*>(digits.data()), status_name.size(),
          static_cast<size_t>(end - digits.data()), NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

}  // namespace

ServerStream::~ServerStream() { CHECK(session_ == nullptr); }

void ServerStream::forget_request() {
  constexpr size_t text_kept = 4096;
  head_.clear();
  trailers_.clear();
  reply_trailers_.clear();
  if (trailer_text_.capacity() > text_kept) std::string().swap(trailer_text_);
}

void ServerStream::consume(size_t bytes) {
  if (session_ == nullptr || bytes == 0) return;
  CHECK(bytes <= unconsumed_);
  unconsumed_ -= bytes;
  nghttp2_session_consume(session_->core_->session.get(), id_, bytes);
  session_->events_.on_output_waiting();
}

void ServerStream::interim(uint16_t status, const http::Headers& fields) {
  if (session_ == nullptr || reply_has_begun_ || is_reset_) return;
  ServerSession::Core& core = *session_->core_;
  std::array<char, 4> digits;
  core.fields.assign(1, status_field(digits, status));
  core.fill(fields);
  nghttp2_submit_headers(core.session.get(), NGHTTP2_FLAG_NONE, id_, nullptr, core.fields.data(),
                         core.fields.size(), nullptr);
  core.forget_fields();
  session_->events_.on_output_waiting();
}

void ServerStream::reply(uint16_t status, const http::Headers& fields, bool is_whole) {
  if (session_ == nullptr || is_reset_) return;
  CHECK(!reply_has_begun_);
  reply_has_begun_ = true;
  reply_has_ended_ = is_whole;
  ServerSession::Core& core = *session_->core_;
  std::array<char, 4> digits;
  core.fields.assign(1, status_field(digits, status));
  core.fill(fields);
  const nghttp2_data_provider body{.source = {.ptr = nullptr},
                                   .read_callback = ServerSession::Callbacks::read_body};
  const int failure = nghttp2_submit_response(core.session.get(), id_, core.fields.data(),
                                              core.fields.size(), is_whole ? nullptr : &body);
  core.forget_fields();
  if (failure != 0) return reset(ErrorCode::internal_error);
  session_->events_.on_output_waiting();
}

bool ServerStream::is_full() const {
  if (queued_bytes() > high_mark_) return true;
  return queued_bytes() > 0 && session_ != nullptr &&
         session_->queued_bytes_ > session_->limits_.queued_bytes_max;
}

void ServerStream::leave_tunnel() {
  if (session_ == nullptr || !is_tunnel_) return;
  is_tunnel_ = false;
  if (reply_is_sent_ && !request_is_whole_) return reset(ErrorCode::no_error);
  end({});
}

void ServerStream::write(std::string_view bytes) {
  constexpr size_t dead_bytes_max = 16u << 10;
  if (session_ == nullptr || is_reset_ || bytes.empty()) return;
  CHECK(reply_has_begun_);
  if (reply_has_ended_ || is_cut_) return;
  if (queue_begin_ > dead_bytes_max && queue_begin_ > queue_.size() / 2) {
    queue_.erase(0, queue_begin_);
    queue_begin_ = 0;
  }
  queue_.append(bytes);
  session_->queued_bytes_ += bytes.size();
  if (is_full()) was_full_ = true;
  nghttp2_session_resume_data(session_->core_->session.get(), id_);
  session_->events_.on_output_waiting();
}

void ServerStream::end(const http::Headers& trailers) {
  if (session_ == nullptr || is_reset_ || is_cut_ || reply_has_ended_) return;
  CHECK(reply_has_begun_);
  reply_has_ended_ = true;
  size_t bytes = 0;
  for (const http::Header& line : trailers) bytes += line.name.size() + line.value.size();
  trailer_text_.clear();
  trailer_text_.reserve(bytes);  // the views stay
  for (const http::Header& line : trailers) {
    const size_t at = trailer_text_.size();
    trailer_text_.append(line.name).append(line.value);
    const std::string_view text = std::string_view(trailer_text_).substr(at);
    reply_trailers_.add(text.substr(0, line.name.size()), text.substr(line.name.size()));
  }
  nghttp2_session_resume_data(session_->core_->session.get(), id_);
  session_->events_.on_output_waiting();
}

void ServerStream::cut() {
  if (session_ == nullptr || is_reset_ || reply_has_ended_) return;
  if (!reply_has_begun_ || queued_bytes() == 0) {
    is_cut_ = true;
    return reset(ErrorCode::internal_error);
  }
  is_cut_ = true;
  nghttp2_session_resume_data(session_->core_->session.get(), id_);
  session_->events_.on_output_waiting();
}

void ServerStream::reset(ErrorCode code) {
  if (session_ == nullptr || is_reset_) return;
  is_reset_ = true;
  nghttp2_submit_rst_stream(session_->core_->session.get(), NGHTTP2_FLAG_NONE, id_,
                            static_cast<uint32_t>(code));
  session_->events_.on_output_waiting();
}

}  // namespace causeway::http2
