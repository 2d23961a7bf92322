#pragma once

#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "test/support/server_process.h"

namespace causeway::platform {

// bbs or auctioneer, on a configuration that is written once its port is known. Owner: a test.
class ControlProcess final : public causeway::test::ServerProcess {
 public:
  struct Place {
    std::string host = "127.0.0.1";        // where it can be reached
    std::vector<std::string> prefix = {};  // of its command line
  };
  // `configuration`: JSON without its closing brace and the address that `key` names. That one
  // counts when it is waited for.
  ControlProcess(std::string program, std::string key, std::string configuration, Place place)
      : program_(std::move(program)),
        key_(std::move(key)),
        configuration_(std::move(configuration)),
        place_(std::move(place)) {
    start_somewhere();
  }
  ControlProcess(std::string program, std::string key, std::string configuration)
      : ControlProcess(std::move(program), std::move(key), std::move(configuration), Place{}) {}

  std::string url() const { return "http://" + host() + ":" + std::to_string(port()); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/config.json";
    std::ofstream(path) << configuration_ << ",\"" << key_ << R"(":")" << place_.host << ":" << port
                        << "\"}";
    std::vector<std::string> words = place_.prefix;
    words.insert(words.end(),
                 {std::string(std::getenv("CAUSEWAY_BIN_DIR")) + "/" + program_, "-config", path});
    return words;
  }
  std::string host() const override { return place_.host; }

  const std::string program_, key_, configuration_;
  const Place place_;
};

}  // namespace causeway::platform
