#pragma once

#include <cstdint>

namespace causeway::router {

class Exchange;

// What a rule says: go on with the next one, or the request has been answered.
enum class Verdict : uint8_t { proceed, replied };

// Runs the rules below in order until one replies. Each edits the exchange's ruling, sets one
// thing, and keeps no state.
Verdict run_request_rules(Exchange& exchange);

class Pool;

Verdict set_request_id(Exchange& exchange);         // X-Vcap-Request-Id
Verdict answer_options_star(Exchange& exchange);    // OPTIONS *
Verdict answer_health_check(Exchange& exchange);    // by User-Agent
Verdict require_host(Exchange& exchange);           // 400 empty_host
Verdict read_instance_headers(Exchange& exchange);  // X-CF-App-Instance, X-CF-Process-Instance
Verdict look_up_route(Exchange& exchange);          // 404, 503
Verdict limit_header_size(Exchange& exchange);      // 431
Verdict find_sticky_session(Exchange& exchange);    // Cookie: __VCAP_ID__
Verdict visit_route_service(Exchange& exchange);    // 502, 503, 504
Verdict require_own_domain(Exchange& exchange);     // 421
Verdict forward_client_cert(Exchange& exchange);    // X-Forwarded-Client-Cert
Verdict set_forwarded_headers(Exchange& exchange);  // X-Forwarded-*, X-Request-Start

// Of the pool that the request is to be sent to: 503 when it is empty or every endpoint is full.
Verdict require_free_endpoint(Exchange& exchange, const Pool& pool);

}  // namespace causeway::router
