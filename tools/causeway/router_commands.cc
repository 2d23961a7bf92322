#include "tools/causeway/router_commands.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "config/config.h"
#include "json/json.h"
#include "tools/causeway/context.h"

namespace causeway::cli {
namespace {

struct UpgradeOptions {
  std::string binary;
  std::string config;
  std::string socket;
};

Error socket_error(const char* call, const std::string& path) {
  const int os = errno;
  return {.fault = fault_of_errno(os), .os = os, .detail = std::string(call) + " " + path};
}

// A connection to a router's upgrade socket (doc/operations.md): packets of JSON behind one byte,
// which is 'l' for messages as short as ours and the router's answers.
class RouterSocket {
 public:
  RouterSocket() : descriptor_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {}
  RouterSocket(const RouterSocket&) = delete;
  RouterSocket& operator=(const RouterSocket&) = delete;
  ~RouterSocket() { ::close(descriptor_); }

  Result<void> connect(const std::string& path) const {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) {
      return Error{.fault = Fault::invalid, .detail = "the path is too long: " + path};
    }
    path.copy(name.sun_path, path.size());
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
      return socket_error("connect", path);
    }
    return {};
  }
  Result<void> say(const std::string& text) const {
    const std::string packet = "l" + text;
    if (::send(descriptor_, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
      return socket_error("send", "to the router");
    }
    return {};
  }
  // Waits for as long as the router takes: it has a limit of its own (upgrade.timeout).
  Result<json::Document> hear() const {
    std::array<char, 32 << 10> packet;
    const ssize_t count = ::recv(descriptor_, packet.data(), packet.size(), 0);
    if (count < 0) return socket_error("receive", "from the router");
    if (count == 0) return Error{.fault = Fault::closed, .detail = "the router has ended"};
    return json::Document::parse({packet.data() + 1, static_cast<size_t>(count) - 1});
  }

 private:
  const int descriptor_;
};

// Where the router of that configuration waits.
Result<std::string> socket_of(const UpgradeOptions& options) {
  if (!options.socket.empty()) return options.socket;
  if (options.config.empty()) {
    return Error{.fault = Fault::invalid, .detail = "neither --config nor --socket is given"};
  }
  auto file = config::File::read(options.config);
  if (!file) return std::move(file).error();
  std::string socket;
  (*file)->root().section("upgrade").read("socket", socket);
  if (!socket.empty()) return socket;
  return Error{.fault = Fault::not_found, .detail = options.config + " has no upgrade.socket"};
}

std::string request(const UpgradeOptions& options) {
  json::Writer writer;
  writer.object().member("say", "upgrade");
  if (!options.binary.empty()) {
    writer.member("binary", std::filesystem::absolute(options.binary).string());
  }
  if (!options.config.empty()) {
    writer.member("config", std::filesystem::absolute(options.config).string());
  }
  return writer.end().take();
}

std::string text_of(json::Node message, std::string_view key) {
  return std::string(message[key].string().value_or(""));
}

int upgrade(const Context& context, const UpgradeOptions& options) {
  const auto path = socket_of(options);
  if (!path) return Context::fail(path.error());
  const RouterSocket router;
  if (const auto connected = router.connect(*path); !connected) {
    return Context::fail(connected.error(), "is a router running that has upgrade.socket set?");
  }
  if (const auto said = router.say(request(options)); !said) return Context::fail(said.error());
  while (true) {
    const auto answer = router.hear();
    if (!answer) return Context::fail(answer.error());
    const json::Node message = answer->root();
    const std::string said = text_of(message, "say");
    const int64_t pid = message["pid"].integer().value_or(0);
    if (said == "started") {
      if (!context.json)
        std::printf("new router started, process %lld\n", static_cast<long long>(pid));
      continue;
    }
    if (said == "done") {
      if (context.json) {
        std::printf("%s\n", message.text().c_str());
      } else {
        std::printf("it serves; the old router ends when its last request has\n");
      }
      return 0;
    }
    return Context::fail({.fault = Fault::refused, .detail = text_of(message, "reason")},
                         "the old router goes on; its log and the new one's say more");
  }
}

}  // namespace

void add_router_commands(CLI::App& app, Context& context) {
  CLI::App* const router = app.add_subcommand("router", "the router of this machine");
  router->require_subcommand(1);
  CLI::App* const command = router->add_subcommand(
      "upgrade", "replace the running router by a new process, without a failed request");
  const auto options = std::make_shared<UpgradeOptions>();
  command->add_option("--binary", options->binary,
                      "the new router's program; default: the file that the running one came from");
  command
      ->add_option("--config", options->config,
                   "the new router's configuration; default: the running one's. Its upgrade.socket "
                   "says where the running router is found")
      ->check(CLI::ExistingFile);
  command->add_option("--socket", options->socket, "upgrade.socket of the running router");
  command->callback([&context, options] { context.exit_status = upgrade(context, *options); });
}

}  // namespace causeway::cli
