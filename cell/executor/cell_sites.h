#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cell/executor/sites.h"
#include "cell/image/images.h"
#include "cell/network/network.h"
#include "cell/runtime/worker.h"

namespace causeway::executor {

// Real sites. Owner: Cell, which stops the workers before it ends. Thread: its loop's; what blocks
// runs on the workers.
class CellSites final : public Sites {
 public:
  struct Options {
    std::string run_folder;
    bool uses_user_namespaces = true;
    runtime::UserMapping mapping;
  };
  // `setup` also does the removals: the network's calls must not overlap.
  CellSites(runtime::Worker& setup, network::Network& network, const image::Images& images,
            Options options)
      : setup_(setup), network_(network), images_(images), options_(std::move(options)) {}

  void prepare(SiteRequest request, std::function<void(Result<Site>)> done) override;
  void release(const Site& site, std::function<void(Result<void>)> done) override;
  // Takes away the sites of other handles than these, which an earlier rep left without a word of
  // them; their links have gone with set_up() of the network. `done`: their handles.
  void release_all_but(std::set<std::string> kept,
                       std::function<void(const std::vector<std::string>&)> done);

 private:
  Result<Site> reserve(const SiteRequest& request);
  Result<void> make(const SiteRequest& request, Site& site) const;  // worker
  Result<void> take_away(const Site& site) const;                   // worker
  Result<void> remove_folder(const std::string& handle) const;      // worker
  std::string folder(const std::string& handle) const {
    return options_.run_folder + "/n/" + handle;
  }

  runtime::Worker& setup_;
  network::Network& network_;
  const image::Images& images_;
  const Options options_;
};

}  // namespace causeway::executor
