#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "router/tcp/pipe.h"
#include "router/tcp/socket.h"

namespace causeway::router {

// One end of a relay and what is known of it. The flags are what edge-triggered readiness leaves to
// its user: set by an event, cleared by EAGAIN.
struct FlowEnd {
  Socket socket;
  bool can_read = false;
  bool can_write = false;
  bool hangs_up = false;  // its last word is on the way: reading goes on until it is read
};

// The bytes of one direction: small messages are copied, bulk is spliced through a pipe. What the
// target does not take is held (in the pipe, or in a buffer when there is no pipe) and nothing more
// is read. Owner: TcpConnection. Thread: its worker's.
class Flow {
 public:
  enum class Step : uint8_t {
    waits,          // for one of the ends to become ready
    has_more,       // enough for one turn
    ended,          // the source's end has been passed on
    source_failed,  // what it said before has been passed on
    target_failed,
  };

  // `scratch`: where copied bytes pass through, shared by all flows of the loop.
  Flow(PipePool& pipes, std::span<char> scratch) : pipes_(pipes), scratch_(scratch) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Moves what can be moved now.
  Step pump(FlowEnd& source, FlowEnd& target);
  // Gives its pipe back; nothing is pumped afterwards.
  void end();

  uint64_t bytes() const { return bytes_; }  // passed on
  bool is_splicing() const { return is_splicing_; }

 private:
  static constexpr size_t turn_bytes_max = 1024 * 1024;
  // Reads that fill less than this many bytes are no bulk; after so many of them in a row bytes are
  // copied again.
  static constexpr size_t bulk_bytes_min = 16 * 1024;
  static constexpr uint32_t small_reads_max = 8;

  bool is_holding() const { return held_ > 0; }
  // False: the step is in `step_`.
  bool send_held(FlowEnd& target);
  bool read_some(FlowEnd& source, FlowEnd& target);
  bool copy(FlowEnd& source, FlowEnd& target);
  bool splice_in(FlowEnd& source);
  bool stop(Step step);
  bool source_has_ended(FlowEnd& source, FlowEnd& target);
  void release();

  PipePool& pipes_;
  const std::span<char> scratch_;
  std::unique_ptr<Pipe> pipe_;
  std::unique_ptr<char[]> buffer_;  // of scratch's size
  size_t buffer_begin_ = 0;
  size_t held_ = 0;  // bytes in the pipe or the buffer
  uint64_t bytes_ = 0;
  uint32_t small_reads_ = 0;
  bool is_splicing_ = false;
  bool cannot_splice_ = false;
  Step step_ = Step::waits;
};

}  // namespace causeway::router
