#include "router/tcp/flow.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace causeway::router {

Flow::Step Flow::pump(FlowEnd& source, FlowEnd& target) {
  const uint64_t until = bytes_ + turn_bytes_max;
  while (true) {
    if (is_holding()) {
      if (!send_held(target)) return step_;
      continue;
    }
    if (!source.can_read) return Step::waits;
    if (bytes_ >= until) return Step::has_more;
    if (!read_some(source, target)) return step_;
  }
}

void Flow::end() {
  pipes_.give(std::move(pipe_), !is_holding());
  buffer_.reset();
  held_ = 0;
}

bool Flow::stop(Step step) {
  step_ = step;
  return false;
}

void Flow::release() {
  pipes_.give(std::move(pipe_), true);
  buffer_.reset();
  buffer_begin_ = 0;
}

bool Flow::send_held(FlowEnd& target) {
  if (!target.can_write) return stop(Step::waits);
  const ssize_t sent =
      pipe_ != nullptr
          ? ::splice(pipe_->read_end(), nullptr, target.socket.descriptor(), nullptr, held_,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
          : ::send(target.socket.descriptor(), buffer_.get() + buffer_begin_, held_, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN) return stop(Step::target_failed);
    target.can_write = false;
    return stop(Step::waits);
  }
  const size_t count = static_cast<size_t>(sent);
  CHECK(count <= held_);
  held_ -= count;
  bytes_ += count;
  buffer_begin_ += count;
  if (!is_holding()) release();
  return true;
}

bool Flow::read_some(FlowEnd& source, FlowEnd& target) {
  DCHECK(!is_holding());
  if (is_splicing_) {
    if (pipe_ == nullptr) pipe_ = pipes_.take();
    if (pipe_ != nullptr) {
      const bool goes_on = splice_in(source);
      if (!is_holding()) release();
      if (step_ == Step::ended && !goes_on) return source_has_ended(source, target);
      return goes_on;
    }
  }
  return copy(source, target);
}

bool Flow::splice_in(FlowEnd& source) {
  const ssize_t got = ::splice(source.socket.descriptor(), nullptr, pipe_->write_end(), nullptr,
                               Pipe::capacity, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (got == 0) return stop(Step::ended);
  if (got < 0) {
    if (errno == EINTR) return true;
    if (errno == EAGAIN) {
      source.can_read = false;
      return stop(Step::waits);
    }
    if (errno == EINVAL || errno == ENOMEM) {
      // Not a socket that can be spliced: its bytes are copied from now on.
      cannot_splice_ = true;
      is_splicing_ = false;
      return true;
    }
    return stop(Step::source_failed);
  }
  held_ = static_cast<size_t>(got);
  small_reads_ = held_ < bulk_bytes_min ? small_reads_ + 1 : 0;
  if (small_reads_ >= small_reads_max) is_splicing_ = false;
  return true;
}

bool Flow::copy(FlowEnd& source, FlowEnd& target) {
  const ssize_t got = ::recv(source.socket.descriptor(), scratch_.data(), scratch_.size(), 0);
  if (got == 0) return source_has_ended(source, target);
  if (got < 0) {
    if (errno == EINTR) return true;
    if (errno == EAGAIN) {
      source.can_read = false;
      return stop(Step::waits);
    }
    return stop(Step::source_failed);
  }
  const size_t count = static_cast<size_t>(got);
  if (count == scratch_.size()) {
    small_reads_ = 0;
    is_splicing_ = !cannot_splice_;
  } else if (!source.hangs_up) {
    source.can_read = false;  // a short read says that no more was there: epoll(7)
  }
  size_t sent = 0;
  if (target.can_write) {
    const ssize_t taken = ::send(target.socket.descriptor(), scratch_.data(), count, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) return stop(Step::target_failed);
    sent = taken > 0 ? static_cast<size_t>(taken) : 0;
    bytes_ += sent;
  }
  if (sent == count) return true;
  held_ = count - sent;
  buffer_begin_ = 0;
  buffer_ = std::make_unique_for_overwrite<char[]>(held_);
  std::memcpy(buffer_.get(), scratch_.data() + sent, held_);
  return true;
}

bool Flow::source_has_ended(FlowEnd& source, FlowEnd& target) {
  source.can_read = false;
  ::shutdown(target.socket.descriptor(), SHUT_WR);
  return stop(Step::ended);
}

}  // namespace causeway::router
