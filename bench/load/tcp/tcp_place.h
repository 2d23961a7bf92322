#pragma once

#include <cstddef>
#include <memory>

#include "bench/load/drive/dial.h"
#include "bench/load/drive/kept_place.h"
#include "bench/load/drive/place.h"
#include "bench/load/tcp/tcp_plan.h"
#include "net/stream.h"
#include "net/timer.h"

namespace causeway::load {

// A place whose unit is a connection: opens it, waits for a byte to come back where that is asked
// for, and closes it. Owner, thread: as Place.
class ConnectPlace final : public Place, net::Stream::Events {
 public:
  ConnectPlace(Dialer& dialer, const TcpPlan& plan, Place::Events& events, size_t address);
  ~ConnectPlace() override;

  void open() override;
  void drop() override;

 private:
  void send_unit() override;
  void on_dialed(Result<Dialed> dialed);
  void finish();
  void fail(const Error& error);
  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;

  Dialer& dialer_;
  const TcpPlan& plan_;
  Place::Events& events_;
  size_t address_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<net::Stream> stream_;
};

// A place whose unit is a block of bytes on a connection that stays. Owner, thread: as Place.
class BlockPlace final : public KeptPlace {
 public:
  BlockPlace(Dialer& dialer, const TcpPlan& plan, Place::Events& events, size_t address);
  ~BlockPlace() override;

  void drop() override;

 private:
  void prepare(net::Stream& stream) override;
  void begin() override;
  // Writes what is left of the block while the stream takes it.
  void write_some();
  void finish();
  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;

  const TcpPlan& plan_;
  size_t to_write_ = 0, to_read_ = 0;
  net::Timer turn_;  // a block that was taken at once is told of in the next turn
};

}  // namespace causeway::load
