#pragma once

#include <string_view>

namespace causeway::tls {

// "BoringSSL 13.0.0+r24-2": the library this binary carries, with the version of the package it was
// built from.
std::string_view library_version() noexcept;

}  // namespace causeway::tls
