#include "router/proxy/exchange.h"
#include "router/proxy/workbench.h"
#include "router/rules/request_rules.h"

namespace causeway::router {

Verdict set_request_id(Exchange& exchange) {
  const auto id = exchange.arena().bytes(RequestIds::text_bytes);
  exchange.bench().request_ids.next(id.data());
  exchange.ruling().request_id = {id.data(), id.size()};
  exchange.record().request_id = exchange.ruling().request_id;
  return Verdict::proceed;
}

}  // namespace causeway::router
