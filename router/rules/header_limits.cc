#include "router/proxy/exchange.h"
#include "router/rules/request_rules.h"
#include "router/settings/settings.h"

namespace causeway::router {

Verdict limit_header_size(Exchange& exchange) {
  const Settings& settings = exchange.settings();
  const bool is_too_large = settings.max_request_header_bytes > 0 &&
                            exchange.facts().head_bytes >= settings.max_request_header_bytes;
  const bool are_too_many = settings.max_request_headers > 0 &&
                            exchange.request().headers.size() > settings.max_request_headers;
  if (!is_too_large && !are_too_many) return Verdict::proceed;
  exchange.reply({.status = 431,
                  .router_error = "max-request-size-exceeded",
                  .is_plain = false,
                  .closes = true});
  return Verdict::replied;
}

}  // namespace causeway::router
