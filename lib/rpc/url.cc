#include "rpc/url.h"

#include <utility>

#include "http/headers.h"
#include "net/address.h"

namespace causeway::rpc {

namespace {

Error bad_url(std::string_view text, std::string_view reason) {
  return {.fault = Fault::invalid,
          .detail = "url \"" + std::string(text) + "\": " + std::string(reason)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

Result<void> split_authority(std::string_view text, std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos)
    return bad_url(text, "credentials are not supported");
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  const std::string with_port =
      has_port ? std::string(authority) : std::string(authority) + (url.is_tls ? ":443" : ":80");
  auto parsed = net::parse_host_port(with_port);
  if (!parsed) return bad_url(text, "host:port expected");
  if (parsed->host.empty()) return bad_url(text, "no host");
  url.host = std::move(parsed->host);
  url.port = parsed->port;
  url.authority = authority;
  return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      return bad_url(text, "blank or control character");
  }
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return bad_url(text, "no scheme");
  const std::string_view scheme = text.substr(0, scheme_end);
  Url url;
  url.is_tls = http::equals_ignoring_case(scheme, "https");
  if (!url.is_tls && !http::equals_ignoring_case(scheme, "http"))
    return bad_url(text, "scheme is neither http nor https");
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t authority_end = rest.find_first_of("/?");
  if (auto split = split_authority(text, rest.substr(0, authority_end), url); !split)
    return split.error();
  if (authority_end != std::string_view::npos) url.target = rest.substr(authority_end);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  return url;
}

std::optional<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::is_space) {
      decoded += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace causeway::rpc
