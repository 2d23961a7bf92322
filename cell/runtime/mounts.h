#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cell/runtime/bundle.h"

// Direct system calls around mounts, namespaces and file trees. They block: call them on a Worker,
// or at start and end.
namespace causeway::runtime {

Error os_error(int os, std::string what);

// With parents; existing ones stay. 0711: a container's users may pass, not look.
Result<void> make_folder(const std::string& path, uint32_t mode = 0711);
Result<void> write_file(const std::string& path, std::string_view text,
                        uint32_t mode = 0644);  // whole or not at all
Result<std::string> read_whole_file(const std::string& path, size_t bytes_max);
// `path` as a process whose root is `root` would see it; links cannot lead out of it.
Result<std::string> read_file_in_root(const std::string& root, const std::string& path,
                                      size_t bytes_max);
// Everything below `path` and itself, without following links or crossing into mounts. The absent
// is removed.
Result<void> remove_tree(const std::string& path);

struct Overlay {
  std::string lower, upper, work, target;
};
Result<void> mount_overlay(const Overlay& overlay);
// Mount points at or below `folder`, deepest first.
std::vector<std::string> mounts_below(const std::string& folder);
// Detached: what still uses them keeps them until it ends.
void unmount_below(const std::string& folder);

// A user namespace with `mapping` and, owned by it, a network namespace, each kept alive by a mount
// on a file of that name in `folder`. Without `mapping`: only a network namespace, owned by the
// machine's users.
struct PinnedNamespaces {
  std::string user;  // file; empty without mapping
  std::string network;
};
Result<PinnedNamespaces> pin_namespaces(const std::string& folder, const UserMapping* mapping);

// `source` at `target` with its owners shifted by `mapping`: an idmapped mount (Linux 5.12, as an
// overlay's lower 5.19).
Result<void> mount_shifted(const std::string& source, const std::string& target,
                           const UserMapping& mapping);
// The same by copying: for file systems and kernels that cannot. Dear, done once per root file
// system.
Result<void> copy_shifted(const std::string& source, const std::string& target,
                          const UserMapping& mapping);

// Runs `work` with the calling thread inside the network namespace of `file`, and comes back.
Result<void> within_network(const std::string& file, const std::function<Result<void>()>& work);

}  // namespace causeway::runtime
