#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/drive/run.h"
#include "bench/load/report/run_record.h"

namespace causeway::load {

// What is asked for: connections that are opened and closed, or bytes over connections that stay.
struct TcpOptions : LoadOptions {
  enum class Mode : uint8_t {
    connect,  // a unit is a connection: from when it was due until it stands
    echo,     // a unit is a block of bytes: until all of it has come back
    send,     // until the kernel has taken it (at most 64 KiB of it are left)
    receive,  // until it has come
  } mode = Mode::connect;
  std::vector<std::string> targets;  // host:port, may hold ranges
  uint64_t block_bytes = 256u << 10;
  bool round_trip = false;  // connect: stands only when a byte has come back
  bool is_tls = false;
  bool resets = false;  // connect: closes with RST, so that no port rests in TIME_WAIT
};

inline constexpr uint64_t block_bytes_max = 64u << 20;

struct TcpPlan : LoadPlan {
  TcpOptions::Mode mode = TcpOptions::Mode::connect;
  size_t block_bytes = 0;
  bool round_trip = false;
  bool resets = false;
};

Result<TcpPlan> make_tcp_plan(const TcpOptions& options);

// As run_http().
Result<RunRecord> run_tcp(const TcpPlan& plan, const RunExtras& extras);

}  // namespace causeway::load
