#pragma once

// Internal to lib/net.

#include "net/loop_core.h"
#include "net/stream.h"

namespace causeway::net {

// A connected TCP socket on a libuv handle.
// Reading stays armed while a pause lasts and is taken back only when bytes come meanwhile, so that
// pausing and resuming for one exchange costs no system call. Writes go to the kernel at once; what
// it does not take waits in chunks, of which up to four are in flight as one uv_write. Owner: as
// Stream. Thread: its loop's.
class TcpStream final : public Stream {
 public:
  // Takes over a connected block. `side`: whom failures are blamed on.
  TcpStream(Loop& loop, TcpBlock* block, const Address& peer, Side side);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override;

  // A block for a new handle, initialised, without a socket.
  static TcpBlock* make_block(LoopCore& core);
  // Closes the block's socket; the block goes back to its pool later. No callback of it does
  // anything from now on.
  static void close_block(TcpBlock* block);

  using Stream::write;
  void listen(Events& events) override;
  void pause(Pause reason) override;
  void resume(Pause reason) override;
  void write(std::span<const std::string_view> pieces) override;
  size_t queued_bytes() const override;
  void watermarks(size_t high) override;
  size_t high_mark() const override { return high_mark_; }
  void shutdown() override;
  void abort_on_close() override { is_reset_on_close_ = true; }
  const Address& peer() const override { return peer_; }
  const Address& local() const override;
  Loop& loop() override { return loop_; }
  int descriptor() const override { return descriptor_; }

 private:
  static void on_room(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer);
  static void on_bytes(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer);
  static void on_written(uv_write_t* request, int status);

  void start_reading();
  void stop_reading();
  // recv() gave an error, or 0: the peer's end.
  void on_no_bytes(int os);
  // Something came while nobody reads: tells of a FIN or reset that stands first in line.
  void look_for_end();
  // Bytes stand before whatever else may come.
  void on_stall();
  // Those of a loop's stalled streams whose peers have gone fail.
  static void check_stalled(uv_timer_t* timer);
  bool has_paused(Pause reason) const { return (pauses_ & static_cast<uint8_t>(reason)) != 0; }
  // Bytes the kernel took, or a negative errno.
  ssize_t send_now(std::span<const std::string_view> pieces);
  void enqueue(std::span<const std::string_view> pieces, size_t skip);
  void submit();
  void send_fin();
  void progress();
  // Notes the first failure; on_failure is owed from then on.
  void fail(int os, bool may_have_bytes);
  // The same from a callback of the loop: told at once.
  void fail_now(int os);
  void tell_failure();

  Loop& loop_;
  LoopCore& core_;
  TcpBlock* block_;
  Events* events_ = nullptr;
  int descriptor_ = -1;
  int failure_os_ = 0;
  Side side_;
  uint8_t pauses_ = 0;
  bool is_reading_ = false;  // the handle is armed for reading
  bool has_ended_ = false;   // the peer's FIN has come
  bool has_failed_ = false;
  bool failure_is_told_ = false;
  bool may_have_bytes_ = false;  // writing failed: what the peer said before is still to be read
  bool was_above_high_ = false;
  bool is_in_flight_ = false;
  bool wants_fin_ = false;
  bool is_reset_on_close_ = false;
  size_t high_mark_ = 64 * 1024;
  size_t gathered_bytes_ = 0;  // in chunks that wait for the uv_write in flight
  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  Owed failure_;
  Stalled stalled_{*this};
  Address peer_;
  mutable Address local_;
  mutable bool local_is_known_ = false;
};

}  // namespace causeway::net
