#include "http2/client_stream.h"

#include <utility>

#include "base/check.h"
#include "http2/client_callbacks.h"

namespace causeway::http2 {
namespace {

// A queue or trailers that grew beyond this are let go with their stream.
constexpr size_t queue_bytes_kept = 16u << 10;

}  // namespace

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
  if (trailer_text_.capacity() > queue_bytes_kept) std::string().swap(trailer_text_);
  if (queue_.capacity() > queue_bytes_kept) std::string().swap(queue_);
  queue_.clear();
  queue_begin_ = 0;
}

}  // namespace causeway::http2
