#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::router {

// The header fields the data path treats in some way of its own.
enum class KnownHeader : uint8_t {
  other,
  connection,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  host,
  keep_alive,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  referer,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  set_cookie,
  www_authenticate,
  x_cf_app_instance,
  x_cf_application_id,
  x_cf_instance_id,
  x_cf_instance_index,
  x_cf_forwarded_url,
  x_cf_process_instance,
  x_cf_proxy_metadata,
  x_cf_proxy_signature,
  x_forwarded_client_cert,
  x_forwarded_for,
  x_forwarded_proto,
  x_request_start,
  x_vcap_request_id,
  x_vcap_trace,
};

// Which one `name` is, without case. A few nanoseconds: chosen by length, then one or two
// comparisons.
KnownHeader known_header(std::string_view name) noexcept;

}  // namespace causeway::router
