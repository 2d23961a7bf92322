#include "router/client/http2_client_connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "router/client/listener.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// Frames gather up to this much before they are written.
constexpr size_t write_bytes = 64u << 10;
// No request head is ever longer or has more lines (gorouter.md section 17).
constexpr uint32_t head_bytes_most = 1u << 20;
constexpr uint32_t head_lines_most = 10'000;
// Above the operator's limit, so that the refusal of one that is a little too long has its line in
// the access log.
constexpr size_t http2_head_bytes_spare = 16u << 10;

http2::ServerLimits session_limits(const Settings& settings) {
  http2::ServerLimits limits;
  limits.streams_max = settings.http2.max_concurrent_streams;
  limits.stream_window_bytes = settings.http2.stream_window_bytes;
  limits.connection_window_bytes = settings.http2.connection_window_bytes;
  limits.head_bytes_max = head_bytes_most;
  if (settings.max_request_header_bytes > 0)
    limits.head_bytes_max = static_cast<uint32_t>(std::min<size_t>(
        head_bytes_most, settings.max_request_header_bytes + http2_head_bytes_spare));
  limits.head_lines_max = head_lines_most;
  return limits;
}

}  // namespace

Http2ClientConnection::Http2ClientConnection(Listener& listener, Workbench& bench,
                                             std::unique_ptr<net::Stream> stream, ClientFacts facts,
                                             size_t place)
    : ServedConnection(place),
      listener_(listener),
      bench_(bench),
      stream_(std::move(stream)),
      facts_(std::move(facts)),
      client_ip_(facts_.address.ip()),
      client_authority_(facts_.address.to_string()),
      session_(bench.http2_memory, *this, session_limits(bench.settings)),
      leave_tick_(*this) {
  stream_->watermarks(bench_.settings.buffer_bytes_max);
  bench_.http2_age.arm(leave_tick_);
  stream_->listen(*this);
  on_output_waiting();  // the settings
  after_turn();
}

Http2ClientConnection::~Http2ClientConnection() { CHECK(state_ == State::ended); }

bool Http2ClientConnection::limits_name_themselves() const {
  return session_limits(bench_.settings).head_bytes_max < head_bytes_most;
}

void Http2ClientConnection::on_read(std::span<char> bytes) {
  if (state_ == State::ended) return;
  if (state_ == State::lingering) {
    if (lingering_.is_flooded(bytes.size())) end();
    return;
  }
  has_spoken_ = true;
  session_.feed({bytes.data(), bytes.size()}, bench_.loop.now());
  after_turn();
}

http2::ServerStream& Http2ClientConnection::on_stream() {
  requests_.push_back(listener_.http2_requests().take());
  requests_.back()->begin(*this, requests_.size() - 1);
  return *requests_.back();
}

void Http2ClientConnection::release(Http2Request& request) {
  const size_t place = request.place();
  CHECK(place < requests_.size() && requests_[place].get() == &request);
  listener_.http2_requests().give(std::exchange(requests_[place], nullptr));
  if (place + 1 < requests_.size()) {
    requests_[place] = std::move(requests_.back());
    requests_[place]->place(place);
  }
  requests_.pop_back();
  on_output_waiting();  // it may have been the last one
}

void Http2ClientConnection::on_output_waiting() {
  if (state_ != State::ended) bench_.turns.at_end(*this);
}

void Http2ClientConnection::wake_soon(Http2Request& request) {
  if (!request.ListLink<Http2Request>::is_linked()) woken_.push_back(request);
  on_output_waiting();
}

void Http2ClientConnection::on_turn_end() {
  while (!woken_.empty()) {
    Http2Request& request = woken_.front();
    request.ListLink<Http2Request>::unlink();
    request.wake();
  }
  if (state_ != State::open) return;
  send();
  after_turn();
}

void Http2ClientConnection::send() {
  std::string& out = bench_.http2_out;
  while (!stream_->is_full()) {
    out.clear();
    if (!session_.take_output(out, write_bytes)) return;
    stream_->write(out);
    if (out.size() < write_bytes) return;
  }
}

// Whatever was at hand is done: what next?
void Http2ClientConnection::after_turn() {
  if (state_ != State::open) return;
  if (session_.is_over()) {
    session_.close_streams();
    return linger();
  }
  if (has_ended_ && requests_.empty()) return end();
  const bool is_idle = session_.streams() == 0;
  const bool is_in_head = session_.is_in_head() || (has_spoken_ && !session_.has_begun());
  const Timed due = is_in_head ? Timed::head : is_idle ? Timed::idle : Timed::nothing;
  if (due == timed_) return;
  timed_ = due;
  if (due == Timed::nothing) return call_off();
  (due == Timed::head ? bench_.client_head : bench_.client_idle).arm(*this);
}

