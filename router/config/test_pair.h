#pragma once

#include <string>

namespace causeway::router {

// A self-signed certificate and its key as PEM. Tests only.
struct PemPair {
  std::string certificate;
  std::string key;
};
PemPair make_pem_pair();

}  // namespace causeway::router
