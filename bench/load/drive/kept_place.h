#pragma once

#include <cstddef>
#include <memory>

#include "bench/load/drive/dial.h"
#include "bench/load/drive/place.h"
#include "net/stream.h"

namespace causeway::load {

// A place whose units travel over a connection that stays: opened ahead of the first one, or by the
// unit that finds none. What a unit is, the derived class knows. Owner, thread: as Place.
class KeptPlace : public Place, protected net::Stream::Events {
 public:
  void open() final;
  void drop() override;

 protected:
  enum class Phase : uint8_t { closed, opening, idle, connecting, busy };

  KeptPlace(Dialer& dialer, Place::Events& events, size_t address)
      : events_(events), address_(address), dialer_(dialer) {}
  ~KeptPlace() override = default;

  // A new connection, before it is listened to.
  virtual void prepare(net::Stream&) {}
  // Sends the unit over stream_.
  virtual void begin() = 0;
  // Ends the connection and says so: a unit has failed, or a connection was lost that had none.
  void fail(Failure failure, const Error& error);

  Place::Events& events_;
  const size_t address_;
  Phase phase_ = Phase::closed;
  std::unique_ptr<net::Stream> stream_;

 private:
  void send_unit() final;
  void start();
  void connect();
  void on_dialed(Result<Dialed> dialed);

  Dialer& dialer_;
  std::unique_ptr<Dial> dial_;
};

}  // namespace causeway::load
