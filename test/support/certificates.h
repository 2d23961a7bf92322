#pragma once

#include <string>

#include "test/support/server_process.h"

namespace causeway::test {

// A certificate authority of a test's own, made with the openssl command: its certificate and those
// that it signs, as PEM files in a folder of its own. Owner and thread: the test's.
class Authority {
 public:
  // Aborts the test program when the command fails.
  explicit Authority(const std::string& name = "authority");

  struct Files {
    std::string certificate;
    std::string key;
  };
  // A certificate for servers and clients. `alternative_names`: "DNS:localhost,IP:127.0.0.1".
  Files sign(const std::string& name, const std::string& alternative_names) const;
  struct Wishes {
    bool is_rsa = false;
    std::string subject = {};  // "/O=a/CN=b" without blanks; empty: /CN=name
    int days = 2;              // -1: it has expired
  };
  Files sign(const std::string& name, const std::string& alternative_names,
             const Wishes& wishes) const;
  std::string certificate() const { return folder_.path() + "/authority.pem"; }

  static std::string text_of(const std::string& path);

 private:
  TempFolder folder_;
};

}  // namespace causeway::test