void Http2ClientConnection::on_end() {
  if (state_ == State::ended) return;
  has_ended_ = true;
  if (state_ == State::lingering) return end_if_done();
  // Requests that are whole still get their replies, as far as the windows go. The others' streams
  // would stay open for good: nobody sends their ends any more.
  for (size_t i = requests_.size(); i-- > 0;) {
    if (i >= requests_.size() || requests_[i]->is_request_whole()) continue;
    requests_[i]->reset(http2::ErrorCode::cancel);
    requests_[i]->abandon();
  }
  after_turn();
}

// Of tunnels whose both ends had said all, the last bytes still go to the backends.
void Http2ClientConnection::on_failure(const Error&) {
  if (state_ == State::ended) return;
  has_ended_ = has_failed_ = true;
  session_.close_streams();
  if (requests_.empty()) return end();
  if (state_ == State::open) linger();
}

void Http2ClientConnection::on_drained() {
  if (state_ == State::open) on_output_waiting();
  if (state_ == State::lingering) end_if_done();
}

void Http2ClientConnection::on_violation(bool is_flood) {
  bench_.metrics.malformed_requests.add();
  if (is_flood) bench_.metrics.http2_floods.add();
}

void Http2ClientConnection::on_stalled(Http2Request& request) {
  // When the socket takes nothing, a reset would not come through either.
  if (stream_->queued_bytes() > 0) {
    stream_->abort_on_close();
    return end();
  }
  request.reset(http2::ErrorCode::cancel);
}

void Http2ClientConnection::on_deadline() {
  if (state_ == State::lingering) return on_linger_tick();
  const bool is_late = timed_ == Timed::head;
  timed_ = Timed::nothing;
  if (is_late) {
    bench_.metrics.request_head_timeouts.add();
    session_.fail(http2::ErrorCode::enhance_your_calm);
  } else {
    session_.shutdown();
  }
  send();
  after_turn();
}

void Http2ClientConnection::drain() {
  if (state_ == State::open && leaving_ == Leaving::no) leave();
}

// A client that sends its requests before it has read the first word loses none.
void Http2ClientConnection::leave() {
  if (state_ != State::open) return;
  if (leaving_ == Leaving::no) {
    leaving_ = Leaving::announced;
    session_.announce_shutdown();
    return bench_.drain_idle.arm(leave_tick_);
  }
  if (std::exchange(leaving_, Leaving::last_stream_told) == Leaving::last_stream_told) return;
  session_.shutdown();
}

void Http2ClientConnection::send_away() {
  for (size_t i = requests_.size(); i-- > 0;) requests_[i]->send_away();
}

bool Http2ClientConnection::is_busy() const {
  if (state_ == State::lingering) return stream_->queued_bytes() > 0;
  return std::any_of(requests_.begin(), requests_.end(),
                     [](const auto& request) { return !request->is_tunnelling(); });
}

// FIN first, then its end: bytes that come after a close would reset what it has not read yet.
void Http2ClientConnection::linger() {
  state_ = State::lingering;
  leave_tick_.call_off();
  bench_.lingering.arm(*this);
  if (has_failed_) return;
  lingering_.begin(stream_->queued_bytes());
  stream_->shutdown();
  stream_->watermarks(4);  // on_drained() when all is sent
  end_if_done();
}

void Http2ClientConnection::end_if_done() {
  if (has_ended_ && requests_.empty() && stream_->queued_bytes() == 0) end();
}

// Requests that have outlived their streams know how long they may.
void Http2ClientConnection::on_linger_tick() {
  if (!requests_.empty()) return bench_.lingering.arm(*this);
  if (has_failed_ ||
      lingering_.is_over(stream_->queued_bytes(), has_ended_, bench_.lingering.length(),
                         bench_.settings.frontend_idle_timeout))
    return end();
  bench_.lingering.arm(*this);
}

void Http2ClientConnection::end() {
  if (state_ == State::ended) return;
  state_ = State::ended;
  session_.close_streams();
  while (!requests_.empty()) requests_.back()->abandon();
  Deadline::call_off();
  leave_tick_.call_off();
  TurnEnd::unlink();
  listener_.remove(*this);
}

}  // namespace causeway::router
