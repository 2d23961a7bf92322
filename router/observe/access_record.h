#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/headers.h"
#include "router/settings/settings.h"

namespace causeway::router {

// Everything one exchange tells the access log. Written once, when the exchange is done. A value;
// the views live in the exchange's arena or its connection.
struct AccessRecord {
  static constexpr double unknown = -1;

  int64_t started_unix_ns = 0;
  std::string_view host;
  std::string_view method;
  std::string_view target;
  bool http10 = false;
  bool http2 = false;
  uint16_t status = 0;
  uint64_t received_bytes = 0;  // request body
  uint64_t sent_bytes = 0;      // reply body
  std::string_view referer;
  std::string_view user_agent;
  std::string_view client;  // ip:port
  std::string_view backend;
  std::string_view forwarded_for;
  std::string_view forwarded_proto;
  std::string_view request_id;
  double response_seconds = 0;
  double gorouter_seconds = unknown;
  std::string_view app_id;
  std::string_view app_index;
  std::string_view instance_id;
  std::string_view router_error;

  // For extra_access_log_fields.
  double backend_seconds = unknown;
  double dial_seconds = unknown;
  double dns_seconds = unknown;
  uint32_t failed_attempts = 0;
  double failed_attempts_seconds = unknown;
  double tls_seconds = unknown;
  std::string_view local_address;
  std::string_view tls_sni;
};

// Appends the line (doc/observing.md) with its newline. `request`: the client's own header, for
// extra_headers_to_log; may be null.
void append_access_line(std::string& out, const AccessRecord& record, const Settings& settings,
                        const http::Headers* request);

// Go's %q of strconv: quotes, escapes, bytes that are no UTF-8 as \xNN.
void append_quoted(std::string& out, std::string_view text);

// Is it a name that extra_access_log_fields may hold?
bool is_extra_access_log_field(std::string_view name) noexcept;

}  // namespace causeway::router
