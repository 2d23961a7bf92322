#include "router/proxy/request_facts.h"

namespace causeway::router {
namespace {

// Does Connection name more than the usual?
bool names_other_headers(std::string_view list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view token = list.substr(0, comma);
    if (!http::has_token(token, "keep-alive") && !http::has_token(token, "close") &&
        !http::has_token(token, "upgrade") && !http::has_token(token, "te") &&
        !http::has_token(token, ""))
      return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

void split_target(std::string_view target, RequestFacts& facts) {
  target = target.substr(0, target.find_first_of("?#"));
  if (!target.empty() && target.front() != '/') {
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) {
      facts.path = {};  // "*", or CONNECT's authority
      return;
    }
    facts.is_absolute = true;
    target.remove_prefix(scheme + 3);
    const size_t slash = target.find('/');
    facts.authority = target.substr(0, slash);
    facts.path = slash == std::string_view::npos ? std::string_view() : target.substr(slash);
    return;
  }
  facts.path = target;
}

void note_other(const http::Header& line, RequestFacts& facts) {
  if (http::equals_ignoring_case(line.name, "idempotency-key") ||
      http::equals_ignoring_case(line.name, "x-idempotency-key"))
    facts.is_idempotent = true;
}

void note(KnownHeader kind, const http::Header& line, RequestFacts& facts) {
  switch (kind) {
    case KnownHeader::host:
      if (!facts.is_absolute) facts.authority = line.value;
      break;
    case KnownHeader::connection:
      if (names_other_headers(line.value)) facts.names_headers = true;
      break;
    case KnownHeader::te:
      if (http::has_token(line.value, "trailers")) facts.te_trailers = true;
      break;
    case KnownHeader::user_agent:
      facts.user_agent = line.value;
      break;
    case KnownHeader::referer:
      facts.referer = line.value;
      break;
    case KnownHeader::upgrade:
      facts.upgrade = line.value;
      break;
    case KnownHeader::x_forwarded_proto:
      facts.forwarded_proto = line.value;
      break;
    case KnownHeader::x_request_start:
      facts.request_start = line.value;
      break;
    case KnownHeader::x_vcap_trace:
      facts.trace = line.value;
      break;
    case KnownHeader::cookie:
      facts.has_cookies = true;
      break;
    case KnownHeader::x_cf_proxy_signature:
      if (facts.proxy_signature.empty()) facts.proxy_signature = line.value;
      break;
    case KnownHeader::x_cf_proxy_metadata:
      if (facts.proxy_metadata.empty()) facts.proxy_metadata = line.value;
      break;
    case KnownHeader::x_cf_app_instance:
      facts.has_app_instance = true;
      facts.app_instance = line.value;
      break;
    case KnownHeader::x_cf_process_instance:
      facts.has_process_instance = true;
      facts.process_instance = line.value;
      break;
    case KnownHeader::other:
      if (line.name.size() >= 15 && line.name.size() <= 17) note_other(line, facts);
      break;
    default:
      break;
  }
}

}  // namespace

RequestFacts find_request_facts(const http::RequestHead& head, Arena& arena) {
  RequestFacts facts;
  facts.is_idempotent = head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS" ||
                        head.method == "TRACE";
  split_target(head.target, facts);
  const size_t lines = head.headers.size();
  facts.kinds = {static_cast<KnownHeader*>(arena.allocate(lines + 1, 1)), lines};
  facts.head_bytes = head.method.size() + head.target.size() + 12;
  for (size_t i = 0; i < lines; ++i) {
    const http::Header& line = head.headers[i];
    facts.head_bytes += line.name.size() + line.value.size() + 4;
    facts.kinds[i] = known_header(line.name);
    note(facts.kinds[i], line, facts);
  }
  if (!head.upgrade) facts.upgrade = {};
  return facts;
}

}  // namespace causeway::router
