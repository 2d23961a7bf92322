#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "tls/context.h"

namespace causeway::load {

struct BackendOptions {
  enum class Protocol : uint8_t { http, tcp_echo, tcp_sink, tcp_source } protocol = Protocol::http;
  net::Address listen = net::Address::loopback(0);
  unsigned threads = 1;
  // The standard reply: size and delay are drawn evenly from these.
  uint64_t bytes_min = 128, bytes_max = 128;
  Duration delay_min{}, delay_max{};
  uint64_t seed = 1;
  // Present: everything is over TLS, with this ALPN order: h2, http/1.1.
  std::shared_ptr<const tls::ServerContext> tls = {};
};

class BackendWorker;

// A server cheap enough not to be the limit: the replies of backend_act.h, WebSocket echo for any
// upgrade, or plain TCP: echo, a sink that reads, or a source that sends all the time. Owner: a
// command or a test. Its threads have a loop each and share the port; they end with it.
class Backend {
 public:
  static Result<std::unique_ptr<Backend>> start(const BackendOptions& options);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend();

  const net::Address& address() const { return address_; }
  uint64_t connections() const;
  uint64_t requests() const;

 private:
  Backend() = default;
  net::Address address_;
  std::vector<std::unique_ptr<BackendWorker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace causeway::load
