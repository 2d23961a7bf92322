#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "rpc/server.h"

namespace causeway::log {
class Logger;
class Sink;
}  // namespace causeway::log

namespace causeway::diego {

// The key debug_address: "ip:port", or "" for none; ":port" is on loopback. What is no address is a
// problem of the key.
std::string read_debug_address(config::Section& section);

// The debug server (rpc/debug.h) at that address, null for "". A failure is logged and said on
// stderr, for `program`: answers false.
bool open_debug_server(const char* program, net::Loop& loop, const log::Logger& logger,
                       log::Sink& sink, const std::string& address,
                       std::unique_ptr<rpc::Server>& target);

}  // namespace causeway::diego
