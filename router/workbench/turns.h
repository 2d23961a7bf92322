#pragma once

#include "base/list.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

// Something with work to do once a turn of the loop, however often it was asked for in it.
class TurnEnd : public ListLink<TurnEnd> {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnEnd() = default;
};

// Those of one worker that asked for it: called after the callbacks of the present turn, before the
// loop waits. Owner: the workbench. Thread: its worker's.
class Turns {
 public:
  explicit Turns(net::Loop& loop) : loop_(loop) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Once, also when asked again. Off when it ends.
  void at_end(TurnEnd& who);

 private:
  void run();

  net::Loop& loop_;
  List<TurnEnd> waiting_;
  bool is_due_ = false;
};

}  // namespace causeway::router
