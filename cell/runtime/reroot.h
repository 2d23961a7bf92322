#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cell/runtime/descriptor.h"

namespace causeway::runtime {

// Inside a plain chroot the kernel refuses user namespaces and runc cannot make its root private.
// Then this process gets a mount namespace of its own in which the folder it was chrooted to is the
// root in earnest. The file `pin` keeps that namespace, so that the next rep comes back to the
// mounts of this one's containers. Owner: main(). Thread: any, but made before others.
class TrueRoot {
 public:
  // Null when there is no chroot. Call it first in main(), before any thread.
  static Result<std::unique_ptr<TrueRoot>> enter(const std::string& pin);
  TrueRoot(const TrueRoot&) = delete;
  TrueRoot& operator=(const TrueRoot&) = delete;

  // Lets go of the namespace: the mounts in it end with the last process in it.
  void unpin();

 private:
  explicit TrueRoot(std::string pin);
  Result<void> make();

  const std::string pin_;
  const Descriptor outer_mounts_, outer_root_;
};

}  // namespace causeway::runtime
