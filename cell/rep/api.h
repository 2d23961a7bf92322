#pragma once

#include <functional>
#include <string>

#include "cell/rep/config.h"

namespace causeway::executor {
class Executor;
}
namespace causeway::log {
class Logger;
}
namespace causeway::rpc {
class Server;
}

namespace causeway::rep {

class Operations;

// What the endpoints act on. All outlive the servers.
struct Cell {
  const Config& config;
  const log::Logger& logger;
  executor::Executor& executor;
  Operations& operations;
  std::string rep_url;
  std::function<bool()> is_evacuating;
  std::function<void()> evacuate;
  std::function<std::string()> new_guid;
  std::function<std::string()> container_metrics;  // JSON
};

// The API for auctioneer and bbs: /state, /work, /container_metrics, stop, update and cancel
// (diego.md section 17).
void serve_cell(rpc::Server& server, const Cell& cell);
// The API for the machine's operator: /ping, /evacuate.
void serve_admin(rpc::Server& server, const Cell& cell);

}  // namespace causeway::rep
