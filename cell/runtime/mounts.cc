#include "cell/runtime/mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/check.h"
#include "cell/runtime/descriptor.h"

namespace causeway::runtime {

Result<void> mount_overlay(const Overlay& overlay) {
  for (const std::string* path : {&overlay.lower, &overlay.upper, &overlay.work}) {
    if (path->find_first_of(",:\\") != std::string::npos) {
      return Error{.fault = Fault::invalid,
                   .detail = "overlay: a path may not contain , : or \\: " + *path};
    }
  }
  const std::string options =
      "lowerdir=" + overlay.lower + ",upperdir=" + overlay.upper + ",workdir=" + overlay.work;
  if (::mount("overlay", overlay.target.c_str(), "overlay", MS_NODEV, options.c_str()) != 0) {
    return os_error(errno, "mount overlay on " + overlay.target);
  }
  return {};
}

namespace {

// \040 and its like, as /proc/self/mountinfo writes spaces.
std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::vector<std::string> mounts_below(const std::string& folder) {
  std::vector<std::string> points;
  std::ifstream table("/proc/self/mountinfo");
  std::string line, word;
  while (std::getline(table, line)) {
    std::istringstream words(line);
    for (int i = 0; i < 5; ++i) words >> word;  // the fifth is the mount point
    std::string point = unescape(word);
    if (point == folder || point.starts_with(folder + "/")) points.push_back(std::move(point));
  }
  std::reverse(points.begin(), points.end());  // later mounts lie on or below earlier ones
  return points;
}

void unmount_below(const std::string& folder) {
  for (const std::string& point : mounts_below(folder))
    ::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

namespace {

// A child that makes namespaces and waits, so that its parent can map its users and pin them.
// Owner: the stack of who makes namespaces; ends the child.
class NamespaceMaker {
 public:
  NamespaceMaker(bool with_user, bool with_network) {
    int up[2], down[2];
    if (::pipe2(up, O_CLOEXEC) != 0) return;
    from_child_ = Descriptor(up[0]);
    Descriptor child_writes(up[1]);
    if (::pipe2(down, O_CLOEXEC) != 0) return;
    Descriptor child_reads(down[0]);
    to_child_ = Descriptor(down[1]);
    pid_ = ::fork();
    if (pid_ != 0) return;
    // In the child: system calls only, the process may have had other threads.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    char go = 0;
    int failed = with_user && ::unshare(CLONE_NEWUSER) != 0 ? errno : 0;
    (void)!::write(up[1], &failed, sizeof failed);
    (void)!::read(down[0], &go, 1);
    failed = with_network && ::unshare(CLONE_NEWNET) != 0 ? errno : 0;
    (void)!::write(up[1], &failed, sizeof failed);
    (void)!::read(down[0], &go, 1);
    ::_exit(0);
  }
  NamespaceMaker(const NamespaceMaker&) = delete;
  NamespaceMaker& operator=(const NamespaceMaker&) = delete;
  ~NamespaceMaker() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // Waits for the child's next step.
  Result<void> await(const char* what) {
    int failed = 0;
    if (pid_ <= 0) return os_error(errno, what);
    if (::read(from_child_.number(), &failed, sizeof failed) != sizeof failed)
      return os_error(ECHILD, what);
    if (failed != 0) return os_error(failed, what);
    return {};
  }
  void proceed() { (void)!::write(to_child_.number(), "x", 1); }
  Result<void> map_users(const UserMapping& mapping) {
    const std::string text =
        "0 " + std::to_string(mapping.first) + " " + std::to_string(mapping.count);
    for (const char* name : {"uid_map", "gid_map"}) {
      const Descriptor file(::open(path(name).c_str(), O_WRONLY | O_CLOEXEC));
      if (!file.is_open() || ::write(file.number(), text.data(), text.size()) < 0) {
        return os_error(errno, std::string("user namespace: ") + name);
      }
    }
    return {};
  }
  std::string path(const char* name) const { return "/proc/" + std::to_string(pid_) + "/" + name; }

 private:
  Descriptor from_child_, to_child_;
  pid_t pid_ = -1;
};

Result<void> pin(const std::string& source, const std::string& target) {
  if (Result<void> file = write_file(target, ""); !file) return file;
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return os_error(errno, "pin namespace at " + target);
  }
  return {};
}

Result<void> make_namespaces(NamespaceMaker& maker, const UserMapping* mapping) {
  if (Result<void> made = maker.await("make user namespace"); !made) return made;
  if (mapping != nullptr) {
    if (Result<void> mapped = maker.map_users(*mapping); !mapped) return mapped;
  }
  maker.proceed();
  return maker.await("make network namespace");
}

}  // namespace

Result<PinnedNamespaces> pin_namespaces(const std::string& folder, const UserMapping* mapping) {
  NamespaceMaker maker(mapping != nullptr, true);
  if (Result<void> made = make_namespaces(maker, mapping); !made) return made.error();
  PinnedNamespaces pinned;
  pinned.network = folder + "/net";
  if (Result<void> done = pin(maker.path("ns/net"), pinned.network); !done) return done.error();
  if (mapping != nullptr) {
    pinned.user = folder + "/user";
    if (Result<void> done = pin(maker.path("ns/user"), pinned.user); !done) return done.error();
  }
  return pinned;
}

Result<void> mount_shifted(const std::string& source, const std::string& target,
                           const UserMapping& mapping) {
  NamespaceMaker maker(true, false);
  if (Result<void> made = maker.await("make user namespace"); !made) return made;
  if (Result<void> mapped = maker.map_users(mapping); !mapped) return mapped;
  const Descriptor users(::open(maker.path("ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!users.is_open()) return os_error(errno, "open user namespace");
  const Descriptor tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree.is_open()) return os_error(errno, "open_tree " + source);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY;
  attributes.userns_fd = static_cast<uint64_t>(users.number());
  if (::syscall(SYS_mount_setattr, tree.number(), "", AT_EMPTY_PATH, &attributes,
                sizeof attributes) != 0) {
    return os_error(errno, "idmapped mount of " + source);
  }
  if (::syscall(SYS_move_mount, tree.number(), "", AT_FDCWD, target.c_str(),
                MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return os_error(errno, "move_mount to " + target);
  }
  return {};
}

Result<void> within_network(const std::string& file, const std::function<Result<void>()>& work) {
  const Descriptor ours(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  const Descriptor theirs(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!ours.is_open() || !theirs.is_open())
    return os_error(errno, "open network namespace " + file);
  if (::setns(theirs.number(), CLONE_NEWNET) != 0)
    return os_error(errno, "enter network namespace " + file);
  Result<void> done = work();
  CHECK(::setns(ours.number(), CLONE_NEWNET) == 0);  // a thread in the wrong network must not go on
  return done;
}

}  // namespace causeway::runtime
