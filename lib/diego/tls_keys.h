#pragma once

#include <string>

#include "config/config.h"
#include "rpc/identity.h"

namespace causeway::diego {

// The keys of a configuration that name the PEM files of one identity: authorities, certificate,
// private key. More than one spelling each, the first that is there counts.
struct TlsKeys {
  std::vector<const char*> authorities, certificate, key;
};

// Reads them. Given in part, unreadable, or not fit for TLS: a problem of the key in question.
// Nothing given: empty.
rpc::Identity::Files read_tls_files(config::Section& section, const TlsKeys& keys);

// A URL that asks for TLS needs all three files of `files`; `key`, the URL's.
void require_files(config::Section& section, const char* key, std::string_view url,
                   const rpc::Identity::Files& files, const TlsKeys& keys);

}  // namespace causeway::diego
