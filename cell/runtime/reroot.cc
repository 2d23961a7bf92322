#include "cell/runtime/reroot.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <utility>

#include "cell/runtime/descriptor.h"
#include "cell/runtime/mounts.h"

namespace causeway::runtime {

namespace {

// A root that is no mount point is a chroot's.
bool is_chrooted() {
  std::ifstream table("/proc/self/mountinfo");
  std::string line, word;
  while (std::getline(table, line)) {
    std::istringstream words(line);
    for (int i = 0; i < 5; ++i) words >> word;
    if (word == "/") return false;
  }
  return true;
}

bool is_namespace_file(int descriptor) {
  struct statfs status {};
  return ::fstatfs(descriptor, &status) == 0 && status.f_type == NSFS_MAGIC;
}

Result<void> join(const Descriptor& mounts) {
  if (::setns(mounts.number(), CLONE_NEWNS) != 0) return os_error(errno, "enter mount namespace");
  return {};
}

// Puts a copy of all we see on top of the namespace's true root and makes that our root.
Result<void> make_root() {
  if (::unshare(CLONE_NEWNS) != 0) return os_error(errno, "make mount namespace");
  const Descriptor mounts(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  const Descriptor tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!mounts.is_open() || !tree.is_open()) return os_error(errno, "copy the root's mounts");
  mount_attr private_mounts{};
  private_mounts.propagation = MS_PRIVATE;
  if (::syscall(SYS_mount_setattr, tree.number(), "", AT_EMPTY_PATH | AT_RECURSIVE, &private_mounts,
                sizeof private_mounts) != 0) {
    return os_error(errno, "make mounts private");
  }
  if (Result<void> entered = join(mounts); !entered)
    return entered;  // our root is now the true one
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return os_error(errno, "make mounts private");
  if (::syscall(SYS_move_mount, tree.number(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return os_error(errno, "mount on the root");
  }
  if (::fchdir(tree.number()) != 0 || ::chroot(".") != 0)
    return os_error(errno, "enter the new root");
  return {};
}

}  // namespace

TrueRoot::TrueRoot(std::string pin)
    : pin_(std::move(pin)),
      outer_mounts_(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)),
      outer_root_(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

// A mount namespace can only be pinned from another one: a child that stayed outside does it.
Result<void> TrueRoot::make() {
  int made[2];
  if (::pipe2(made, O_CLOEXEC) != 0) return os_error(errno, "pipe");
  const pid_t parent = ::getpid();
  const pid_t outside = ::fork();
  if (outside < 0) return os_error(errno, "fork");
  if (outside == 0) {
    char is_made = 0;
    ::close(made[1]);
    if (::read(made[0], &is_made, 1) != 1) ::_exit(0);
    const std::string ours = "/proc/" + std::to_string(parent) + "/ns/mnt";
    ::_exit(::mount(ours.c_str(), pin_.c_str(), nullptr, MS_BIND, nullptr) == 0 ? 0 : errno);
  }
  Descriptor reader(made[0]), writer(made[1]);
  Result<void> done = make_root();
  if (done && ::write(writer.number(), "x", 1) != 1) done = os_error(errno, "pipe");
  writer.close();
  int status = 0;
  while (::waitpid(outside, &status, 0) < 0 && errno == EINTR) {
  }
  if (done && status != 0) return os_error(WEXITSTATUS(status), "pin mount namespace at " + pin_);
  return done;
}

Result<std::unique_ptr<TrueRoot>> TrueRoot::enter(const std::string& pin) {
  if (!is_chrooted()) return std::unique_ptr<TrueRoot>();
  const Descriptor file(::open(pin.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) return os_error(errno, "open " + pin);
  std::unique_ptr<TrueRoot> root(new TrueRoot(pin));
  Result<void> done = is_namespace_file(file.number()) ? join(file) : root->make();
  if (!done) return done.error();
  if (::chdir("/") != 0) return os_error(errno, "enter the new root");
  return root;
}

void TrueRoot::unpin() {
  const pid_t outside = ::fork();
  if (outside == 0) {
    const bool is_out = ::setns(outer_mounts_.number(), CLONE_NEWNS) == 0 &&
                        ::fchdir(outer_root_.number()) == 0 && ::chroot(".") == 0;
    ::_exit(is_out && ::umount2(pin_.c_str(), MNT_DETACH) == 0 ? 0 : 1);
  }
  while (outside > 0 && ::waitpid(outside, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace causeway::runtime
