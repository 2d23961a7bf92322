#pragma once

// A bbs binary that may have to wait for its turn.

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "control/bbs/test_caller.h"
#include "test/support/server_process.h"

namespace causeway::bbs {

inline std::string redis_on(uint16_t port) { return R"({"port":)" + std::to_string(port) + "}"; }

struct MemberOptions {
  std::string redis = {};  // of the configuration
  bool stands_by = true;
  std::string lock_ttl = "5s";
  std::string more = {};  // of the configuration
};

inline void write_config(const std::string& path, const MemberOptions& options, uint16_t api_port,
                         uint16_t health_port) {
  std::ofstream(path) << R"({"listen_address":"127.0.0.1:)" << api_port
                      << R"(","health_address":"127.0.0.1:)" << health_port
                      << R"(","auctioneer_address":"http://127.0.0.1:1","require_ssl":false,)"
                      << R"("locks_locket_enabled":)" << (options.stands_by ? "true" : "false")
                      << R"(,"lock_ttl":")" << options.lock_ttl
                      << R"(","lock_retry_interval":"500ms",)" << options.more << R"("redis":)"
                      << options.redis << "}";
}

// One bbs of several. It counts as started when its health port answers, whether it leads or not.
class Member final : public causeway::test::ServerProcess {
 public:
  explicit Member(const MemberOptions& options) : options_(options) {
    api_port_ = causeway::test::free_port();
    start_somewhere();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(api_port_); }
  std::string metrics_url() const {
    return "http://127.0.0.1:" + std::to_string(port()) + "/metrics";
  }
  bool serves() const { return causeway::test::accepts(api_port_); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/bbs.json";
    write_config(path, options_, api_port_, port);
    return {bbs_program(), "-config", path};
  }
  const MemberOptions options_;
  uint16_t api_port_ = 0;
};

}  // namespace causeway::bbs
