#include "router/proxy/exchange.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {

Verdict set_request_id(Exchange& exchange) {
  const auto id = exchange.arena().bytes(RequestIds::text_bytes);
  const std::string_view trace = exchange.ruling().trace_id;
  if (trace.empty()) {
    exchange.bench().request_ids.next(id.data());
  } else {
    RequestIds::write_trace(trace, id.data());
  }
  exchange.ruling().request_id = {id.data(), id.size()};
  exchange.record().request_id = exchange.ruling().request_id;
  return Verdict::proceed;
}

}  // namespace causeway::router
