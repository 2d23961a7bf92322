#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "rpc/server.h"

namespace causeway::bbs {

// The subscribers of one event stream. Each has its own numbering and its own bounded queue (in its
// stream); who falls behind is cut off, without delaying the others. There is no history: after
// cut_all() subscribers come back and read anew. Owner: main(). Thread: its loop's.
class Hub {
 public:
  // `filter`: what the subscriber asked for (a cell id, "" for everything).
  void subscribe(std::unique_ptr<rpc::Responder::EventStream> stream, std::string filter);
  // `message`: the event's bytes. `concerns`: is it for subscribers with that filter?
  void publish(std::string_view name, std::string_view message,
               const std::function<bool(const std::string& filter)>& concerns);
  void cut_all() { subscribers_.clear(); }

  size_t subscribers() const { return subscribers_.size(); }
  uint64_t cut_off() const { return cut_off_; }

 private:
  struct Subscriber {
    std::unique_ptr<rpc::Responder::EventStream> stream;
    std::string filter;
    uint64_t next_id = 0;
  };
  std::list<Subscriber> subscribers_;
  uint64_t cut_off_ = 0;
};

}  // namespace causeway::bbs
