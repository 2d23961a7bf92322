#include "net/tcp_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "net/loop.h"

namespace causeway::net {

namespace {

constexpr size_t pieces_per_call_max = 16;  // head, body, framing: a writer rarely has more
// A peer that sends faster than its bytes are forwarded lets others have their turn after 2 MiB.
constexpr int reads_per_event_max = 32;
// After a failed write up to this many scratch buffers of the peer's last words are read: 1 MiB.
constexpr int last_words_reads_max = 16;

// Not uv_try_write(), which uses write(): see TcpStream::on_room().
ssize_t send_pieces(int descriptor, std::span<iovec> pieces) {
  ssize_t taken = 0;
  do {
    if (pieces.size() == 1) {
      taken = ::send(descriptor, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = pieces.size();
      taken = ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
    }
  } while (taken < 0 && errno == EINTR);
  return taken;
}

void on_tcp_closed(uv_handle_t* handle) {
  auto* block = reinterpret_cast<TcpBlock*>(handle);
  block->core->tcp_blocks.give(block);
}

}  // namespace

TcpBlock* TcpStream::make_block(LoopCore& core) {
  TcpBlock* block = core.tcp_blocks.take();
  CHECK(uv_tcp_init(&core.loop, &block->handle) == 0);
  block->handle.data = nullptr;
  block->core = &core;
  return block;
}

void TcpStream::close_block(TcpBlock* block) {
  block->handle.data = nullptr;
  uv_close(as_handle(&block->handle), on_tcp_closed);
}

TcpStream::TcpStream(Loop& loop, TcpBlock* block, const Address& peer, Side side)
    : loop_(loop),
      core_(*block->core),
      block_(block),
      side_(side),
      failure_([](void* self) { static_cast<TcpStream*>(self)->tell_failure(); }, this),
      peer_(peer) {
  block_->handle.data = this;
  CHECK(uv_fileno(as_handle(&block_->handle), &descriptor_) == 0);
}

TcpStream::~TcpStream() {
  loop_.check_thread();
  core_.give_chunks(first_);
  if (is_reset_on_close_) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close_block(block_);
}

void TcpStream::listen(Events& events) {
  loop_.check_thread();
  events_ = &events;
  if (has_failed_) {
    if (!failure_is_told_ && !failure_.is_linked()) core_.owed.push_back(failure_);
    return;
  }
  start_reading();
}

void TcpStream::start_reading() {
  if (is_reading_ || has_ended_ || has_failed_ || pauses_ != 0 || events_ == nullptr) return;
  stalled_.unlink();
  is_reading_ = true;
  CHECK(uv_read_start(as_stream(&block_->handle), on_room, on_bytes) == 0);
}

void TcpStream::pause(Pause reason) {
  pauses_ |= static_cast<uint8_t>(reason);
  if (reason == Pause::lossless) stalled_.unlink();
}

void TcpStream::resume(Pause reason) {
  loop_.check_thread();
  pauses_ = static_cast<uint8_t>(pauses_ & ~static_cast<uint8_t>(reason));
  start_reading();
}

// libuv is never given room, so that it calls on_bytes() without having read: recv() costs less
// than the read() it uses, which goes through the kernel's file layer (0.3 us each of a request's
// 20).
void TcpStream::on_room(uv_handle_t*, size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(nullptr, 0);
}

void TcpStream::on_bytes(uv_stream_t* handle, ssize_t, const uv_buf_t*) {
  for (int round = 0; round < reads_per_event_max; ++round) {
    // The listener may end the stream: nothing of it is touched after its callbacks.
    auto* stream = static_cast<TcpStream*>(handle->data);
    if (stream == nullptr || !stream->is_reading_) return;
    if (stream->pauses_ != 0) {
      stream->stop_reading();
      return stream->look_for_end();
    }
    char* const scratch = stream->core_.scratch.get();
    const ssize_t count = ::recv(stream->descriptor_, scratch, LoopCore::scratch_bytes, 0);
    if (count <= 0) return stream->on_no_bytes(count == 0 ? 0 : errno);
    stream->events_->on_read({scratch, static_cast<size_t>(count)});
    if (static_cast<size_t>(count) < LoopCore::scratch_bytes) return;
  }
}

void TcpStream::on_no_bytes(int os) {
  if (os == EAGAIN || os == EINTR) return;
  stop_reading();
  if (os != 0) return fail_now(os);
  has_ended_ = true;
  events_->on_end();
}

void TcpStream::stop_reading() {
  is_reading_ = false;
  uv_read_stop(as_stream(&block_->handle));
}

void TcpStream::look_for_end() {
  // A full peer means that bytes are waiting here; looking would be a wasted call.
  if (has_paused(Pause::peer_full) || has_paused(Pause::lossless)) return on_stall();
  char byte;
  const ssize_t count = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) return on_stall();
  if (count == 0) {
    has_ended_ = true;
    events_->on_end();
  } else if (errno != EAGAIN && errno != EINTR) {
    fail_now(errno);
  }
}

// A backend's last bytes are worth reading after its reset (a reply may be whole); a client that
// has reset the connection wants nothing any more, whatever it sent before, unless the listener
// says otherwise.
void TcpStream::on_stall() {
  if (side_ != Side::client || stalled_.is_linked() || has_paused(Pause::lossless)) return;
  core_.stalled.push_back(stalled_);
  uv_timer_t* const timer = &core_.stalled_timer;
  if (uv_is_active(as_handle(timer)) != 0) return;
  const uint64_t interval = to_uv_ms(LoopCore::stalled_interval);
  CHECK(uv_timer_start(timer, check_stalled, interval, interval) == 0);
}

// One call for all: a socket that is not watched for reading is not watched for its end either.
void TcpStream::check_stalled(uv_timer_t* timer) {
  LoopCore& core = *static_cast<LoopCore*>(timer->data);
  if (core.stalled.empty()) {
    uv_timer_stop(timer);
    return;
  }
  std::vector<pollfd>& sockets = core.stalled_sockets;
  sockets.clear();
  core.stalled.for_each([&sockets](const Stalled& each) {
    sockets.push_back({.fd = each.stream.descriptor_, .events = 0, .revents = 0});
  });
  if (::poll(sockets.data(), sockets.size(), 0) <= 0) return;
  auto socket = sockets.begin();
  core.stalled.for_each([&socket](Stalled& each) {
    TcpStream& stream = each.stream;
    if (((socket++)->revents & POLLERR) == 0) return;
    int os = 0;
    socklen_t length = sizeof os;
    ::getsockopt(stream.descriptor_, SOL_SOCKET, SO_ERROR, &os, &length);
    stream.fail(os == 0 ? ECONNRESET : os, false);
  });
}

void TcpStream::fail_now(int os) {
  fail(os, false);
  failure_.unlink();
  tell_failure();
}

void TcpStream::write(std::span<const std::string_view> pieces) {
  loop_.check_thread();
  DCHECK(!wants_fin_);
  if (has_failed_ || wants_fin_) return;
  size_t sent = 0;
  if (!is_in_flight_) {
    const ssize_t taken = send_now(pieces);
    if (taken < 0) return fail(static_cast<int>(-taken), true);
    sent = static_cast<size_t>(taken);
  }
  enqueue(pieces, sent);
  if (!is_in_flight_ && first_ != nullptr) submit();
  if (is_full()) was_above_high_ = true;
}

ssize_t TcpStream::send_now(std::span<const std::string_view> pieces) {
  DCHECK(first_ == nullptr);
  iovec buffers[pieces_per_call_max];
  ssize_t total = 0;
  for (size_t next = 0; next < pieces.size();) {
    size_t count = 0;
    size_t bytes = 0;
    for (; next < pieces.size() && count < pieces_per_call_max; ++next) {
      const std::string_view piece = pieces[next];
      if (piece.empty()) continue;
      buffers[count++] = {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
      bytes += piece.size();
    }
    if (count == 0) break;
    const ssize_t taken = send_pieces(descriptor_, {buffers, count});
    if (taken < 0 && (errno == EAGAIN || errno == ENOBUFS)) break;
    if (taken < 0) return -errno;
    total += taken;
    if (static_cast<size_t>(taken) < bytes) break;
  }
  return total;
}

void TcpStream::enqueue(std::span<const std::string_view> pieces, size_t skip) {
  for (std::string_view piece : pieces) {
    const size_t skipped = std::min(skip, piece.size());
    skip -= skipped;
    piece.remove_prefix(skipped);
    while (!piece.empty()) {
      if (last_ == nullptr || last_->used == Chunk::capacity) {
        Chunk* chunk = core_.chunks.take();
        chunk->next = nullptr;
        chunk->used = 0;
        (last_ == nullptr ? first_ : last_->next) = chunk;
        last_ = chunk;
      }
      const size_t count = std::min(piece.size(), Chunk::capacity - last_->used);
      std::memcpy(last_->bytes.data() + last_->used, piece.data(), count);
      last_->used += count;
      gathered_bytes_ += count;
      piece.remove_prefix(count);
    }
  }
}

void TcpStream::submit() {
  DCHECK(!is_in_flight_ && first_ != nullptr);
  WriteBlock* write = core_.write_blocks.take();
  write->core = &core_;
  write->chunks = first_;
  uv_buf_t buffers[WriteBlock::chunks_max];
  unsigned count = 0;
  Chunk* end = nullptr;
  while (first_ != nullptr && count < WriteBlock::chunks_max) {
    buffers[count++] = uv_buf_init(first_->bytes.data(), static_cast<unsigned>(first_->used));
    gathered_bytes_ -= first_->used;
    end = first_;
    first_ = first_->next;
  }
  end->next = nullptr;
  if (first_ == nullptr) last_ = nullptr;
  const int status =
      uv_write(&write->request, as_stream(&block_->handle), buffers, count, on_written);
  if (status == 0) {
    is_in_flight_ = true;
    return;
  }
  core_.give_chunks(write->chunks);
  core_.write_blocks.give(write);
  fail(-status, true);
}

void TcpStream::on_written(uv_write_t* request, int status) {
  auto* write = reinterpret_cast<WriteBlock*>(request);
  auto* stream = static_cast<TcpStream*>(request->handle->data);
  write->core->give_chunks(write->chunks);
  write->core->write_blocks.give(write);
  if (stream == nullptr) return;
  stream->is_in_flight_ = false;
  if (status == 0) return stream->progress();
  stream->fail(-status, true);
}

void TcpStream::progress() {
  if (has_failed_) return;
  if (first_ != nullptr) {
    submit();
  } else if (wants_fin_) {
    send_fin();
  }
  if (was_above_high_ && queued_bytes() <= high_mark_ / 4 && !has_failed_) {
    was_above_high_ = false;
    if (events_ != nullptr) events_->on_drained();
  }
}

size_t TcpStream::queued_bytes() const {
  return gathered_bytes_ +
         uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&block_->handle));
}

