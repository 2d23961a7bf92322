#include "cell/runtime/bundle.h"

#include <algorithm>
#include <initializer_list>

#include "cell/runtime/seccomp.h"
#include "json/json.h"

namespace causeway::runtime {

namespace {

using Terms = std::initializer_list<const char*>;

// What a root inside may do inside: not raw sockets, not device nodes.
constexpr Terms default_capabilities = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                                        "CAP_FSETID",  "CAP_KILL",         "CAP_NET_BIND_SERVICE",
                                        "CAP_SETFCAP", "CAP_SETGID",       "CAP_SETPCAP",
                                        "CAP_SETUID",  "CAP_SYS_CHROOT"};
constexpr Terms privileged_capabilities = {"CAP_AUDIT_WRITE",  "CAP_CHOWN",
                                           "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                                           "CAP_FSETID",       "CAP_IPC_LOCK",
                                           "CAP_KILL",         "CAP_MKNOD",
                                           "CAP_NET_ADMIN",    "CAP_NET_BIND_SERVICE",
                                           "CAP_NET_RAW",      "CAP_SETFCAP",
                                           "CAP_SETGID",       "CAP_SETPCAP",
                                           "CAP_SETUID",       "CAP_SYS_ADMIN",
                                           "CAP_SYS_CHROOT",   "CAP_SYS_NICE",
                                           "CAP_SYS_PTRACE"};

void write_words(json::Writer& out, std::string_view name, Terms words) {
  out.key(name).array();
  for (const char* word : words) out.value(word);
  out.end();
}

void write_capabilities(json::Writer& out, bool is_privileged, bool is_root) {
  const Terms bounding = is_privileged ? privileged_capabilities : default_capabilities;
  const Terms held = is_root ? bounding : Terms{};
  out.key("capabilities").object();
  write_words(out, "bounding", bounding);
  write_words(out, "effective", held);
  write_words(out, "permitted", held);
  out.end();
}

void write_mount(json::Writer& out, const char* destination, const char* type, const char* source,
                 Terms options) {
  out.object().member("destination", destination).member("type", type).member("source", source);
  write_words(out, "options", options);
  out.end();
}

void write_bind(json::Writer& out, const std::string& source, const std::string& destination,
                bool is_read_only) {
  out.object().member("destination", destination).member("type", "bind").member("source", source);
  write_words(
      out, "options",
      is_read_only ? Terms{"bind", "nosuid", "nodev", "ro"} : Terms{"bind", "nosuid", "nodev"});
  out.end();
}

void write_mounts(json::Writer& out, const ContainerSpec& spec, const BundlePlace& place) {
  out.key("mounts").array();
  write_mount(out, "/proc", "proc", "proc", {"nosuid", "noexec", "nodev"});
  write_mount(out, "/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"});
  write_mount(out, "/dev/pts", "devpts", "devpts",
              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
  write_mount(out, "/dev/shm", "tmpfs", "shm",
              {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"});
  write_mount(out, "/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"});
  write_mount(out, "/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"});
  write_mount(out, "/sys/fs/cgroup", "cgroup", "cgroup",
              {"nosuid", "noexec", "nodev", "relatime", "ro"});
  write_bind(out, place.init_program, init_path, true);
  for (size_t i = 0; i < spec.files.size(); ++i) {
    write_bind(out, place.files_folder + "/" + std::to_string(i), spec.files[i].path, true);
  }
  for (const Mount& mount : spec.mounts)
    write_bind(out, mount.source, mount.destination, mount.is_read_only);
  out.end();
}

void write_resources(json::Writer& out, const Limits& limits, bool can_limit_swap) {
  out.key("resources").object();
  out.key("devices").array().object().member("allow", false).member("access", "rwm").end().end();
  if (limits.memory_bytes > 0) {
    out.key("memory").object().member("limit", limits.memory_bytes);
    // Memory and swap together: no swap.
    if (can_limit_swap) out.member("swap", limits.memory_bytes);
    out.end();
  }
  if (limits.pids > 0) out.key("pids").object().member("limit", limits.pids).end();
  if (limits.cpu_shares > 0) out.key("cpu").object().member("shares", limits.cpu_shares).end();
  out.end();
}

void write_namespaces(json::Writer& out, const ContainerSpec& spec, const UserMapping& mapping) {
  out.key("namespaces").array();
  for (const char* type : {"pid", "mount", "ipc", "uts", "cgroup"})
    out.object().member("type", type).end();
  out.object().member("type", "network");
  if (!spec.network_namespace.empty()) out.member("path", spec.network_namespace);
  out.end();
  if (!spec.user_namespace.empty()) {
    out.object().member("type", "user").member("path", spec.user_namespace).end();
  }
  out.end();
  if (spec.user_namespace.empty()) return;
  for (const char* name : {"uidMappings", "gidMappings"}) {
    out.key(name).array().object();
    out.member("containerID", 0).member("hostID", mapping.first).member("size", mapping.count);
    out.end().end();
  }
}

void write_hidden_paths(json::Writer& out) {
  write_words(out, "maskedPaths",
              {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
               "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
               "/sys/firmware", "/sys/devices/virtual/powercap"});
  write_words(out, "readonlyPaths",
              {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"});
}

void write_process(json::Writer& out, const ProcessSpec& spec, uint64_t nofile_max) {
  out.object().member("terminal", false);
  out.key("user").object().member("uid", spec.uid).member("gid", spec.gid);
  if (!spec.groups.empty()) {
    out.key("additionalGids").array();
    for (const uint32_t group : spec.groups) out.value(group);
    out.end();
  }
  out.end();
  out.key("args").array().value(spec.path);
  for (const std::string& argument : spec.args) out.value(argument);
  out.end();
  out.key("env").array();
  for (const std::string& variable : spec.env) out.value(variable);
  out.end();
  out.member("cwd", spec.dir.empty() ? std::string("/") : spec.dir);
  write_capabilities(out, spec.is_privileged, spec.uid == 0);
  if (const uint64_t nofile = std::min(spec.nofile, nofile_max); nofile > 0) {
    out.key("rlimits").array().object();
    out.member("type", "RLIMIT_NOFILE").member("soft", nofile).member("hard", nofile).end().end();
  }
  out.member("noNewPrivileges", !spec.is_privileged).end();
}

}  // namespace

std::string bundle_config(const ContainerSpec& spec, const BundlePlace& place) {
  json::Writer out;
  out.object().member("ociVersion", "1.0.2");
  ProcessSpec init;
  init.path = init_path;
  init.args = {"--init"};
  out.key("process");
  write_process(out, init, 0);
  out.key("root").object().member("path", place.root).end();
  out.member("hostname", spec.hostname);
  write_mounts(out, spec, place);
  out.key("linux").object().member("cgroupsPath", place.cgroup);
  write_resources(out, spec.limits, place.can_limit_swap);
  write_namespaces(out, spec, place.mapping);
  if (!spec.is_privileged) {
    write_hidden_paths(out);
    out.key("seccomp");
    write_seccomp(out);
  }
  out.end().end();
  return out.take();
}

std::string process_config(const ProcessSpec& spec, uint64_t nofile_max) {
  json::Writer out;
  write_process(out, spec, nofile_max);
  return out.take();
}

}  // namespace causeway::runtime
