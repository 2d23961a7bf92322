#include "http2/server_session.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/check.h"
#include "http2/library_memory.h"
#include "http2/server_callbacks.h"

namespace causeway::http2 {
namespace {

constexpr uint32_t frame_bytes_max = 16'384;  // of RFC 9113's choice; larger ones are refused

void append_number(std::string& out, uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(number >> shift & 0xff));
}

}  // namespace

ServerSession::ServerSession(Memory& memory, Events& events, const ServerLimits& limits)
    : events_(events), limits_(limits), core_(std::make_unique<Core>()), guard_(limits.floods) {
  core_->memory = library_memory(memory);
  nghttp2_session* session = nullptr;
  CHECK(nghttp2_session_server_new3(&session, Callbacks::table(), this, Callbacks::options(),
                                    &core_->memory) == 0);
  core_->session.reset(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, frame_bytes_max},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head_bytes_max},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  CHECK(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  CHECK(nghttp2_session_set_local_window_size(
            session, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(limits_.connection_window_bytes)) ==
        0);
}

ServerSession::~ServerSession() { CHECK(streams_.empty()); }

void ServerSession::feed(std::string_view bytes, Instant now) {
  CHECK(output_ == nullptr);
  if (is_broken_) return;
  now_ = now;
  const ssize_t used = nghttp2_session_mem_recv(
      core_->session.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) {
    if (end_code_ == ErrorCode::no_error) {
      const bool is_flood = used == NGHTTP2_ERR_FLOODED;
      events_.on_violation(is_flood);
      end_code_ = is_flood ? ErrorCode::enhance_your_calm : ErrorCode::protocol_error;
    }
    is_broken_ = goodbye_is_due_ = true;
  }
  tell_touched();
  if (is_broken_ || nghttp2_session_want_write(core_->session.get()) != 0)
    events_.on_output_waiting();
}

bool ServerSession::take_output(std::string& out, size_t most) {
  CHECK(output_ == nullptr);
  const size_t before = out.size();
  output_ = &out;
  output_most_ = most;
  while (!is_broken_ && out.size() < most) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(core_->session.get(), &bytes);
    if (size < 0) give_up(ErrorCode::internal_error);
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  output_ = nullptr;
  if (std::exchange(goodbye_is_due_, false)) {
    constexpr std::string_view goaway_of_eight_bytes("\0\0\x8\x7\0\0\0\0\0", 9);
    out.append(goaway_of_eight_bytes);
    append_number(
        out, static_cast<uint32_t>(nghttp2_session_get_last_proc_stream_id(core_->session.get())));
    append_number(out, static_cast<uint32_t>(end_code_));
  }
  tell_touched();
  return out.size() > before;
}

bool ServerSession::is_over() const {
  if (is_broken_) return !goodbye_is_due_;
  return nghttp2_session_want_read(core_->session.get()) == 0 &&
         nghttp2_session_want_write(core_->session.get()) == 0;
}

void ServerSession::announce_shutdown() {
  if (is_broken_) return;
  nghttp2_submit_shutdown_notice(core_->session.get());
  events_.on_output_waiting();
}

void ServerSession::shutdown() {
  if (is_broken_) return;
  nghttp2_session* const session = core_->session.get();
  nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR, nullptr,
                        0);
  events_.on_output_waiting();
}

void ServerSession::fail(ErrorCode code) {
  if (is_broken_) return;
  give_up(code);
  events_.on_output_waiting();
}

void ServerSession::give_up(ErrorCode code) {
  end_code_ = code;
  is_broken_ = goodbye_is_due_ = true;
}

void ServerSession::close_streams() {
  is_broken_ = true;
  while (!streams_.empty()) close(streams_.front(), true);
}

