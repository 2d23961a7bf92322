#include "tls/cipher_suites.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace causeway::tls {
namespace {

// Go leaves the hash out of two names.
std::string full_name(std::string_view name) {
  std::string full(name);
  if (name.starts_with("TLS_") && name.ends_with("_CHACHA20_POLY1305")) full += "_SHA256";
  return full;
}

}  // namespace

bool has_cipher_suite(std::string_view name) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  CHECK(context != nullptr);  // out of memory only
  const bool is_known = SSL_CTX_set_strict_cipher_list(context.get(), full_name(name).c_str()) == 1;
  ERR_clear_error();
  return is_known;
}

std::string cipher_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    if (!list.empty()) list += ':';
    list += full_name(name);
  }
  return list;
}

}  // namespace causeway::tls
