#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "test/support/server_process.h"
#include "test/system/control/cut_network.h"

namespace causeway::platform {

// redis-server on a machine of its own, which keeps what it has over restarts. Owner: a test.
class RemoteRedis final : public causeway::test::ServerProcess {
 public:
  RemoteRedis(const CutNetwork::Machine& machine, std::vector<std::string> settings)
      : machine_(machine), settings_(std::move(settings)) {
    start_somewhere();
  }
  const std::string& address() const { return machine_.address; }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    std::vector<std::string> words = machine_.prefix;
    words.insert(words.end(),
                 {"redis-server", "--port", std::to_string(port), "--bind", machine_.address,
                  "--protected-mode", "no", "--dir", folder(), "--save", "", "--appendonly", "yes",
                  "--appendfsync", "always", "--repl-diskless-sync-delay", "0"});
    words.insert(words.end(), settings_.begin(), settings_.end());
    return words;
  }
  std::string host() const override { return machine_.address; }

  const CutNetwork::Machine machine_;
  const std::vector<std::string> settings_;
};

// One of several Sentinels that watch a primary, called "platform". Owner: a test.
class RemoteSentinel final : public causeway::test::ServerProcess {
 public:
  // `quorum`: so many have to find the primary dead.
  RemoteSentinel(const CutNetwork::Machine& machine, const RemoteRedis& primary, int quorum)
      : machine_(machine),
        watched_(primary.address() + " " + std::to_string(primary.port()) + " " +
                 std::to_string(quorum)) {
    start_somewhere();
  }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/sentinel.conf";
    std::ofstream(path) << "port " << port << "\nbind " << machine_.address
                        << "\nprotected-mode no\ndir " << folder() << "\nsentinel monitor platform "
                        << watched_ << "\nsentinel down-after-milliseconds platform 1000\n"
                        << "sentinel failover-timeout platform 3000\n";
    std::vector<std::string> words = machine_.prefix;
    words.insert(words.end(), {"redis-server", path, "--sentinel"});
    return words;
  }
  std::string host() const override { return machine_.address; }

  const CutNetwork::Machine machine_;
  const std::string watched_;
};

}  // namespace causeway::platform
