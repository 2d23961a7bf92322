#pragma once

#include <string>

#include "base/result.h"

namespace causeway::cli {

// What the options of the dot commands say beside those of all.
struct DotOptions {
  std::string locket_url = {};
  int timeout_s = 15;
};

// For https: PEM files of the authorities, and of the certificate that the platform demands.
struct TlsOptions {
  std::string ca_file = {}, certificate_file = {}, key_file = {};
  bool skips_verification = false;
};

// Where a command finds the platform and how it answers. Filled from options and environment by
// main.
struct Context {
  std::string state_dir;  // of a platform on this machine
  std::string bbs_url;    // --bbs, else the one of the platform in state_dir
  bool json = false;      // answers for machines
  TlsOptions tls = {};
  DotOptions dot = {};
  int exit_status = 0;  // what the command that ran says: 0, 1 refused or failed, 3 not there

  // Tells a person on stderr what did not work and, with `hint`, what to do next; answers the exit
  // status.
  static int fail(const Error& error, const std::string& hint = {});
};

}  // namespace causeway::cli
