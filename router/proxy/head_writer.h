#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "router/proxy/exchange.h"

namespace causeway::router {

// The head of the exchange's request as `endpoint` gets it (gorouter.md section 7.1), appended to
// `out`. One pass; order and spelling of the client's lines are kept.
void append_backend_head(std::string& out, Exchange& exchange, const Endpoint& endpoint);

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

// A reply of the router's own, head and body.
void append_router_reply(std::string& out, Exchange& exchange, const RouterReply& reply,
                         bool keeps_client);

}  // namespace causeway::router
