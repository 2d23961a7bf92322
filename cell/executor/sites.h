#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cell/network/attachment.h"
#include "common.pb.h"

namespace causeway::executor {

struct SiteRequest {
  std::string handle;
  std::string root_fs;
  std::vector<uint16_t> ports;
  std::vector<models::SecurityGroupRule> egress;
  bool is_privileged = false;
};

// Where a container stands: root file system, namespaces, place in the network. A value; remembered
// with the container.
struct Site {
  std::string root;
  std::string user_namespace;     // file; empty: the machine's users
  std::string network_namespace;  // file
  network::Attachment attachment;
};

// Port to what prepares sites: CellSites, or a fake in tests. Calls back exactly once, later, never
// from inside. Owner: Cell. Thread: its loop's.
class Sites {
 public:
  virtual ~Sites() = default;
  virtual void prepare(SiteRequest request, std::function<void(Result<Site>)> done) = 0;
  // After the container on it is destroyed. What is gone already is no error.
  virtual void release(const Site& site, std::function<void(Result<void>)> done) = 0;
};

}  // namespace causeway::executor
