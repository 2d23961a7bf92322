#include "router/proxy/head_writer.h"

#include <charconv>

#include "http/h1_writer.h"
#include "router/proxy/workbench.h"
#include "router/rules/hop_by_hop.h"
#include "router/rules/reply_rewrite.h"
#include "router/rules/sticky_session.h"
#include "router/settings/error_template.h"

namespace causeway::router {
namespace {

using http::append_header;

// Does this line of the client's stay out of the request to the backend, because it is between two
// hops only or because the router writes its own?
bool is_replaced(KnownHeader kind, const Exchange& exchange, const Ruling& ruling) {
  switch (kind) {
    case KnownHeader::x_cf_proxy_signature:
    case KnownHeader::x_cf_proxy_metadata:
    case KnownHeader::x_cf_forwarded_url:
      return ruling.service_leg != ServiceLeg::none;
    case KnownHeader::connection:
    case KnownHeader::keep_alive:
    case KnownHeader::proxy_connection:
    case KnownHeader::proxy_authenticate:
    case KnownHeader::proxy_authorization:
    case KnownHeader::te:
    case KnownHeader::transfer_encoding:
    case KnownHeader::upgrade:
    case KnownHeader::x_cf_app_instance:
    case KnownHeader::x_cf_application_id:
    case KnownHeader::x_cf_instance_id:
    case KnownHeader::x_cf_instance_index:
    case KnownHeader::x_forwarded_for:
    case KnownHeader::x_forwarded_proto:
    case KnownHeader::x_request_start:
    case KnownHeader::x_vcap_request_id:
      return true;
    case KnownHeader::host:
      // RFC 9112 section 3.2.2: the target's authority counts.
      return exchange.facts().is_absolute || ruling.service_leg == ServiceLeg::to_service;
    case KnownHeader::x_forwarded_client_cert:
      return ruling.drops_client_cert;
    default:
      return false;
  }
}

// What frames or routes a message is never dropped because Connection names it: the next hop would
// misread the bytes.
bool is_essential(KnownHeader kind) {
  return kind == KnownHeader::host || kind == KnownHeader::content_length;
}

void append_request_framing(std::string& out, Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  const RequestFacts& facts = exchange.facts();
  if (head.framing == http::Framing::chunked) {
    append_header(out, "Transfer-Encoding", "chunked");
  }
  if (facts.te_trailers) append_header(out, "TE", "trailers");
  if (!facts.upgrade.empty()) {
    append_header(out, "Connection", "Upgrade");
    append_header(out, "Upgrade", facts.upgrade);
  } else if (exchange.settings().disable_keep_alives) {
    append_header(out, "Connection", "close");
  }
}

// What an app, or a route service, is told about this request.
void append_destination(std::string& out, const Ruling& ruling, const Endpoint& endpoint) {
  if (ruling.service_leg == ServiceLeg::to_service) {
    append_header(out, "X-CF-Forwarded-Url", ruling.forwarded_url);
    append_header(out, "X-CF-Proxy-Signature", ruling.proxy_signature);
    append_header(out, "X-CF-Proxy-Metadata", ruling.proxy_metadata);
  }
  if (ruling.service != nullptr) return;
  append_header(out, "X-CF-ApplicationID", endpoint.app_id());
  append_header(out, "X-CF-InstanceID",
                endpoint.instance_id().empty() ? endpoint.authority() : endpoint.instance_id());
  append_header(out, "X-CF-InstanceIndex", endpoint.instance_index());
}

void append_trace(std::string& out, Exchange& exchange, std::string_view backend) {
  const Settings& settings = exchange.settings();
  if (settings.trace_key.empty() || exchange.facts().trace != settings.trace_key) return;
  append_header(out, "X-Vcap-Router", settings.router_ip);
  append_header(out, "X-Vcap-Backend", backend);
  append_header(out, "X-Cf-RouteEndpoint", backend);
}

void append_number_header(std::string& out, std::string_view name, uint64_t value) {
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  append_header(out, name, {digits, static_cast<size_t>(end - digits)});
}

void append_connection(std::string& out, const Exchange& exchange, bool keeps_client,
                       bool to_http10) {
  static_cast<void>(exchange);
  if (!keeps_client) {
    append_header(out, "Connection", "close");
  } else if (to_http10) {
    append_header(out, "Connection", "keep-alive");
  }
}

}  // namespace

void append_backend_head(std::string& out, Exchange& exchange, const Endpoint& endpoint) {
  const http::RequestHead& head = exchange.request();
  const RequestFacts& facts = exchange.facts();
  const Ruling& ruling = exchange.ruling();
  const bool to_service = ruling.service_leg == ServiceLeg::to_service;
  out.append(head.method).append(" ").append(to_service ? ruling.service_target : head.target);
  out.append(" HTTP/1.1\r\n");
  if (to_service) {
    append_header(out, "Host", ruling.service_host);
  } else if (facts.is_absolute) {
    append_header(out, "Host", facts.authority);
  }
  for (size_t i = 0; i < head.headers.size(); ++i) {
    if (is_replaced(facts.kinds[i], exchange, ruling)) continue;
    const http::Header& line = head.headers[i];
    if (facts.names_headers && !is_essential(facts.kinds[i]) &&
        is_named_by_connection(head.headers, line.name, exchange.settings()))
      continue;
    append_header(out, line.name, line.value);
  }
  append_header(out, "X-Forwarded-For", ruling.forwarded_for);
  append_header(out, "X-Forwarded-Proto", ruling.forwarded_proto);
  append_header(out, "X-Request-Start", ruling.request_start);
  append_header(out, "X-Vcap-Request-Id", ruling.request_id);
  append_destination(out, ruling, endpoint);
  append_request_framing(out, exchange);
  out.append("\r\n");
}

void append_client_head(std::string& out, Exchange& exchange, const http::ReplyHead& head,
                        const ReplyShape& shape, std::string_view backend) {
  const Settings& settings = exchange.settings();
  http::append_status_line(out, head.status, head.reason,
                           {1, static_cast<uint8_t>(shape.to_http10 ? 0 : 1)});
  const bool names_headers = reply_names_headers(head.headers);
  bool has_date = false;
  bool has_request_id = false;
  StickyReply sticky(settings);
  for (const http::Header& line : head.headers) {
    const KnownHeader kind = known_header(line.name);
    switch (kind) {
      case KnownHeader::connection:
      case KnownHeader::upgrade:
        if (!shape.is_upgrade) continue;
        break;
      case KnownHeader::keep_alive:
      case KnownHeader::proxy_connection:
      case KnownHeader::transfer_encoding:
      case KnownHeader::x_cf_proxy_signature:
        continue;
      case KnownHeader::trailer:
        if (!shape.is_chunked) continue;
        break;
      case KnownHeader::set_cookie:
        sticky.note_cookie(line.value);
        break;
      case KnownHeader::www_authenticate:
        sticky.note_challenge(line.value);
        break;
      case KnownHeader::date:
        has_date = true;
        break;
      case KnownHeader::x_vcap_request_id:
        has_request_id = true;
        break;
      default:
        break;
    }
    if (names_headers && !shape.is_upgrade && !is_essential(kind) &&
        head.headers.has_token("connection", line.name))
      continue;
    if (is_removed_by_rewrite(line, settings)) continue;
    append_header(out, line.name, line.value);
  }
  if (!shape.is_interim) {
    if (!has_request_id) append_header(out, "X-Vcap-Request-Id", exchange.ruling().request_id);
    if (!has_date) append_header(out, "Date", exchange.bench().http_date());
    sticky.append_line(out, exchange);
    append_trace(out, exchange, backend);
    append_rewrite_additions(out, head.headers, settings);
    if (shape.is_chunked) append_header(out, "Transfer-Encoding", "chunked");
    if (!shape.is_upgrade) append_connection(out, exchange, shape.keeps_client, shape.to_http10);
  }
  out.append("\r\n");
}

namespace {

// The body and what says of which kind it is.
void make_body(std::string& body, http::Headers& headers, Exchange& exchange,
               const RouterReply& reply) {
  const std::string_view reason = http::reason_phrase(reply.status);
  const ErrorTemplate* page = exchange.settings().error_template.get();
  body.assign(reply.body);
  if (!reply.message.empty() || !reply.is_templated)
    headers.add("X-Content-Type-Options", "nosniff");
  if (page != nullptr && reply.is_templated && !reply.message.empty()) {
    if (page->render(body,
                     {.status = reply.status,
                      .status_text = reason,
                      .message = reply.message,
                      .header = [&headers](std::string_view name) { return headers.get(name); }})) {
      return headers.add("Content-Type", "text/html; charset=utf-8");
    }
    exchange.bench().logger.error("render-error-failed", {{"status", reply.status}});
  }
  if (!reply.message.empty()) {
    body.append(std::to_string(reply.status)).append(" ").append(reason).append(": ");
    body.append(reply.message).append("\n");
  }
  if (reply.is_plain) headers.add("Content-Type", "text/plain; charset=utf-8");
}

}  // namespace

void append_router_reply(std::string& out, Exchange& exchange, const RouterReply& reply,
                         bool keeps_client) {
  const Settings& settings = exchange.settings();
  const bool to_http10 = exchange.request().version == http::Version{1, 0};
  const std::string_view reason = http::reason_phrase(reply.status);
  http::Headers& headers = exchange.bench().reply_headers;
  headers.clear();
  if (!reply.cache_control.empty()) headers.add("Cache-Control", reply.cache_control);
  if (reply.expires) headers.add("Expires", "0");
  if (!reply.router_error.empty()) headers.add("X-Cf-Routererror", reply.router_error);
  if (!exchange.ruling().request_id.empty())
    headers.add("X-Vcap-Request-Id", exchange.ruling().request_id);
  headers.add("Date", exchange.bench().http_date());
  std::string& body = exchange.bench().reply_body;
  make_body(body, headers, exchange, reply);

  http::append_status_line(out, reply.status, reason, {1, static_cast<uint8_t>(to_http10 ? 0 : 1)});
  for (const http::Header& line : headers) {
    if (!is_removed_by_rewrite(line, settings)) append_header(out, line.name, line.value);
  }
  append_rewrite_additions(out, headers, settings);
  append_number_header(out, "Content-Length", body.size());
  append_connection(out, exchange, keeps_client, to_http10);
  out.append("\r\n");
  if (exchange.request().method != "HEAD") {
    out.append(body);
    exchange.record().sent_bytes = body.size();
  }
}

}  // namespace causeway::router