void TcpStream::watermarks(size_t high) {
  CHECK(high >= 4);
  high_mark_ = high;
  if (is_full()) was_above_high_ = true;
}

void TcpStream::shutdown() {
  loop_.check_thread();
  if (wants_fin_ || has_failed_) return;
  wants_fin_ = true;
  if (!is_in_flight_ && first_ == nullptr) send_fin();
}

void TcpStream::send_fin() {
  // Not uv_shutdown(): with nothing queued it would only add two epoll_ctl calls. A socket that is
  // no longer connected has failed, and reading or writing tells.
  ::shutdown(descriptor_, SHUT_WR);
}

void TcpStream::fail(int os, bool may_have_bytes) {
  if (has_failed_) return;
  has_failed_ = true;
  stalled_.unlink();
  failure_os_ = os;
  may_have_bytes_ = may_have_bytes;
  core_.give_chunks(first_);
  first_ = last_ = nullptr;
  gathered_bytes_ = 0;
  if (is_reading_) stop_reading();
  core_.owed.push_back(failure_);
}

void TcpStream::tell_failure() {
  if (events_ == nullptr) return;  // listen() asks again
  TcpBlock* const block =
      block_;  // lives longer than this callback, and than the stream if that ends in it
  if (may_have_bytes_ && !has_ended_) {
    for (int round = 0; round < last_words_reads_max && pauses_ == 0; ++round) {
      const ssize_t count =
          ::recv(descriptor_, core_.scratch.get(), LoopCore::scratch_bytes, MSG_DONTWAIT);
      if (count <= 0) break;
      events_->on_read({core_.scratch.get(), static_cast<size_t>(count)});
      if (block->handle.data != this) return;
    }
  }
  failure_is_told_ = true;
  events_->on_failure(
      Error{.fault = fault_of_errno(failure_os_), .side = side_, .os = failure_os_});
}

const Address& TcpStream::local() const {
  if (!local_is_known_) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&name), &length) == 0) {
      local_ = Address::from(reinterpret_cast<const sockaddr*>(&name));
    }
    local_is_known_ = true;
  }
  return local_;
}

}  // namespace causeway::net
