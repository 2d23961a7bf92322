#pragma once

// Redis in all its shapes for SYSTEM tests: single servers with any settings, a cluster, a primary
// with a replica under a Sentinel.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "test/support/server_process.h"

namespace causeway::test {

// redis-server with the given settings behind the usual ones.
class RedisNode final : public ServerProcess {
 public:
  struct Options {
    std::vector<std::string> settings = {};  // "--appendonly", "yes", ...
    bool tls = false;                        // the port speaks TLS only
  };
  explicit RedisNode(Options options) : options_(std::move(options)) { start_somewhere(); }
  explicit RedisNode(std::vector<std::string> settings = {})
      : RedisNode(Options{.settings = std::move(settings)}) {}

  // Where its files are.
  const std::string& dir() const { return folder(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  // From the next start on.
  void settings(std::vector<std::string> settings) { options_.settings = std::move(settings); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    std::vector<std::string> words = {"redis-server",
                                      options_.tls ? "--tls-port" : "--port",
                                      std::to_string(port),
                                      "--bind",
                                      "127.0.0.1",
                                      "--dir",
                                      folder(),
                                      "--save",
                                      ""};
    if (options_.tls) words.insert(words.end(), {"--port", "0"});
    words.insert(words.end(), options_.settings.begin(), options_.settings.end());
    return words;
  }
  Options options_;
};

// What redis-cli says; the words are the test's own.
inline std::string redis_cli(uint16_t port, const std::string& words) {
  const std::string line = "redis-cli -p " + std::to_string(port) + " " + words + " 2>&1";
  // tidy: words of the test's own.
  FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error(line);
  std::string text;
  char buffer[4096];
  while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
    text.append(buffer, count);
  ::pclose(pipe);
  return text;
}

// Three primaries.
class RedisCluster {
 public:
  RedisCluster() {
    std::string nodes;
    for (int i = 0; i < 3; ++i) {
      const std::string bus = std::to_string(free_port());
      nodes_.push_back(std::make_unique<RedisNode>(
          std::vector<std::string>{"--cluster-enabled", "yes", "--cluster-port", bus,
                                   "--cluster-node-timeout", "2000", "--appendonly", "yes"}));
      nodes += " " + nodes_.back()->address();
    }
    const std::string said =
        redis_cli(nodes_[0]->port(), "--cluster create" + nodes + " --cluster-yes");
    if (said.find("All 16384 slots covered") == std::string::npos) throw std::runtime_error(said);
    for (const auto& node : nodes_) wait_until_it_is_one(*node);
  }
  RedisNode& node(size_t index) { return *nodes_.at(index); }
  size_t size() const { return nodes_.size(); }

 private:
  // As that node sees it: until then it serves nothing.
  static void wait_until_it_is_one(const RedisNode& node) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (redis_cli(node.port(), "CLUSTER INFO").find("cluster_state:ok") == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no cluster");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // tidy: polled with a deadline
    }
  }
  std::vector<std::unique_ptr<RedisNode>> nodes_;
};

// redis-server as a Sentinel that watches one primary, called "platform".
class RedisSentinel final : public ServerProcess {
 public:
  explicit RedisSentinel(uint16_t primary_port) : primary_port_(primary_port) { start_somewhere(); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/sentinel.conf";
    std::ofstream(path) << "port " << port << "\nbind 127.0.0.1\ndir " << folder()
                        << "\nsentinel monitor platform 127.0.0.1 " << primary_port_
                        << " 1\nsentinel down-after-milliseconds platform 1000\n"
                        << "sentinel failover-timeout platform 3000\n";
    return {"redis-server", path, "--sentinel"};
  }
  const uint16_t primary_port_;
};

}  // namespace causeway::test
