#include "cell/runtime/seccomp.h"

#include <cstdint>

#include "json/json.h"

namespace causeway::runtime {

namespace {

constexpr int errno_eperm = 1;
constexpr int errno_enosys = 38;

constexpr const char* refused_calls[] = {
    // The machine: modules, kexec, clocks, swap, ports, accounting.
    "acct",
    "adjtimex",
    "clock_adjtime",
    "clock_settime",
    "create_module",
    "delete_module",
    "finit_module",
    "get_kernel_syms",
    "init_module",
    "ioperm",
    "iopl",
    "kexec_file_load",
    "kexec_load",
    "lookup_dcookie",
    "nfsservctl",
    "query_module",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "setdomainname",
    "sethostname",
    "settimeofday",
    "stime",
    "swapoff",
    "swapon",
    "sysfs",
    "syslog",
    "uselib",
    "ustat",
    "vhangup",
    "vm86",
    "vm86old",
    // Mounts and namespaces.
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "pivot_root",
    "setns",
    "umount",
    "umount2",
    "unshare",
    // Keys are not per container; the rest is attack surface that apps do without.
    "add_key",
    "bpf",
    "fanotify_init",
    "get_mempolicy",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "keyctl",
    "mbind",
    "migrate_pages",
    "move_pages",
    "open_by_handle_at",
    "perf_event_open",
    "process_madvise",
    "request_key",
    "set_mempolicy",
    "userfaultfd",
};

// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: one rule each, since a rule can
// ask for a bit only.
constexpr uint64_t namespace_flags[] = {0x00020000, 0x02000000, 0x04000000, 0x08000000,
                                        0x10000000, 0x20000000, 0x40000000};

}  // namespace

void write_seccomp(json::Writer& out) {
  out.object().member("defaultAction", "SCMP_ACT_ALLOW");
  out.key("syscalls").array();
  out.object().key("names").array();
  for (const char* name : refused_calls) out.value(name);
  out.end().member("action", "SCMP_ACT_ERRNO").member("errnoRet", errno_eperm).end();
  for (const uint64_t flag : namespace_flags) {
    out.object().key("names").array().value("clone").end();
    out.member("action", "SCMP_ACT_ERRNO")
        .member("errnoRet", errno_eperm)
        .key("args")
        .array()
        .object();
    out.member("index", 0)
        .member("value", flag)
        .member("valueTwo", flag)
        .member("op", "SCMP_CMP_MASKED_EQ");
    out.end().end().end();
  }
  // Its flags are behind a pointer: the C library falls back to clone.
  out.object().key("names").array().value("clone3").end();
  out.member("action", "SCMP_ACT_ERRNO").member("errnoRet", errno_enosys).end();
  out.end().end();
}

}  // namespace causeway::runtime
