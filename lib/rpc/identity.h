#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/logger.h"
#include "net/timer.h"
#include "tls/context.h"
#include "tls/handshake.h"

namespace causeway::net {
class Loop;
}
namespace causeway::rpc {

// Who a service is in TLS and whom it trusts: PEM files, read at the start and again when one of
// them changes, so that certificates are rotated without a restart. What is found broken then is
// logged, and the former ones stay in use. Connections keep what they were made with. Owner:
// main(), before the clients and servers that use it. Thread: its loop's.
class Identity {
 public:
  struct Files {
    std::string authorities = {};  // may hold several; empty: those of the system
    std::string certificate = {};  // with its chain, leaf first; empty: nothing is shown
    std::string key = {};
    bool is_empty() const { return authorities.empty() && certificate.empty() && key.empty(); }
    bool operator==(const Files&) const = default;
  };
  struct Options {
    // `none`: whoever answers is believed. For tools only.
    tls::ClientContext::Options::Verify verify = tls::ClientContext::Options::Verify::peer;
    Duration check_interval = std::chrono::seconds(10);  // of the files; 0: never again
    std::vector<std::string> alpn = {"http/1.1"};        // of the server
  };

  // Fault::invalid with the file and the reason. A certificate needs its key.
  static Result<std::unique_ptr<Identity>> open(net::Loop& loop, const log::Logger& logger,
                                                Files files, Options options);
  static Result<std::unique_ptr<Identity>> open(net::Loop& loop, const log::Logger& logger,
                                                Files files);
  // The same check without its use.
  static Result<void> check(const Files& files);
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity();

  // For lib/rpc: what the next handshake uses.
  const tls::ClientContext& client() const { return *contexts_.client; }
  // Demands clients' certificates, signed by the authorities. Null without a certificate to show.
  const tls::ServerContext* server() const { return contexts_.server.get(); }
  tls::SessionCache& sessions() { return sessions_; }
  // How often the files were read anew.
  uint64_t reloads() const { return reloads_; }

 private:
  struct Contexts {
    std::unique_ptr<tls::ClientContext> client;
    std::unique_ptr<tls::ServerContext> server;
  };
  // What tells that a file is another one than before.
  struct Mark {
    uint64_t inode = 0, bytes = 0;
    int64_t changed_ns = 0;
    bool operator==(const Mark&) const = default;
  };
  using Marks = std::array<Mark, 3>;

  Identity(net::Loop& loop, const log::Logger& logger, Files files, Options options);
  static Marks marks_of(const Files& files);
  static Result<Contexts> read(const Files& files, const Options& options);
  void look_again();

  const log::Logger logger_;
  const Files files_;
  const Options options_;
  Contexts contexts_;
  Marks marks_;
  tls::SessionCache sessions_;
  uint64_t reloads_ = 0;
  net::Timer timer_;
};

}  // namespace causeway::rpc
