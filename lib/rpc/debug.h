#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace causeway::log {
class Sink;
}
namespace causeway::metrics {
class Registry;
}

namespace causeway::rpc {

class Server;

// What the kernel says of this process; 0 where it says nothing. A value.
struct ProcessFacts {
  int64_t open_files = 0, open_files_max = 0;
  int64_t resident_bytes = 0;
  int64_t threads = 0;
  double cpu_seconds = 0;
};
ProcessFacts process_facts();

// Diego's OpenFileDescriptors, and memory and processor time by Prometheus' usual names.
void register_process_metrics(metrics::Registry& registry);

// Diego's debug server: PUT or POST /log-level changes what is logged (the body is debug, info,
// error or fatal, or its first letter or number), GET answers it; GET /debug/vars tells the
// process's facts as JSON. Who reaches it may do all that, so it listens on loopback.
void serve_debug(Server& server, log::Sink& sink);

}  // namespace causeway::rpc
