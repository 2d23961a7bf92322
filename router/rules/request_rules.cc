#include "router/rules/request_rules.h"

namespace causeway::router {

// The order is gorouter's (section 6): health checks are logged and counted, a 404 never reaches
// the size check.
Verdict run_request_rules(Exchange& exchange) {
  constexpr Verdict (*rules[])(Exchange&) = {
      answer_options_star, set_request_id,        answer_health_check, require_host,
      require_own_domain,  read_instance_headers, look_up_route,       limit_header_size,
      find_sticky_session, visit_route_service,   forward_client_cert, set_forwarded_headers,
  };
  for (const auto rule : rules) {
    if (rule(exchange) == Verdict::replied) return Verdict::replied;
  }
  return Verdict::proceed;
}

}  // namespace causeway::router
