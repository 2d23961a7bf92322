#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/address.h"

namespace causeway::router {

// Which of the router's doors a connection came through.
enum class Entrance : uint8_t {
  plain,  // `port`
  tls,    // `ssl_port`
};

// What a TLS handshake told of a client. The views are of static storage.
struct TlsFacts {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // as IANA names it
  std::string server_name;   // SNI, in lower case; "" when none was sent
  std::string domain;  // the name of the mTLS domain whose rules the handshake was under; or ""
  bool is_resumed = false;
  // The client's certificate as X-Forwarded-Client-Cert has it; "" when it showed none.
  std::string forwarded_certificate;
};

// What is known of a client before its first byte of HTTP. Owner: its connection. Thread: its
// worker's; never changes.
struct ClientFacts {
  net::Address address;  // from a PROXY header where that is believed, else the socket's
  Entrance entrance = Entrance::plain;
  bool speaks_http2 = false;            // agreed upon by ALPN
  std::unique_ptr<const TlsFacts> tls;  // null on the plain port

  bool is_tls() const { return tls != nullptr; }
  bool showed_certificate() const { return tls != nullptr && !tls->forwarded_certificate.empty(); }
};

}  // namespace causeway::router
