#include "cell/executor/cell_sites.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "cell/runtime/mounts.h"

namespace causeway::executor {

namespace {

// What a job on the worker reads and writes; the loop looks at it when the job is done.
struct Preparation {
  SiteRequest request;
  Site site;
  Result<void> outcome;
};

}  // namespace

Result<Site> CellSites::reserve(const SiteRequest& request) {
  if (Result<void> known = images_.check(request.root_fs); !known) return known.error();
  std::vector<network::Egress> egress;
  for (const models::SecurityGroupRule& rule : request.egress) {
    Result<std::vector<network::Egress>> allowed = network::egress_of(rule);
    if (!allowed) return allowed.error();
    egress.insert(egress.end(), allowed->begin(), allowed->end());
  }
  Result<network::Attachment> attachment =
      network_.reserve(request.handle, request.ports, std::move(egress));
  if (!attachment) return attachment.error();
  Site site;
  site.attachment = std::move(*attachment);
  return site;
}

void CellSites::prepare(SiteRequest request, std::function<void(Result<Site>)> done) {
  Result<Site> site = reserve(request);
  auto preparation = std::make_unique<Preparation>();
  preparation->request = std::move(request);
  if (site) {
    preparation->site = std::move(*site);
  } else {
    preparation->outcome = site.error();
  }
  Preparation& shared = *preparation;
  setup_.run(
      [this, &shared] {
        if (!shared.outcome) return;
        shared.outcome = make(shared.request, shared.site);
        if (!shared.outcome) (void)take_away(shared.site);
      },
      [this, done = std::move(done),
       keep = std::shared_ptr<const Preparation>(std::move(preparation))] {
        if (keep->outcome) return done(keep->site);
        if (!keep->site.attachment.handle.empty()) network_.release(keep->site.attachment);
        done(keep->outcome.error());
      });
}

Result<void> CellSites::make(const SiteRequest& request, Site& site) const {
  const bool is_shifted = options_.uses_user_namespaces && !request.is_privileged;
  Result<std::string> root = images_.prepare(request.root_fs, is_shifted);
  if (!root) return root.error();
  site.root = std::move(*root);
  if (Result<void> made = runtime::make_folder(folder(request.handle)); !made) return made;
  Result<runtime::PinnedNamespaces> pinned =
      runtime::pin_namespaces(folder(request.handle), is_shifted ? &options_.mapping : nullptr);
  if (!pinned) return pinned.error();
  site.user_namespace = pinned->user;
  site.network_namespace = pinned->network;
  return network_.attach(site.attachment, site.network_namespace);
}

Result<void> CellSites::take_away(const Site& site) const {
  Result<void> detached = network_.detach(site.attachment);
  Result<void> removed = remove_folder(site.attachment.handle);
  return detached ? removed : detached;
}

Result<void> CellSites::remove_folder(const std::string& handle) const {
  runtime::unmount_below(folder(handle));
  return runtime::remove_tree(folder(handle));
}

void CellSites::release(const Site& site, std::function<void(Result<void>)> done) {
  auto release = std::make_unique<Preparation>();
  release->site = site;
  Preparation& shared = *release;
  setup_.run([this, &shared] { shared.outcome = take_away(shared.site); },
             [this, done = std::move(done),
              keep = std::shared_ptr<const Preparation>(std::move(release))] {
               network_.release(keep->site.attachment);
               done(keep->outcome);
             });
}

void CellSites::release_all_but(std::set<std::string> kept,
                                std::function<void(const std::vector<std::string>&)> done) {
  auto removed = std::make_unique<std::vector<std::string>>();
  std::vector<std::string>& shared = *removed;
  setup_.run(
      [this, &shared, kept = std::move(kept)] {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(folder(""), error)) {
          std::string handle = entry.path().filename().string();
          if (!kept.contains(handle)) shared.push_back(std::move(handle));
        }
        for (const std::string& handle : shared) (void)remove_folder(handle);
      },
      [done = std::move(done), keep = std::shared_ptr<const std::vector<std::string>>(
                                   std::move(removed))] { done(*keep); });
}

}  // namespace causeway::executor
