#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "redis/client.h"

namespace causeway::redis {

// Bytes of one connection in, replies out: hiredis' parser building our Values. Owner: a
// Connection. Thread: its loop's.
class ReplyReader {
 public:
  ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;
  ~ReplyReader();

  void feed(std::string_view bytes);
  // The next complete reply, nothing when more bytes are needed, Fault::protocol when they make no
  // sense.
  Result<std::optional<Value>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::redis
