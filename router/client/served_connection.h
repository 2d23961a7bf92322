#pragma once

#include <cstddef>

namespace causeway::router {

// A client's connection as its listener sees it, whichever HTTP it speaks. Owner: Listener. Thread:
// its worker's. Ends: when it takes itself out of the listener.
class ServedConnection {
 public:
  ServedConnection(const ServedConnection&) = delete;
  ServedConnection& operator=(const ServedConnection&) = delete;
  virtual ~ServedConnection() = default;

  // The worker is to end: what is idle gets a moment for a request that is on its way, and closes
  // then; otherwise the last exchange's end closes it.
  virtual void drain() = 0;
  // A tunnel's ends are told to go.
  virtual void send_away() = 0;
  // Ends at once; open exchanges are logged.
  virtual void end() = 0;
  // Does it hold up a drain?
  virtual bool is_busy() const = 0;

  size_t place() const { return place_; }
  void place(size_t place) { place_ = place; }

 protected:
  explicit ServedConnection(size_t place) : place_(place) {}

 private:
  size_t place_;  // in the listener
};

}  // namespace causeway::router
