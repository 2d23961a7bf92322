#include "router/backend/http2_connection.h"

#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::router {
namespace {

using Kind = http2::StreamFailure::Kind;

// Frames that are made at a time; the memory is given back when there was more.
constexpr size_t output_bytes = 64u << 10;
constexpr size_t output_bytes_kept = 128u << 10;

// Servers of gRPC send those away who ping three times with less than this between and nothing
// said meanwhile.
constexpr Duration ping_rest = std::chrono::minutes(5);

}  // namespace

Http2Connection::Http2Connection(net::Loop& loop, http2::Memory& memory,
                                 Http2ConnectionOwner& owner, const Times& times,
                                 std::unique_ptr<net::Stream> stream, const Options& options)
    : loop_(loop),
      owner_(owner),
      times_(times),
      silence_(*this),
      options_(options),
      stream_(std::move(stream)),
      session_(memory, *this, options.limits) {
  stream_->watermarks(options_.buffer_bytes_max);
  stream_->listen(*this);
  times_.idle.arm(*this);
  on_output_waiting();  // the preface
}

Http2Connection::~Http2Connection() { CHECK(has_ended_ && streams_ == 0); }

void Http2Connection::open(http2::ClientStream& stream, http2::ClientStream::Events& events,
                           const http2::ClientSession::Request& request) {
  CHECK(has_room());
  call_off();
  if (streams_ == 0) owner_.on_use(true);
  ++streams_;
  ++opened_;
  stream.high_mark(options_.buffer_bytes_max);
  session_.open(stream, events, request);
  if (!silence_.is_linked()) times_.silence.arm(silence_);
}

void Http2Connection::close(http2::ClientStream& stream) {
  CHECK(streams_ > 0);
  stream.close();
  --streams_;
  if (has_ended_) return;
  if (streams_ == 0) owner_.on_use(false);
  owner_.on_room(*this);
  if (streams_ > 0) return;
  silence_.call_off();
  // Often within an event of the session: it ends later.
  if (is_unwanted()) return on_output_waiting();
  times_.idle.arm(*this);
}

bool Http2Connection::is_unwanted() const {
  return streams_ == 0 && (!takes_requests() || (!options_.keeps_idle && opened_ > 0));
}

void Http2Connection::retire() {
  is_retired_ = true;
  on_output_waiting();
}

void Http2Connection::end(const http2::StreamFailure& failure) {
  if (has_ended_) return;
  has_ended_ = true;
  call_off();
  silence_.call_off();
  owner_.on_over(*this);  // before streams fail: it asks whether there were any
  session_.say_goodbye();
  output_.clear();
  if (!stream_->is_full() && session_.take_output(output_, output_bytes)) stream_->write(output_);
  session_.fail_streams(failure);
}

void Http2Connection::lose(Kind kind, const Error* error) {
  if (has_ended_) return;
  has_ended_ = true;
  call_off();
  silence_.call_off();
  owner_.on_over(*this);
  session_.fail_streams({.kind = kind, .error = error});
}

void Http2Connection::on_read(std::span<char> bytes) {
  if (has_ended_) return;
  if (streams_ > 0) times_.silence.arm(silence_);
  session_.feed({bytes.data(), bytes.size()});
  if (session_.has_ended()) lose(Kind::malformed, nullptr);
}

// Whoever cut the network says nothing, and requests would go on to a connection that leads
// nowhere.
void Http2Connection::on_silence() {
  if (session_.awaits_ping()) {
    // One that takes what was said before it, slowly, has maybe not heard it yet.
    const size_t queued = stream_->queued_bytes();
    if (queued_before_ping_ && *queued_before_ping_ != queued) {
      queued_before_ping_ = queued;
      return times_.silence.arm(silence_);
    }
    const Error error{.fault = Fault::timeout, .side = Side::backend, .detail = "PING"};
    return lose(Kind::broken, &error);
  }
  times_.silence.arm(silence_);
  const bool has_replied = session_.frames_of_replies() != replies_at_ping_;
  if (pinged_at_ && !has_replied && loop_.now() - *pinged_at_ < ping_rest) return;
  pinged_at_ = loop_.now();
  replies_at_ping_ = session_.frames_of_replies();
  queued_before_ping_.reset();
  if (stream_->is_full()) queued_before_ping_ = stream_->queued_bytes();
  session_.ping();
}

void Http2Connection::on_end() { lose(Kind::closed, nullptr); }

void Http2Connection::on_failure(const Error& error) {
  lose(error.fault == Fault::closed ? Kind::closed : Kind::broken, &error);
}

void Http2Connection::on_drained() {
  if (!has_ended_) flush();
}

// What all streams want to say in this turn leaves at its end, in one write.
void Http2Connection::on_output_waiting() {
  if (flush_is_due_ || has_ended_) return;
  flush_is_due_ = true;
  loop_.defer([this] {
    flush_is_due_ = false;
    if (!has_ended_) flush();
  });
}

void Http2Connection::flush() {
  while (!stream_->is_full()) {
    output_.clear();
    if (!session_.take_output(output_, output_bytes)) break;
    if (has_ended_) return;
    stream_->write(output_);
  }
  if (output_.capacity() > output_bytes_kept) std::string().swap(output_);
  // It was told that it broke the protocol.
  if (session_.has_ended()) return lose(Kind::malformed, nullptr);
  if (is_unwanted()) end({});
}

void Http2Connection::on_deadline() { end({}); }

}  // namespace causeway::router
