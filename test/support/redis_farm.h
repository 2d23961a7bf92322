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
                                      "",
                                      "--repl-diskless-sync-delay",
                                      "0"};
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

// Of a server's INFO: those that have all of it and confirm what comes.
inline size_t replicas_in(const std::string& info) {
  size_t online = 0;
  for (size_t at = 0; (at = info.find("state=online", at)) != std::string::npos; ++at) ++online;
  return online;
}
inline bool has_replica(uint16_t port) {
  return replicas_in(redis_cli(port, "INFO replication")) > 0;
}

// The user that doc/durability.md gives to a bbs, with the password "secret": settings of a server.
inline std::vector<std::string> user_of_bbs() {
  return {"--user",         "bbs",      "on",
          ">secret",        "~bbs:*",   "+get",
          "+set",           "+del",     "+exists",
          "+mget",          "+rename",  "+hget",
          "+hset",          "+hdel",    "+hmget",
          "+hscan",         "+hgetall", "+zadd",
          "+zrem",          "+sadd",    "+srem",
          "+smembers",      "+eval",    "+evalsha",
          "+zrangebylex",   "+scan",    "+wait",
          "+role",          "+ping",    "+select",
          "+cluster|slots", "+asking",  "+cluster|info",
          "+config|get"};
}

// Three primaries.
class RedisCluster {
 public:
  struct Options {
    std::vector<std::string> settings = {};  // of each node, behind the usual ones
    bool tls = false;
    std::string cli = {};  // words for redis-cli, for TLS
  };
  RedisCluster() : RedisCluster(Options{}) {}
  explicit RedisCluster(Options options) : options_(std::move(options)) {
    std::string nodes;
    for (int i = 0; i < 3; ++i) {
      nodes_.push_back(new_node());
      nodes += " " + nodes_.back()->address();
    }
    const std::string said = cli(0, "--cluster create" + nodes + " --cluster-yes");
    if (said.find("All 16384 slots covered") == std::string::npos) throw std::runtime_error(said);
    for (size_t i = 0; i < size(); ++i) {
      wait_until([&] { return cli(i, "CLUSTER INFO").find("cluster_state:ok") != npos; });
    }
  }
  RedisNode& node(size_t index) { return *nodes_.at(index); }
  size_t size() const { return nodes_.size(); }
  std::string cli(size_t index, const std::string& words) {
    return redis_cli(node(index).port(), options_.cli + " " + words);
  }
  std::string id_of(size_t index) {
    const std::string id = cli(index, "CLUSTER MYID");
    return id.substr(0, id.find('\n'));
  }
  // Which node serves the key.
  size_t owner_of(const std::string& key) {
    for (size_t i = 0; i < size(); ++i)
      if (cli(i, "EXISTS '" + key + "'").find("MOVED") == npos) return i;
    throw std::runtime_error("nobody serves " + key);
  }
  // Another node, which is behind this one; when it has all that there is. Not counted by size().
  std::unique_ptr<RedisNode> add_replica(size_t of) {
    auto replica = new_node();
    const auto say = [&](const std::string& words) {
      return redis_cli(replica->port(), options_.cli + " " + words);
    };
    const std::string nodes = cli(of, "CLUSTER NODES");  // "ID 127.0.0.1:PORT@BUS myself,..."
    const size_t line = nodes.find(id_of(of)), at = nodes.find('@', line) + 1;
    const std::string bus = nodes.substr(at, nodes.find_first_of(" ,", at) - at);
    say("CLUSTER MEET 127.0.0.1 " + std::to_string(node(of).port()) + " " + bus);
    wait_until([&] { return say("CLUSTER REPLICATE " + id_of(of)) == "OK\n"; });
    wait_until([&] { return replicas_in(cli(of, "INFO replication")) > 0; });
    for (size_t i = 0; i < size(); ++i) {
      wait_until([&] { return cli(i, "CLUSTER NODES").find(replica->address() + "@") != npos; });
    }
    return replica;
  }

 private:
  static constexpr size_t npos = std::string::npos;

  std::unique_ptr<RedisNode> new_node() {
    std::vector<std::string> settings = {
        "--cluster-enabled",      "yes",  "--cluster-port", std::to_string(free_port()),
        "--cluster-node-timeout", "2000", "--appendonly",   "yes"};
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    return std::make_unique<RedisNode>(
        RedisNode::Options{.settings = std::move(settings), .tls = options_.tls});
  }
  template <class Holds>
  static void wait_until(const Holds& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no cluster");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // tidy: polled with a deadline
    }
  }

  const Options options_;
  std::vector<std::unique_ptr<RedisNode>> nodes_;
};

// redis-server as a Sentinel that watches one primary, called "platform".
class RedisSentinel final : public ServerProcess {
 public:
  struct Options {
    std::string lines = {};  // of its configuration, behind the usual ones
    bool tls = false;        // the port speaks TLS only
  };
  explicit RedisSentinel(uint16_t primary_port) : RedisSentinel(primary_port, Options{}) {}
  RedisSentinel(uint16_t primary_port, Options options)
      : primary_port_(primary_port), options_(std::move(options)) {
    start_somewhere();
  }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/sentinel.conf";
    std::ofstream(path) << (options_.tls ? "port 0\ntls-port " : "port ") << port
                        << "\nbind 127.0.0.1\ndir " << folder()
                        << "\nsentinel monitor platform 127.0.0.1 " << primary_port_
                        << " 1\nsentinel down-after-milliseconds platform 1000\n"
                        << "sentinel failover-timeout platform 3000\n"
                        << options_.lines;
    return {"redis-server", path, "--sentinel"};
  }
  const uint16_t primary_port_;
  const Options options_;
};

}  // namespace causeway::test
