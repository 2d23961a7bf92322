#include "bench/load/commands.h"

#include <csignal>
#include <cstdio>

#include "net/loop.h"
#include "net/signals.h"

namespace causeway::load {

int complain(const Error& error, int status) {
  std::fprintf(stderr, "causeway-bench: %s\n",
               (error.detail.empty() ? to_string(error) : error.detail).c_str());
  return status;
}

Result<net::Address> parse_listen_address(const std::string& text) {
  const auto place = net::parse_host_port(text, net::PortZero::allowed);
  if (!place)
    return Error{.fault = Fault::invalid, .detail = "expected address:port, not \"" + text + "\""};
  auto address = net::Address::parse(place->host, place->port);
  if (!address)
    return Error{.fault = Fault::invalid,
                 .detail = "expected a numeric address, not \"" + text + "\""};
  return address;
}

void wait_for_signal(const std::string& ready) {
  net::Loop loop;
  const net::SignalWatch on_int(loop, SIGINT, [&] { loop.stop(); });
  const net::SignalWatch on_term(loop, SIGTERM, [&] { loop.stop(); });
  std::printf("%s\n", ready.c_str());
  std::fflush(stdout);
  loop.run();
}

}  // namespace causeway::load
