#pragma once

// Internal to lib/net: the state behind Loop, and the libuv blocks that outlive their wrappers.

#include <poll.h>
#include <uv.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/list.h"

namespace causeway::net {

class Loop;
class TcpStream;
struct LoopCore;

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool blocks_are_pooled = false;  // a reused block would hide a use after free
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool blocks_are_pooled = false;
#else
inline constexpr bool blocks_are_pooled = true;
#endif
#else
inline constexpr bool blocks_are_pooled = true;
#endif

// Spare blocks of one kind, at most `kept_max` of them, so that the churn of connections does not
// reach malloc. Owner: a LoopCore. Thread: its loop's.
template <class Block, size_t kept_max>
class BlockPool {
 public:
  Block* take() {
    if (kept_.empty()) return std::make_unique_for_overwrite<Block>().release();
    Block* block = kept_.back().release();
    kept_.pop_back();
    return block;
  }
  void give(Block* block) {
    std::unique_ptr<Block> owned(block);
    if (blocks_are_pooled && kept_.size() < kept_max) kept_.push_back(std::move(owned));
  }

 private:
  std::vector<std::unique_ptr<Block>> kept_;
};

// One TCP handle. `handle.data` is its TcpStream or TcpConnector, null once that has ended.
// Given back to the pool by the close callback.
struct TcpBlock {
  uv_tcp_t handle;
  uv_connect_t connect;
  LoopCore* core;
};

// One timer. `handle.data` is its Timer, null once that has ended.
struct TimerBlock {
  uv_timer_t handle;
  LoopCore* core;
  std::function<void()> callback;
  bool is_firing = false;
  bool is_dropped = false;  // disarmed inside its own callback
};

// A piece of a stream's write queue.
struct Chunk {
  static constexpr size_t capacity = 16 * 1024 - 2 * sizeof(void*);
  Chunk* next;
  size_t used;
  std::array<char, capacity> bytes;
};

// One uv_write and the bytes it sends; they live until its callback, whatever becomes of the
// stream.
struct WriteBlock {
  // libuv keeps up to four buffers in the request itself and allocates for more.
  static constexpr size_t chunks_max = 4;
  uv_write_t request;
  LoopCore* core;
  Chunk* chunks;
};

// A call that the loop owes to one object, made once after the present callback; it is off when the
// object ends. Costs no allocation. Owner: the object. Thread: its loop's.
class Owed : public ListLink<Owed> {
 public:
  using Call = void (*)(void* object);
  Owed(Call call, void* object) : call_(call), object_(object) {}
  void pay() { call_(object_); }

 private:
  Call call_;
  void* object_;
};

// A client's stream with bytes that nobody reads just now. Owner: the stream. Thread: its loop's.
struct Stalled : ListLink<Stalled> {
  explicit Stalled(TcpStream& its_stream) : stream(its_stream) {}
  TcpStream& stream;
};

// What Loop is made of. Owner: Loop. Thread: the loop's.
struct LoopCore {
  static constexpr size_t scratch_bytes = 64 * 1024;
  static constexpr Duration slow_turn = std::chrono::milliseconds(50);
  // Between two looks at whether clients that nobody reads from are still there.
  static constexpr Duration stalled_interval = std::chrono::milliseconds(500);
  // Actions that defer actions again get this many rounds per turn; then I/O has its turn.
  static constexpr int settle_rounds_max = 64;

  struct Grave {
    void* object;
    void (*end)(void*);
  };

  static LoopCore& of(Loop& loop);

  // Pays what is owed, runs what was deferred, empties the graveyard. Answers whether there was
  // anything to do.
  bool settle();
  bool is_settled() const { return owed.empty() && deferred.empty() && graveyard.empty(); }
  void give_chunks(Chunk* first);

  uv_loop_t loop;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;  // active while something could not be settled: the loop must not wait then
  uv_timer_t stalled_timer;  // looks after `stalled`
  List<Stalled> stalled;
  std::vector<pollfd> stalled_sockets;  // scratch of a look

  List<Owed> owed;
  std::vector<std::function<void()>> deferred, running;
  std::vector<Grave> graveyard, dying;

  BlockPool<TcpBlock, 4096> tcp_blocks;      // about 350 B each
  BlockPool<TimerBlock, 4096> timer_blocks;  // about 200 B each
  BlockPool<WriteBlock, 256> write_blocks;   // about 220 B each
  BlockPool<Chunk, 256> chunks;              // 16 KiB each: 4 MiB
  std::unique_ptr<char[]> scratch = std::make_unique<char[]>(scratch_bytes);

  bool is_running = false;        // inside uv_run
  bool is_firing_timers = false;  // inside a callback of a timer
  bool is_stopping = false;
  bool now_is_fresh = false;
  Instant now_cached{};
  uint64_t turn_start_ms = 0;  // when the poll returned; 0: no turn yet
  uint64_t slow_turns = 0;
  std::function<void(Duration)> slow_turn_callback;
  // The thread that runs the loop; none while it is not run. Read by others only to find that they
  // are wrong.
  std::atomic<std::thread::id> thread{};
};

// libuv counts in milliseconds; rounded up, so that nothing fires early.
inline uint64_t to_uv_ms(Duration duration) {
  if (duration <= Duration::zero()) return 0;
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

template <class UvHandle>
uv_handle_t* as_handle(UvHandle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}
template <class UvHandle>
uv_stream_t* as_stream(UvHandle* handle) {
  return reinterpret_cast<uv_stream_t*>(handle);
}

}  // namespace causeway::net
