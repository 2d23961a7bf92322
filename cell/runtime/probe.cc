#include "cell/runtime/probe.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "cell/runtime/cgroups.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/program.h"

namespace causeway::runtime {

namespace {

// The trial's folders; takes everything away again at its end.
class Ground {
 public:
  explicit Ground(const ProbeOptions& options)
      : folder_(options.run_folder + "/probe"),
        written_(options.state_folder + "/probe"),
        cgroup_("/causeway/" + options.cell_id + "/probe") {
    clear();
  }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;
  ~Ground() { clear(); }

  const std::string& folder() const { return folder_; }
  const std::string& written() const { return written_; }
  const std::string& cgroup() const { return cgroup_; }
  std::string root() const { return folder_ + "/rootfs"; }

 private:
  void clear() {
    remove_cgroup(cgroup_);
    unmount_below(folder_);
    (void)remove_tree(folder_);
    (void)remove_tree(written_);
  }
  const std::string folder_, written_, cgroup_;
};

Error lacking(const std::string& what, const Error& reason) {
  return Error{.fault = Fault::unsupported, .os = reason.os, .detail = what + ": " + reason.detail};
}

Result<void> check_overlay(const Ground& ground, uint32_t owner) {
  for (const char* part : {"/lower", "/upper", "/work"}) {
    const std::string path = ground.written() + part;
    if (Result<void> made = make_folder(path, 0755); !made) return made;
    if (::chown(path.c_str(), owner, owner) != 0) return os_error(errno, "change owner of " + path);
  }
  if (Result<void> made = make_folder(ground.root()); !made) return made;
  const Result<void> mounted = mount_overlay({.lower = ground.written() + "/lower",
                                              .upper = ground.written() + "/upper",
                                              .work = ground.written() + "/work",
                                              .target = ground.root()});
  if (!mounted) return lacking("overlay file systems do not work here", mounted.error());
  return {};
}

Result<void> check_runtime(const Ground& ground, const std::string& runtime,
                           const ContainerSpec& spec, const BundlePlace& place) {
  if (Result<void> put = write_file(ground.folder() + "/config.json", bundle_config(spec, place));
      !put)
    return put;
  const std::string root = ground.folder() + "/state";
  const auto run = run_program(
      {runtime, "--root", root, "run", "--detach", "--bundle", ground.folder(), spec.handle});
  const auto removed = run_program({runtime, "--root", root, "delete", "--force", spec.handle});
  if (!run) return run.error();
  if (!removed) return removed.error();
  return {};
}

Result<PinnedNamespaces> check_namespaces(const Ground& ground, const ProbeOptions& options,
                                          Machine& machine) {
  if (options.user_namespaces != UserNamespaces::off) {
    Result<PinnedNamespaces> pinned = pin_namespaces(ground.folder(), &options.mapping);
    if (pinned) return pinned;
    if (options.user_namespaces == UserNamespaces::required) {
      return lacking("user namespaces do not work here", pinned.error());
    }
    machine.remarks.push_back(
        "user namespaces do not work here, root in a container is this machine's root with few "
        "capabilities: " +
        pinned.error().detail);
  }
  machine.has_user_namespaces = false;
  Result<PinnedNamespaces> pinned = pin_namespaces(ground.folder(), nullptr);
  if (!pinned) return lacking("network namespaces do not work here", pinned.error());
  return pinned;
}

}  // namespace

Result<Machine> probe(const ProbeOptions& options) {
  if (::geteuid() != 0) {
    return Error{.fault = Fault::unsupported, .detail = "containers need root: start it as root"};
  }
  const Ground ground(options);
  for (const std::string& path : {ground.folder(), ground.written()}) {
    if (Result<void> made = make_folder(path); !made) return made.error();
  }
  Machine machine;
  machine.can_limit_swap = can_limit_swap();
  Result<PinnedNamespaces> pinned = check_namespaces(ground, options, machine);
  if (!pinned) return pinned.error();
  const uint32_t owner = machine.has_user_namespaces ? options.mapping.first : 0;
  if (Result<void> overlay = check_overlay(ground, owner); !overlay) return overlay.error();

  machine.has_shifted_mounts = false;
  if (machine.has_user_namespaces) {
    const std::string shifted = ground.folder() + "/shifted";
    if (Result<void> made = make_folder(shifted); !made) return made.error();
    const Result<void> mounted =
        mount_shifted(ground.written() + "/lower", shifted, options.mapping);
    machine.has_shifted_mounts = mounted.has_value();
    if (!mounted)
      machine.remarks.push_back("root file systems are copied: " + mounted.error().detail);
  }

  ContainerSpec spec{.handle = "probe-" + options.cell_id,
                     .root = {},
                     .hostname = "probe",
                     .user_namespace = pinned->user,
                     .network_namespace = pinned->network,
                     .limits = {.memory_bytes = 64 << 20, .pids = 16, .cpu_shares = 128},
                     .mounts = {},
                     .files = {},
                     .log_folder = {}};
  const BundlePlace place{.root = ground.root(),
                          .files_folder = {},
                          .init_program = options.shim_program,
                          .cgroup = ground.cgroup(),
                          .mapping = options.mapping,
                          .can_limit_swap = machine.can_limit_swap};
  std::string failures;
  for (const std::string& runtime : options.runtimes) {
    const Result<void> works = check_runtime(ground, runtime, spec, place);
    if (works) {
      machine.runtime = runtime;
      return machine;
    }
    failures += (failures.empty() ? "" : "; ") + works.error().detail;
  }
  return Error{.fault = Fault::unsupported,
               .detail = "no container runtime works here: " + failures};
}

}  // namespace causeway::runtime
