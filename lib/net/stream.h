#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace causeway::net {

class Loop;

// Why nobody reads from a stream just now. Several causes may hold at once; reading goes on when
// none is left.
enum class Pause : uint8_t {
  peer_full = 1,  // what we read is to be written to a peer that is behind
  exchange = 2,   // a request is being answered; the next one has to wait
  owner = 4,      // any other reason of the owner
  lossless = 8,   // as peer_full, and a reset costs none of the unread bytes
};

// Two-way byte stream: TCP today, TLS over it later. Resource with one owner; destruction closes it
// at once (bytes not yet written are given up) and no callback of it comes afterwards. Thread: its
// loop's.
class Stream {
 public:
  // What a stream tells its listener. Inside any of these the listener may destroy the stream, and
  // bury (not destroy) what owns it; destroy the stream first, or it may call again before the
  // burial. on_end and on_failure come at most once per stream, to whoever listens then.
  class Events {
   public:
    // Bytes have come. They live in the loop's scratch buffer and may be edited in place; gone
    // after the call.
    virtual void on_read(std::span<char> bytes) = 0;
    // The peer sends no more (FIN). Writing is still possible.
    virtual void on_end() = 0;
    // The stream is broken (reset, timeout, write failure); nothing more comes.
    virtual void on_failure(const Error& error) = 0;
    // queued_bytes() fell to the low mark or below after having been above the high mark.
    virtual void on_drained() {}

   protected:
    ~Events() = default;
  };

  virtual ~Stream() = default;

  // Starts reading and delivers to `events`, which must outlive the stream or be replaced. May be
  // called again to hand the stream to another listener.
  virtual void listen(Events& events) = 0;

  // While a reason stands, no on_read comes. The peer's end or reset may still be told (not while
  // `peer_full` or `lossless`), when no unread bytes stand before it: an exchange learns that its
  // client has gone. A client's reset is told at any time, a moment later when unread bytes stand
  // before it; those are lost, unless `lossless` stands, which has the reset wait behind them.
  virtual void pause(Pause reason) = 0;
  virtual void resume(Pause reason) = 0;

  // Sends the pieces in order: as much as the kernel takes now, the rest is copied and queued (so
  // the pieces may be reused on return). Failures come through on_failure, later, never from inside
  // this call.
  virtual void write(std::span<const std::string_view> pieces) = 0;
  void write(std::string_view bytes) { write(std::span<const std::string_view>(&bytes, 1)); }

  // Bytes accepted by write() that the kernel has not taken yet. A writer that finds more than
  // high_mark() pauses its source until on_drained().
  virtual size_t queued_bytes() const = 0;
  // Watermarks in bytes; default high 64 KiB; low = high / 4.
  virtual void watermarks(size_t high) = 0;
  virtual size_t high_mark() const = 0;
  bool is_full() const { return queued_bytes() > high_mark(); }

  // Sends FIN once everything queued has been written. Reading goes on.
  virtual void shutdown() = 0;
  // Closes with RST instead of FIN when destroyed: tells the peer that the bytes so far are not the
  // whole.
  virtual void abort_on_close() = 0;

  virtual const Address& peer() const = 0;
  virtual const Address& local() const = 0;
  virtual Loop& loop() = 0;
  // The socket, for options and splice(2); -1 when closed. Still owned by the stream.
  virtual int descriptor() const = 0;
};

}  // namespace causeway::net
