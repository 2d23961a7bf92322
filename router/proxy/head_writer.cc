#include "router/proxy/head_writer.h"

#include <charconv>

#include "http/h1_writer.h"
#include "router/rules/hop_by_hop.h"
#include "router/rules/reply_rewrite.h"
#include "router/rules/sticky_session.h"
#include "router/settings/error_template.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// Where a head's fields go: the lines of an HTTP/1 message ...
class TextFields {
 public:
  static constexpr bool is_http1 = true;

  explicit TextFields(std::string& out) : out_(out) {}
  void add(std::string_view name, std::string_view value) {
    http::append_header(out_, name, value);
  }
  // write(std::string&) appends the value.
  template <class Write>
  void add_made(std::string_view name, Write write) {
    out_.append(name).append(": ");
    write(out_);
    out_.append("\r\n");
  }

 private:
  std::string& out_;
};

// ... or a list for HTTP/2, which has no fields about its connection. The values live where they
// are, made ones in `arena`.
class ListedFields {
 public:
  static constexpr bool is_http1 = false;

  ListedFields(http::Headers& out, Arena& arena) : out_(out), arena_(arena) {}
  void add(std::string_view name, std::string_view value) { out_.add(name, value); }
  template <class Write>
  void add_made(std::string_view name, Write write) {
    std::string text;
    write(text);
    out_.add(name, arena_.copy(text));
  }

 private:
  http::Headers& out_;
  Arena& arena_;
};

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

template <class Fields>
void add_request_framing(Fields& out, Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  const RequestFacts& facts = exchange.facts();
  if (facts.te_trailers) out.add("TE", "trailers");
  if constexpr (Fields::is_http1) {
    if (head.framing == http::Framing::chunked) out.add("Transfer-Encoding", "chunked");
    if (!facts.upgrade.empty()) {
      out.add("Connection", "Upgrade");
      out.add("Upgrade", facts.upgrade);
    } else if (exchange.settings().disable_keep_alives) {
      out.add("Connection", "close");
    }
  }
}

// What an app, or a route service, is told about this request.
template <class Fields>
void add_destination(Fields& out, const Ruling& ruling, const Endpoint& endpoint) {
  if (ruling.service_leg == ServiceLeg::to_service) {
    out.add("X-CF-Forwarded-Url", ruling.forwarded_url);
    out.add("X-CF-Proxy-Signature", ruling.proxy_signature);
    out.add("X-CF-Proxy-Metadata", ruling.proxy_metadata);
  }
  if (ruling.service != nullptr) return;
  out.add("X-CF-ApplicationID", endpoint.app_id());
  out.add("X-CF-InstanceID",
          endpoint.instance_id().empty() ? endpoint.authority() : endpoint.instance_id());
  out.add("X-CF-InstanceIndex", endpoint.instance_index());
}

template <class Fields>
void add_trace(Fields& out, Exchange& exchange, std::string_view backend) {
  const Settings& settings = exchange.settings();
  if (settings.trace_key.empty() || exchange.facts().trace != settings.trace_key) return;
  out.add("X-Vcap-Router", settings.router_ip);
  out.add("X-Vcap-Backend", backend);
  out.add("X-Cf-RouteEndpoint", backend);
}

// The fields between request line and body, without Host where this request has one of the
// router's own.
template <class Fields>
void add_backend_fields(Fields& out, Exchange& exchange, const Endpoint& endpoint) {
  const http::RequestHead& head = exchange.request();
  const RequestFacts& facts = exchange.facts();
  const Ruling& ruling = exchange.ruling();
  for (size_t i = 0; i < head.headers.size(); ++i) {
    const KnownHeader kind = facts.kinds[i];
    if (is_replaced(kind, exchange, ruling)) continue;
    const http::Header& line = head.headers[i];
    if (facts.names_headers && !is_essential(kind) &&
        is_named_by_connection(head.headers, line.name, exchange.settings()))
      continue;
    // There it is :authority.
    if (!Fields::is_http1 && kind == KnownHeader::host) continue;
    out.add(line.name, line.value);
  }
  out.add("X-Forwarded-For", ruling.forwarded_for);
  out.add("X-Forwarded-Proto", ruling.forwarded_proto);
  if (!ruling.client_cert.empty()) out.add("X-Forwarded-Client-Cert", ruling.client_cert);
  out.add("X-Request-Start", ruling.request_start);
  out.add("X-Vcap-Request-Id", ruling.request_id);
  add_destination(out, ruling, endpoint);
  add_request_framing(out, exchange);
}

// Does this line of a backend's reply go no further, whatever rewriting says?
template <class Fields>
bool is_of_this_hop(KnownHeader kind, const http::Header& line, const ReplyShape& shape) {
  switch (kind) {
    case KnownHeader::connection:
    case KnownHeader::upgrade:
      return !Fields::is_http1 || !shape.is_upgrade;
    case KnownHeader::keep_alive:
    case KnownHeader::proxy_connection:
    case KnownHeader::transfer_encoding:
    case KnownHeader::x_cf_proxy_signature:
      return true;
    case KnownHeader::trailer:
      return !shape.is_chunked;
    default:
      // Of the handshake that the router made in the client's place (RFC 8441 section 5).
      return !Fields::is_http1 && shape.is_upgrade &&
             http::equals_ignoring_case(line.name, "sec-websocket-accept");
  }
}

