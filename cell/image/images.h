#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cell/runtime/bundle.h"

namespace causeway::image {

// "preloaded:base" -> "base". Other schemes: Fault::unsupported; what is no such URL:
// Fault::invalid. Pure.
Result<std::string> preloaded_name(std::string_view root_fs);
// {"base:/var/rootfs/base"} -> {"base": "/var/rootfs/base"}. Fault::invalid names the entry. Pure.
Result<std::map<std::string, std::string>> parse_preloaded(const std::vector<std::string>& entries);

// The root file systems that containers start from: folders of this machine, never written to. For
// containers with users of their own the owners are shifted, by an idmapped mount where that works,
// else in a copy made once. Owner: main(). Thread: check() any; the others block and belong on one
// worker.
class Images {
 public:
  struct Options {
    std::map<std::string, std::string> preloaded;  // name -> folder
    std::string run_folder;                        // for mounts
    std::string state_folder;                      // for copies
    runtime::UserMapping mapping;
    bool can_mount_shifted = true;
  };
  explicit Images(Options options) : options_(std::move(options)) {}

  // Can it be had here?
  Result<void> check(std::string_view root_fs) const;
  // The folder to put below a container's own layer; the same for all containers.
  Result<std::string> prepare(const std::string& root_fs, bool is_shifted) const;
  // Lets go of the mounts. No container may stand on them any more.
  void tear_down() const;

 private:
  Result<std::string> find(std::string_view root_fs, std::string& name) const;
  Result<std::string> mount(const std::string& name, const std::string& source) const;
  Result<std::string> copy(const std::string& name, const std::string& source) const;
  const Options options_;
};

}  // namespace causeway::image
