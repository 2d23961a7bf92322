#pragma once

#include <string>
#include <vector>

#include "tools/platform/options.h"

namespace causeway::platform {

// A file that a service reads at start.
struct PlannedFile {
  std::string path;
  std::string text;
};

// How to see that a service does its work: an HTTP status 200, or a port that accepts.
struct Probe {
  std::string url;    // "" when only the port is asked
  uint16_t port = 0;  // on 127.0.0.1
};

struct Service {
  std::string name;
  std::vector<std::string> argv;
  std::string log_path;
  Probe probe;
};

// Everything there is to write and to run, in the order of starting. Pure.
struct Plan {
  std::vector<std::string> folders;
  std::vector<PlannedFile> files;
  std::vector<Service> services;
};
Plan make_plan(const Options& options);

// The roles that have certificates in a platform with that cell.
std::vector<std::string> certificate_roles(const std::string& cell_id);

}  // namespace causeway::platform
