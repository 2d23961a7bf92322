#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

// Opens the identity that a configuration names; none when it names none. A failure is logged and
// said on stderr, for `program`: answers false.
bool open_identity(const char* program, net::Loop& loop, const log::Logger& logger,
                   const rpc::Identity::Files& files, std::unique_ptr<rpc::Identity>& target);
// The same for calls to `url`: none where that asks for no TLS, and without files whoever this
// machine trusts is believed.
bool open_identity_for(const char* program, net::Loop& loop, const log::Logger& logger,
                       std::string_view url, const rpc::Identity::Files& files,
                       rpc::Identity::Options options, std::unique_ptr<rpc::Identity>& target);

}  // namespace causeway::diego
