#pragma once

#include <functional>

namespace causeway::net {

class Loop;

// Calls back while a descriptor that is no Stream can be read (local sockets, event descriptors).
// The descriptor is not owned: its owner ends the watch first and closes it then. Owner: any object
// of the loop. Thread: its loop's.
class DescriptorWatch {
 public:
  DescriptorWatch(Loop& loop, int descriptor, std::function<void()> on_readable);
  DescriptorWatch(const DescriptorWatch&) = delete;
  DescriptorWatch& operator=(const DescriptorWatch&) = delete;
  ~DescriptorWatch();  // may be called inside the callback

 private:
  struct Block;
  Block* block_;  // freed by the loop after uv_close
};

}  // namespace causeway::net
