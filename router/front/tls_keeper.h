#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/timer.h"
#include "router/front/front.h"
#include "router/front/tls_settings.h"
#include "tls/ticket_keys.h"

namespace causeway::router {

// Keeps what the doors need for TLS up to date: reads certificates and authorities, again when
// their files change or somebody says so, changes ticket keys, and watches expiry. Each new state
// goes to the workers as a whole; connections keep what they began with. Owner: RouterProcess.
// Thread: control.
class TlsKeeper {
 public:
  using Publish = std::function<void(std::shared_ptr<const FrontTls>)>;

  TlsKeeper(net::Loop& loop, const log::Logger& logger, metrics::Registry& registry,
            TlsSettings settings, Publish publish);
  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;
  ~TlsKeeper();

  // The first state, or why there is none; then it looks after itself.
  Result<void> open();
  // Reads all files again. On failure everything stays as it is, which is logged and counted.
  Result<void> reload();
  // The same with other settings, which stay when they are good.
  Result<void> reload(TlsSettings settings);

 private:
  // What a file looked like when it was read.
  struct Stamp {
    int64_t modified_ns = 0;
    uint64_t inode = 0;
    int64_t bytes = 0;
    bool operator==(const Stamp&) const = default;
  };

  Result<void> make(const TlsSettings& settings);
  Result<void> count(Result<void> outcome);
  void note_expiry(const tls::ServerContext::Options& options);
  void warn_of_expiry();
  void change_ticket_keys();
  void look_at_files();
  static std::vector<Stamp> stamps(const TlsSettings& settings);

  struct Watched {
    std::string name;  // "tls_pem[0]"
    std::string subject;
    int64_t not_after_unix = 0;
  };

  const log::Logger& logger_;
  metrics::Registry& registry_;
  metrics::Counter& reloads_;
  metrics::Counter& failures_;
  TlsSettings settings_;
  const Publish publish_;
  std::vector<tls::TicketKey> tickets_;  // the present one first
  std::vector<Stamp> stamps_;
  std::vector<Watched> watched_;
  std::vector<metrics::Gauge*> expiry_;  // of watched_, by place
  net::Timer file_timer_;
  net::Timer ticket_timer_;
  net::Timer expiry_timer_;
};

}  // namespace causeway::router
