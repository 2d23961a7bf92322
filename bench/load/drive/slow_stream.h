#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bench/load/drive/load_plan.h"
#include "net/stream.h"
#include "net/timer.h"

namespace causeway::load {

// A stream that sends and reads no faster than it is told, over one that could: a slow client. Its
// socket's receive buffer is made small, so that the peer feels it. Owner: as Stream. Thread: its
// loop's.
class SlowStream final : public net::Stream, net::Stream::Events {
 public:
  SlowStream(std::unique_ptr<net::Stream> inner, Speed speed);
  SlowStream(const SlowStream&) = delete;
  SlowStream& operator=(const SlowStream&) = delete;
  ~SlowStream() override;

  using Stream::write;
  void listen(net::Stream::Events& events) override;
  void pause(net::Pause reason) override;
  void resume(net::Pause reason) override;
  void write(std::span<const std::string_view> pieces) override;
  size_t queued_bytes() const override { return to_send_.size() + inner_->queued_bytes(); }
  void watermarks(size_t high) override { high_mark_ = high; }
  size_t high_mark() const override { return high_mark_; }
  void shutdown() override;
  void abort_on_close() override { inner_->abort_on_close(); }
  const net::Address& peer() const override { return inner_->peer(); }
  const net::Address& local() const override { return inner_->local(); }
  net::Loop& loop() override { return inner_->loop(); }
  int descriptor() const override { return inner_->descriptor(); }

 private:
  // Bytes that may pass, at a rate, in the small steps of a timer.
  struct Gate {
    double rate = 0;  // bytes/s
    Instant ready{};  // when the next step may pass
    size_t step() const;
    void pass(size_t bytes, Instant now);
  };

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  void send_some();
  void deliver_some();
  void arm(net::Timer& timer, const Gate& gate, void (SlowStream::*action)());

  std::unique_ptr<net::Stream> inner_;
  net::Stream::Events* events_ = nullptr;
  Gate send_, read_;
  net::Timer send_timer_, read_timer_;
  std::string to_send_;
  std::string to_deliver_;
  size_t high_mark_ = 64 * 1024;
  uint8_t pauses_ = 0;
  bool was_full_ = false;
  bool wants_fin_ = false;
  bool has_ended_ = false;
  bool end_is_told_ = false;
  bool* is_gone_ = nullptr;  // of the delivery that is under way
};

}  // namespace causeway::load
