#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/address.h"

namespace causeway::net {

// The PROXY protocol (haproxy's proxy-protocol.txt): what a proxy says of its client before the
// client's first byte. Version 1 is a line of text, version 2 is binary.

enum class ProxyVersion : uint8_t { v1, v2 };

// Longest header of version 1, with its CR LF (proxy-protocol.txt, section 2.1).
inline constexpr size_t kProxyLineBytesMax = 107;

// What a header said. A value.
struct ProxyHeader {
  // False: the proxy speaks for itself (LOCAL) or knows nobody (UNKNOWN, UNSPEC, a unix socket):
  // the connection's own addresses count.
  bool has_addresses = false;
  Address client;
  Address server;  // where the client connected to
};

// Reads a header of either version from bytes as they come. Keeps no more than the longest line;
// what follows the addresses of a version 2 header (TLVs) is skipped, of any length. Pure. Owner:
// whoever reads the socket.
class ProxyHeaderReader {
 public:
  enum class Step : uint8_t {
    more,    // the bytes belong to it, more must come
    done,    // header() is whole; bytes after `taken` are the client's
    absent,  // no header: begun() and then all of these bytes are the client's, `taken` is 0
    bad,     // began like one and is none: reason()
  };
  struct Fed {
    Step step;
    size_t taken;  // of the bytes that were fed
  };
  // Not after anything but `more`.
  Fed feed(std::string_view bytes);

  const ProxyHeader& header() const { return header_; }
  // Bytes of earlier feeds that looked like a header's first ones.
  std::string_view begun() const { return {kept_.data(), kept_bytes_}; }
  bool has_begun() const { return kept_bytes_ > 0; }
  std::string_view reason() const { return reason_; }

 private:
  enum class Kind : uint8_t { unknown, line, binary };

  // Longest of: a line; the fixed part and the addresses of IPv6.
  static constexpr size_t kept_bytes_max = kProxyLineBytesMax;

  Fed recognize(std::string_view bytes);
  Fed feed_line(std::string_view bytes);
  Fed feed_binary(std::string_view bytes);
  bool read_line(std::string_view line);
  bool read_fixed_part();
  void read_addresses();
  Fed refuse(std::string_view reason, size_t taken);
  // Keeps bytes until `wanted` are there; how many it took.
  size_t keep(std::string_view bytes, size_t wanted);

  std::array<char, kept_bytes_max> kept_;
  size_t kept_bytes_ = 0;
  Kind kind_ = Kind::unknown;
  size_t body_bytes_ = 0;     // of version 2: what follows the fixed part
  size_t address_bytes_ = 0;  // of them, kept
  size_t skipped_bytes_ = 0;  // of the others
  ProxyHeader header_;
  std::string_view reason_;
};

// Appends a header. `client` and `server` of different families, which the protocol cannot say, are
// both written as IPv6.
void append_proxy_header(std::string& out, ProxyVersion version, const Address& client,
                         const Address& server);

}  // namespace causeway::net
