#include "router/workbench/turns.h"

#include "net/loop.h"

namespace causeway::router {

void Turns::at_end(TurnEnd& who) {
  if (who.is_linked()) return;
  waiting_.push_back(who);
  if (is_due_) return;
  is_due_ = true;
  loop_.defer([this] { run(); });
}

void Turns::run() {
  while (!waiting_.empty()) {
    TurnEnd& next = waiting_.front();
    next.unlink();
    next.on_turn_end();
  }
  is_due_ = false;
}

}  // namespace causeway::router
