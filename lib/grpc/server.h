#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "log/logger.h"
#include "net/address.h"
#include "tls/context.h"

namespace causeway::net {
class Loop;
}

namespace causeway::grpc {

// gRPC's codes, those that are used here.
enum class Status : uint8_t {
  ok = 0,
  invalid_argument = 3,
  not_found = 5,
  already_exists = 6,
  resource_exhausted = 8,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
};

// A message, or why there is none.
struct Answer {
  Status status = Status::ok;
  std::string message = {};  // for people, unless ok
  std::string body = {};     // if ok
};

// Answers unary calls over HTTP/2. Owner: a service. Thread: its loop's. Ends: at any time outside
// its methods; connections are closed. Answers that come later than their call are dropped, but
// none may come after the server's end.
class Server {
 public:
  struct Options {
    // Asked before each handshake, so that certificates may change. Absent: HTTP/2 in the clear.
    std::function<const tls::ServerContext*()> tls;
    size_t connections_max = 2000;  // more are closed
    uint32_t calls_max = 100;       // of a connection, at a time
    size_t message_bytes_max = 1u << 20;
    Duration idle_timeout = std::chrono::minutes(5);  // of a connection nobody speaks on
    Duration handshake_timeout = std::chrono::seconds(10);
  };
  using OnAnswer = std::function<void(Answer)>;  // once, also from inside the method
  using Method = std::function<void(std::string body, OnAnswer on_answer)>;

  Server(net::Loop& loop, const log::Logger& logger, Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // "/models.Locket/Lock"
  void method(std::string path, Method method);
  // Answers where it listens.
  Result<net::Address> listen(const net::Address& address);
  // Stops accepting; clients are told to go, calls under way are answered.
  void drain();

  size_t connections() const;
  uint64_t calls() const;         // ever
  uint64_t failed_calls() const;  // of those, with another status than ok

  // For lib/grpc.
  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace causeway::grpc
