#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace causeway::tls {

// Fills `out` with bytes fit for secrets (BoringSSL's generator, seeded by the kernel). Any thread.
void random_bytes(std::span<std::byte> out) noexcept;

// A random UUID (RFC 9562, version 4) in lower case, as Cloud Foundry writes its GUIDs. Any thread.
std::string random_uuid();

}  // namespace causeway::tls
