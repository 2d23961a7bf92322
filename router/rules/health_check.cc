#include "router/proxy/exchange.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {

Verdict answer_options_star(Exchange& exchange) {
  if (exchange.request().target != "*" || exchange.request().method != "OPTIONS")
    return Verdict::proceed;
  exchange.leave_unlogged();
  exchange.reply({.status = 200, .is_plain = false});
  return Verdict::replied;
}

Verdict answer_health_check(Exchange& exchange) {
  const std::string& agent = exchange.settings().healthcheck_user_agent;
  if (agent.empty() || exchange.facts().user_agent != agent) return Verdict::proceed;
  const bool is_healthy = exchange.bench().is_healthy;
  RouterReply reply;
  reply.status = is_healthy ? 200 : 503;
  reply.cache_control = "private, max-age=0";
  reply.expires = true;
  reply.is_plain = is_healthy;
  if (is_healthy) reply.body = "ok\n";
  exchange.reply(reply);
  return Verdict::replied;
}

}  // namespace causeway::router
