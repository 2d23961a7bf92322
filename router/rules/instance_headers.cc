#include <algorithm>

#include "router/proxy/exchange.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

bool is_decimal(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// 8-4-4-4-12 lower-case hexadecimal digits.
bool is_guid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
      return false;
    }
  }
  return true;
}

Verdict refuse(Exchange& exchange, std::string_view error, std::string_view message) {
  exchange.bench().metrics.rejected_requests.add();
  exchange.reply({.status = 400,
                  .router_error = error,
                  .message = message,
                  .cache_control = "no-cache, no-store"});
  return Verdict::replied;
}

}  // namespace

// Both given: the one for the app decides (section 3.4).
Verdict read_instance_headers(Exchange& exchange) {
  const RequestFacts& facts = exchange.facts();
  InstanceFilter& filter = exchange.ruling().filter;
  if (facts.has_app_instance) {
    const size_t colon = facts.app_instance.find(':');
    filter.by = InstanceFilter::By::app;
    filter.guid = facts.app_instance.substr(0, colon);
    if (colon != std::string_view::npos) filter.index = facts.app_instance.substr(colon + 1);
    if (!is_guid(filter.guid) || !is_decimal(filter.index))
      return refuse(exchange, "invalid_cf_app_instance_header", "Invalid X-CF-App-Instance Header");
  } else if (facts.has_process_instance) {
    const size_t colon = facts.process_instance.find(':');
    filter.by = InstanceFilter::By::process;
    filter.guid = facts.process_instance.substr(0, colon);
    const bool has_index = colon != std::string_view::npos;
    if (has_index) filter.index = facts.process_instance.substr(colon + 1);
    if (!is_guid(filter.guid) || (has_index && !is_decimal(filter.index)))
      return refuse(exchange, "invalid_cf_process_instance_header",
                    "Invalid X-CF-Process-Instance Header");
  }
  return Verdict::proceed;
}

}  // namespace causeway::router
