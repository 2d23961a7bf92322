#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "router/proxy/exchange.h"

namespace causeway::router {

// The head of the exchange's request as `endpoint` gets it (gorouter.md section 7.1), appended to
// `out`. One pass; order and spelling of the client's lines are kept.
void append_backend_head(std::string& out, Exchange& exchange, const Endpoint& endpoint);
// The same fields for HTTP/2: no pseudo-fields, no Host, nothing about the connection. Views into
// the exchange's arena and the endpoint; names are not in lower case yet.
void list_backend_fields(http::Headers& out, Exchange& exchange, const Endpoint& endpoint);

// How the reply to the client is framed and what the router adds to it.
struct ReplyShape {
  bool is_chunked = false;   // written in chunks
  bool keeps_client = true;  // else Connection: close
  bool to_http10 = false;    // the client's version
  bool is_interim = false;   // 1xx: nothing is added
  bool is_upgrade = false;   // 101: Connection and Upgrade stay
};
// The head of a backend's reply as the client gets it (section 7.2). `backend`: its authority, for
// trace headers.
void append_client_head(std::string& out, Exchange& exchange, const http::ReplyHead& head,
                        const ReplyShape& shape, std::string_view backend);

// The same fields for HTTP/2, without :status. The views are valid during the exchange's present
// event.
void list_client_fields(http::Headers& out, Exchange& exchange, const http::ReplyHead& head,
                        const ReplyShape& shape, std::string_view backend);

// A reply of the router's own, head and body.
void append_router_reply(std::string& out, Exchange& exchange, const RouterReply& reply,
                         bool keeps_client);
// The same for HTTP/2: lists the fields, answers the body, "" for HEAD. Valid until the next reply
// of the router's own is made.
std::string_view list_router_reply(http::Headers& out, Exchange& exchange,
                                   const RouterReply& reply);

}  // namespace causeway::router
