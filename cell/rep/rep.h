#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "cell/rep/api.h"
#include "cell/rep/bulk.h"
#include "cell/rep/config.h"
#include "cell/rep/container_metrics.h"
#include "cell/rep/departure.h"
#include "cell/rep/evacuation.h"
#include "cell/rep/logs_api.h"
#include "cell/rep/operations.h"
#include "diego/bbs_client.h"
#include "diego/lease.h"
#include "metrics/registry.h"
#include "rpc/server.h"

namespace causeway::executor {
class Cell;
}

namespace causeway::rep {

// A cell at work: what stands between its executor and the platform, put together. Owner: main().
// Thread: its loop's. Ends: after `on_over`.
class Rep {
 public:
  // For TLS: of its own API, towards the BBS and Locket. They outlive the rep.
  struct Identities {
    rpc::Identity* own = nullptr;
    rpc::Identity* bbs = nullptr;
    rpc::Identity* locket = nullptr;
  };

  // `on_over`: the cell is empty and nothing of it is left; the process may end.
  Rep(net::Loop& loop, const log::Logger& logger, const Config& config, executor::Cell& cell,
      Identities identities, std::function<void()> on_over);
  Rep(const Rep&) = delete;
  Rep& operator=(const Rep&) = delete;

  // Listens, says that the cell is here, begins to report. Fault::exists when a port is taken.
  Result<void> start();
  // Stops the containers, tells the BBS, cleans up. Again: no effect.
  void stop();

 private:
  Result<std::string> own_name() const;
  Result<void> listen();
  void announce(const std::string& owner);
  void leave();

  net::Loop& loop_;
  const log::Logger& logger_;
  const Config& config_;
  executor::Cell& cell_;
  const Identities identities_;
  const std::function<void()> on_over_;
  std::string rep_url_;
  metrics::Registry metrics_;
  ContainerMetrics container_metrics_;
  diego::BbsClient bbs_;
  Operations operations_;
  Bulk bulk_;
  Evacuation evacuation_;
  Departure departure_;
  rpc::Server server_;
  rpc::Server admin_;
  LogsApi logs_;
  std::unique_ptr<diego::Lease> presence_;
  bool is_leaving_ = false;
};

}  // namespace causeway::rep
