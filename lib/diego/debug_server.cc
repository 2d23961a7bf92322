#include "diego/debug_server.h"

#include <cstdio>
#include <utility>

#include "log/logger.h"
#include "rpc/debug.h"

namespace causeway::diego {

namespace {

Result<net::Address> parse_address(const std::string& text) {
  auto parts = net::parse_host_port(text, net::PortZero::allowed);
  if (!parts) return std::move(parts).error();
  return net::Address::parse(parts->host, parts->port);
}

}  // namespace

std::string read_debug_address(config::Section& section) {
  std::string text;
  section.read("debug_address", text);
  if (text.starts_with(':')) text.insert(0, "127.0.0.1");
  if (!text.empty() && !parse_address(text))
    section.problem("debug_address", "not an IP address with a port: \"" + text + "\"");
  return text;
}

bool open_debug_server(const char* program, net::Loop& loop, const log::Logger& logger,
                       log::Sink& sink, const std::string& address,
                       std::unique_ptr<rpc::Server>& target) {
  if (address.empty()) return true;
  auto server = std::make_unique<rpc::Server>(loop, logger);
  rpc::serve_debug(*server, sink);
  auto listened = server->listen(*parse_address(address));
  if (!listened) {
    logger.error("failed-to-listen", listened.error(), {{"for", "debug"}, {"address", address}});
    std::fprintf(stderr, "%s: cannot listen on %s (debug): %s\n", program, address.c_str(),
                 to_string(listened.error()).c_str());
    return false;
  }
  logger.info("listening", {{"for", "debug"}, {"address", listened->to_string()}});
  target = std::move(server);
  return true;
}

}  // namespace causeway::diego