template <class Fields>
void add_client_fields(Fields& out, Exchange& exchange, const http::ReplyHead& head,
                       const ReplyShape& shape, std::string_view backend) {
  const Settings& settings = exchange.settings();
  const bool names_headers = reply_names_headers(head.headers);
  bool has_date = false;
  bool has_request_id = false;
  StickyReply sticky(settings);
  for (const http::Header& line : head.headers) {
    const KnownHeader kind = known_header(line.name);
    if (is_of_this_hop<Fields>(kind, line, shape)) continue;
    if (kind == KnownHeader::set_cookie) {
      sticky.note_cookie(line.value);
    } else if (kind == KnownHeader::www_authenticate) {
      sticky.note_challenge(line.value);
    } else if (kind == KnownHeader::date) {
      has_date = true;
    } else if (kind == KnownHeader::x_vcap_request_id) {
      has_request_id = true;
    }
    if (names_headers && !shape.is_upgrade && !is_essential(kind) &&
        head.headers.has_token("connection", line.name))
      continue;
    if (is_removed_by_rewrite(line, settings)) continue;
    out.add(line.name, line.value);
  }
  if (shape.is_interim) return;
  if (!has_request_id) out.add("X-Vcap-Request-Id", exchange.ruling().request_id);
  if (!has_date) out.add("Date", exchange.bench().http_date());
  if (sticky.is_due(exchange))
    out.add_made("Set-Cookie", [&](std::string& text) { sticky.append_value(text, exchange); });
  add_trace(out, exchange, backend);
  add_by_rewrite(head.headers, settings,
                 [&out](std::string_view name, std::string_view value) { out.add(name, value); });
}

void append_connection(std::string& out, bool keeps_client, bool to_http10) {
  if (!keeps_client) {
    http::append_header(out, "Connection", "close");
  } else if (to_http10) {
    http::append_header(out, "Connection", "keep-alive");
  }
}

// A stream of HTTP/2 can end with its head, where HTTP/1 would go on waiting.
bool has_untold_end(Exchange& exchange, const http::ReplyHead& head, const ReplyShape& shape) {
  return head.framing == http::Framing::none && head.version.major == 2 && !shape.is_upgrade &&
         head.status != 204 && head.status != 304 && exchange.request().method != "HEAD";
}

}  // namespace

void append_backend_head(std::string& out, Exchange& exchange, const Endpoint& endpoint) {
  const http::RequestHead& head = exchange.request();
  const Ruling& ruling = exchange.ruling();
  const bool to_service = ruling.service_leg == ServiceLeg::to_service;
  out.append(head.method).append(" ").append(to_service ? ruling.service_target : head.target);
  out.append(" HTTP/1.1\r\n");
  if (to_service) {
    http::append_header(out, "Host", ruling.service_host);
  } else if (exchange.facts().is_absolute) {
    http::append_header(out, "Host", exchange.facts().authority);
  }
  TextFields fields(out);
  add_backend_fields(fields, exchange, endpoint);
  out.append("\r\n");
}

void list_backend_fields(http::Headers& out, Exchange& exchange, const Endpoint& endpoint) {
  ListedFields fields(out, exchange.arena());
  add_backend_fields(fields, exchange, endpoint);
}

void append_client_head(std::string& out, Exchange& exchange, const http::ReplyHead& head,
                        const ReplyShape& shape, std::string_view backend) {
  http::append_status_line(out, head.status, head.reason,
                           {1, static_cast<uint8_t>(shape.to_http10 ? 0 : 1)});
  TextFields fields(out);
  add_client_fields(fields, exchange, head, shape, backend);
  if (!shape.is_interim) {
    if (shape.is_chunked) fields.add("Transfer-Encoding", "chunked");
    if (has_untold_end(exchange, head, shape)) fields.add("Content-Length", "0");
    if (!shape.is_upgrade) append_connection(out, shape.keeps_client, shape.to_http10);
  }
  out.append("\r\n");
}

void list_client_fields(http::Headers& out, Exchange& exchange, const http::ReplyHead& head,
                        const ReplyShape& shape, std::string_view backend) {
  ListedFields fields(out, exchange.arena());
  add_client_fields(fields, exchange, head, shape, backend);
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

// Leaves the body in the workbench.
template <class Fields>
void add_router_fields(Fields& out, Exchange& exchange, const RouterReply& reply) {
  const Settings& settings = exchange.settings();
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
  for (const http::Header& line : headers) {
    if (!is_removed_by_rewrite(line, settings)) out.add(line.name, line.value);
  }
  add_by_rewrite(headers, settings,
                 [&out](std::string_view name, std::string_view value) { out.add(name, value); });
  char digits[24];
  char* const end = std::to_chars(digits, digits + sizeof digits, body.size()).ptr;
  out.add("Content-Length", exchange.arena().copy({digits, static_cast<size_t>(end - digits)}));
}

}  // namespace

void append_router_reply(std::string& out, Exchange& exchange, const RouterReply& reply,
                         bool keeps_client) {
  const bool to_http10 = exchange.request().version == http::Version{1, 0};
  http::append_status_line(out, reply.status, http::reason_phrase(reply.status),
                           {1, static_cast<uint8_t>(to_http10 ? 0 : 1)});
  TextFields fields(out);
  add_router_fields(fields, exchange, reply);
  append_connection(out, keeps_client, to_http10);
  out.append("\r\n");
  if (exchange.request().method != "HEAD") {
    out.append(exchange.bench().reply_body);
    exchange.record().sent_bytes = exchange.bench().reply_body.size();
  }
}

std::string_view list_router_reply(http::Headers& out, Exchange& exchange,
                                   const RouterReply& reply) {
  ListedFields fields(out, exchange.arena());
  add_router_fields(fields, exchange, reply);
  if (exchange.request().method == "HEAD") return {};
  exchange.record().sent_bytes = exchange.bench().reply_body.size();
  return exchange.bench().reply_body;
}

}  // namespace causeway::router
