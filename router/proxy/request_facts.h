#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "router/rules/known_headers.h"

namespace causeway::router {

// What one pass over a request's head finds. Views into the head and the arena.
struct RequestFacts {
  std::span<KnownHeader> kinds;  // of each header line
  size_t head_bytes = 0;         // request line, and name + value + 4 of each line
  std::string_view authority;    // Host, or that of an absolute-form target
  std::string_view path;         // escaped, without query; "" or "/..."
  bool is_absolute = false;      // absolute-form target
  std::string_view user_agent;
  std::string_view referer;
  std::string_view forwarded_proto;
  std::string_view request_start;
  std::string_view app_instance;
  std::string_view process_instance;
  std::string_view trace;
  std::string_view proxy_signature;  // of a route service
  std::string_view proxy_metadata;
  std::string_view upgrade;  // protocol, of an upgrade request
  bool has_app_instance = false;
  bool has_process_instance = false;
  bool te_trailers = false;
  bool names_headers = false;  // Connection names fields that are to be dropped
  bool is_idempotent = false;  // by method or Idempotency-Key
  bool has_cookies = false;
  bool is_websocket() const { return http::equals_ignoring_case(upgrade, "websocket"); }
};

RequestFacts find_request_facts(const http::RequestHead& head, Arena& arena);

}  // namespace causeway::router
