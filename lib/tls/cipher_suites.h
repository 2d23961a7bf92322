#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace causeway::tls {

// Can this library speak a suite of TLS 1.2 or older? By OpenSSL's or IANA's name.
bool has_cipher_suite(std::string_view name);

// The names, joined for BoringSSL.
std::string cipher_list(const std::vector<std::string>& names);

}  // namespace causeway::tls
