#include <charconv>

#include "router/proxy/exchange.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// The values that came, joined by ", ", and the client's address.
std::string_view forwarded_for(Exchange& exchange) {
  const RequestFacts& facts = exchange.facts();
  const http::Headers& headers = exchange.request().headers;
  const std::string_view client = exchange.client().client_ip();
  size_t bytes = client.size();
  for (size_t i = 0; i < headers.size(); ++i) {
    if (facts.kinds[i] == KnownHeader::x_forwarded_for) bytes += headers[i].value.size() + 2;
  }
  if (bytes == client.size()) return client;
  char* const text = static_cast<char*>(exchange.arena().allocate(bytes, 1));
  char* out = text;
  for (size_t i = 0; i < headers.size(); ++i) {
    if (facts.kinds[i] != KnownHeader::x_forwarded_for) continue;
    out = headers[i].value.copy(out, headers[i].value.size()) + out;
    *out++ = ',';
    *out++ = ' ';
  }
  client.copy(out, client.size());
  return {text, bytes};
}

std::string_view now_in_ms(Exchange& exchange) {
  const auto digits = exchange.arena().bytes(24);
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                  exchange.record().started_unix_ns / 1'000'000)
                        .ptr;
  return {digits.data(), static_cast<size_t>(end - digits.data())};
}

}  // namespace

Verdict set_forwarded_headers(Exchange& exchange) {
  const Settings& settings = exchange.settings();
  const RequestFacts& facts = exchange.facts();
  Ruling& ruling = exchange.ruling();
  ruling.forwarded_for = forwarded_for(exchange);
  const bool is_trusted =  // the router itself has written it before the service had it
      ruling.service_leg == ServiceLeg::from_service && !facts.forwarded_proto.empty();
  if (is_trusted) {
    ruling.forwarded_proto = facts.forwarded_proto;
  } else if (settings.force_forwarded_proto_https) {
    ruling.forwarded_proto = "https";
  } else if (settings.sanitize_forwarded_proto || facts.forwarded_proto.empty()) {
    ruling.forwarded_proto = exchange.client().facts().is_tls() ? "https" : "http";
  } else {
    ruling.forwarded_proto = facts.forwarded_proto;
  }
  ruling.request_start = facts.request_start.empty() ? now_in_ms(exchange) : facts.request_start;

  AccessRecord& record = exchange.record();
  record.forwarded_for = ruling.forwarded_for;
  record.forwarded_proto = ruling.forwarded_proto;
  return Verdict::proceed;
}

}  // namespace causeway::router
