#pragma once

// Real servers for SYSTEM tests: each its own process, folder and port; they end with the test,
// whatever happens to it.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "test/support/own_ports.h"

namespace causeway::test {

// Whether somebody listens on the port, of the loopback or of another address.
inline bool accepts(uint16_t port, const std::string& host = "127.0.0.1") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

// A temporary folder, gone at its end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "causeway-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One server program on one port. start() returns when it accepts connections.
class ServerProcess {
 public:
  virtual ~ServerProcess() { kill(SIGKILL); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  // What it has said so far, on both of its outputs.
  std::string log() const {
    std::ifstream file(folder() + "/server.log");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  // The exit code, once it has ended by itself.
  std::optional<int> exit_code() const {
    siginfo_t ended{};
    // It stays a child: kill() waits for it.
    if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        ended.si_pid != pid_)
      return std::nullopt;
    return ended.si_code == CLD_EXITED ? ended.si_status : -1;
  }

  // On the same port as before.
  void start() {
    spawn();
    wait_until_it_accepts();
  }
  // Sends the signal and, if it ends a process, waits for the end.
  void kill(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    if (signal == SIGSTOP || signal == SIGCONT) return;
    ::kill(pid_, SIGCONT);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void restart() {
    kill(SIGKILL);
    start();
  }

 protected:
  ServerProcess() = default;
  // The command line for a port.
  virtual std::vector<std::string> command(uint16_t port) const = 0;
  // Where it listens.
  virtual std::string host() const { return "127.0.0.1"; }

  // Another program may have taken the port in between: then with another one.
  void start_somewhere() {
    for (int attempt = 0; attempt < 10; ++attempt) {
      port_ = free_port();
      spawn();
      if (wait_for_port()) return;
      kill(SIGKILL);
    }
    throw std::runtime_error("cannot start " + command(port_)[0]);
  }
  const std::string& folder() const { return folder_.path(); }

 private:
  void spawn() {
    const std::vector<std::string> words = command(port_);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const std::string log = folder() + "/server.log";
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  bool wait_for_port() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = 0;
        return false;
      }
      if (accepts(port_, host())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // tidy: polled with a deadline
    }
    return false;
  }
  void wait_until_it_accepts() {
    if (!wait_for_port()) throw std::runtime_error("no start on port " + std::to_string(port_));
  }

  TempFolder folder_;
  uint16_t port_ = 0;
  pid_t pid_ = 0;
};

// redis-server; with `persist` it keeps an append-only file over restarts.
class RedisServer final : public ServerProcess {
 public:
  struct Options {
    bool persist = false;
    std::string password = {};
  };
  explicit RedisServer(Options options) : options_(std::move(options)) { start_somewhere(); }
  RedisServer() : RedisServer(Options{}) {}

 private:
  std::vector<std::string> command(uint16_t port) const override {
    std::vector<std::string> words = {"redis-server",
                                      "--port",
                                      std::to_string(port),
                                      "--bind",
                                      "127.0.0.1",
                                      "--dir",
                                      folder(),
                                      "--save",
                                      "",
                                      "--appendonly",
                                      options_.persist ? "yes" : "no",
                                      "--appendfsync",
                                      "always",
                                      "--maxclients",
                                      "100"};
    if (!options_.password.empty()) words.insert(words.end(), {"--requirepass", options_.password});
    return words;
  }
  const Options options_;
};

// nats-server.
class NatsServer final : public ServerProcess {
 public:
  struct Options {
    std::string user = {}, password = {};
    // Mutual TLS: files with the authority, the server's certificate and its key.
    std::string tls_authority = {}, tls_certificate = {}, tls_key = {};
  };
  explicit NatsServer(Options options) : options_(std::move(options)) { start_somewhere(); }
  NatsServer() : NatsServer(Options{}) {}
  // From the next start on.
  void options(Options options) { options_ = std::move(options); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    std::vector<std::string> words = {"nats-server", "-a", "127.0.0.1", "-p", std::to_string(port)};
    if (!options_.user.empty())
      words.insert(words.end(), {"--user", options_.user, "--pass", options_.password});
    if (!options_.tls_certificate.empty()) {
      words.insert(words.end(), {"--tlsverify", "--tlscacert", options_.tls_authority, "--tlscert",
                                 options_.tls_certificate, "--tlskey", options_.tls_key});
    }
    return words;
  }
  Options options_;
};

}  // namespace causeway::test