void ServerSession::open(ServerStream& stream, int32_t id) {
  CHECK(!stream.is_open() && stream.touched_at_ == 0);
  stream.session_ = this;
  stream.id_ = id;
  stream.head_.clear();
  stream.head_.version = {2, 0};
  stream.trailers_.clear();
  stream.reply_trailers_.clear();
  stream.authority_ = stream.protocol_ = {};
  stream.head_bytes_ = stream.kept_head_bytes_ = stream.unconsumed_ = stream.queue_begin_ = 0;
  stream.is_beyond_room_ = false;
  stream.cookies_ = stream.refusal_ = 0;
  stream.sent_bytes_ = 0;
  stream.announces_trailers_ = false;
  stream.has_content_length_ = stream.head_is_complete_ = stream.request_is_whole_ = false;
  stream.is_tunnel_ = stream.reply_has_begun_ = stream.reply_has_ended_ = false;
  stream.reply_is_sent_ = stream.is_cut_ = stream.is_reset_ = false;
  stream.was_full_ = stream.is_drained_ = false;
  streams_.push_back(stream);
}

void ServerSession::close(ServerStream& stream, bool by_client) {
  constexpr size_t reply_bytes_kept = 16u << 10;
  if (stream.touched_at_ != 0) touched_[stream.touched_at_ - 1] = nullptr;
  stream.touched_at_ = 0;
  stream.unlink();
  stream.session_ = nullptr;
  queued_bytes_ -= stream.queued_bytes();
  heads_bytes_ -= stream.kept_head_bytes_;
  stream.queue_.clear();
  stream.queue_begin_ = 0;
  if (stream.queue_.capacity() > reply_bytes_kept) std::string().swap(stream.queue_);
  stream.on_closed(by_client && !stream.is_reset_);
}

void ServerSession::touch(ServerStream& stream) {
  if (stream.touched_at_ != 0) return;
  touched_.push_back(&stream);
  stream.touched_at_ = touched_.size();
}

// Streams do not close in here: only feeding and sending close them.
void ServerSession::tell_touched() {
  for (size_t i = 0; i < touched_.size(); ++i) {
    ServerStream* const stream = touched_[i];
    if (stream == nullptr) continue;
    stream->touched_at_ = 0;
    if (std::exchange(stream->is_drained_, false)) stream->on_drained();
    if (stream->head_is_complete_) stream->on_fed();
  }
  touched_.clear();
}

bool ServerSession::break_rule(ErrorCode code) {
  events_.on_violation(false);
  end_code_ = code;
  return false;
}

bool ServerSession::check_frame(uint8_t type, int32_t stream) {
  nghttp2_session* const session = core_->session.get();
  // Section 6.3: the library looks at none since we ignore priorities.
  if (type == NGHTTP2_PRIORITY && stream == 0) return break_rule(ErrorCode::protocol_error);
  if (type == NGHTTP2_SETTINGS) {
    initial_window_ =
        nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    highest_window_ = 0;
    streams_.for_each([this, session](ServerStream& each) {
      highest_window_ = std::max(highest_window_,
                                 nghttp2_session_get_stream_remote_window_size(session, each.id()));
    });
  }
  // Section 5.1.1: a head for a stream that has ended; the library would leave it out.
  if (type == NGHTTP2_HEADERS && stream > 0 &&
      nghttp2_session_find_stream(session, stream) == nullptr &&
      stream <= nghttp2_session_get_last_proc_stream_id(session) &&
      std::find(reset_ids_.begin(), reset_ids_.end(), stream) == reset_ids_.end())
    return break_rule(ErrorCode::stream_closed);
  return true;
}

// Section 6.9.2: the library would reset the streams only whose windows the settings make too
// large.
bool ServerSession::check_windows() {
  const uint32_t now = nghttp2_session_get_remote_settings(core_->session.get(),
                                                           NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
  const int64_t grown = int64_t{highest_window_} + now - initial_window_;
  if (streams_.empty() || grown <= std::numeric_limits<int32_t>::max()) return true;
  return break_rule(ErrorCode::flow_control_error);
}

void ServerSession::note_reset(int32_t stream) {
  reset_ids_[resets_++ % reset_ids_.size()] = stream;
}

bool ServerSession::note_idle_frame() {
  if (guard_.on_idle_frame(now_)) return true;
  events_.on_violation(true);
  end_code_ = ErrorCode::enhance_your_calm;
  return false;
}

bool ServerSession::note_broken_stream() {
  if (guard_.on_broken_stream(now_)) return true;
  events_.on_violation(true);
  end_code_ = ErrorCode::enhance_your_calm;
  return false;
}

}  // namespace causeway::http2
