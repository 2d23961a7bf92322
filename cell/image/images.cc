#include "cell/image/images.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "cell/runtime/mounts.h"

namespace causeway::image {

namespace {

Error invalid(const std::string& what) { return Error{.fault = Fault::invalid, .detail = what}; }

bool is_plain_name(std::string_view name) {
  return !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// Do both names lead to the same folder? A root file system may have been made anew under the same
// name.
bool is_same_folder(const std::string& one, const std::string& other) {
  struct stat left {
  }, right{};
  return ::stat(one.c_str(), &left) == 0 && ::stat(other.c_str(), &right) == 0 &&
         left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

}  // namespace

Result<std::string> preloaded_name(std::string_view root_fs) {
  const size_t colon = root_fs.find(':');
  if (colon == 0 || colon == std::string_view::npos)
    return invalid("root file system \"" + std::string(root_fs) + "\" is no URL");
  const std::string_view scheme = root_fs.substr(0, colon);
  if (scheme != "preloaded") {
    return Error{.fault = Fault::unsupported,
                 .detail = "root file systems of scheme \"" + std::string(scheme) +
                           "\" are not supported yet"};
  }
  const std::string_view name = root_fs.substr(colon + 1);
  if (!is_plain_name(name))
    return invalid("root file system \"" + std::string(root_fs) + "\" has no name");
  return std::string(name);
}

Result<std::map<std::string, std::string>> parse_preloaded(
    const std::vector<std::string>& entries) {
  std::map<std::string, std::string> preloaded;
  for (const std::string& entry : entries) {
    const size_t colon = entry.find(':');
    const std::string name = entry.substr(0, colon);
    if (colon == std::string::npos || !is_plain_name(name) || entry.substr(colon + 1, 1) != "/") {
      return invalid("preloaded_root_fs: not name:/path: \"" + entry + "\"");
    }
    preloaded[name] = entry.substr(colon + 1);
  }
  return preloaded;
}

Result<std::string> Images::find(std::string_view root_fs, std::string& name) const {
  Result<std::string> wanted = preloaded_name(root_fs);
  if (!wanted) return wanted;
  const auto found = options_.preloaded.find(*wanted);
  if (found == options_.preloaded.end()) {
    return Error{.fault = Fault::not_found,
                 .detail = "this cell has no root file system \"" + *wanted + "\""};
  }
  name = *wanted;
  return found->second;
}

Result<void> Images::check(std::string_view root_fs) const {
  std::string name;
  const Result<std::string> source = find(root_fs, name);
  if (!source) return source.error();
  return {};
}

Result<std::string> Images::prepare(const std::string& root_fs, bool is_shifted) const {
  std::string name;
  Result<std::string> source = find(root_fs, name);
  if (!source) return source;
  struct stat status {};
  if (::stat(source->c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{.fault = Fault::not_found,
                 .detail = "root file system \"" + name + "\": no folder " + *source};
  }
  if (!is_shifted) return source;
  return options_.can_mount_shifted ? mount(name, *source) : copy(name, *source);
}

Result<std::string> Images::mount(const std::string& name, const std::string& source) const {
  const std::string target = options_.run_folder + "/i/" + name;
  if (is_same_folder(source, target)) return target;
  runtime::unmount_below(target);  // containers that stand on an older one keep it
  if (Result<void> made = runtime::make_folder(target); !made) return made.error();
  if (Result<void> mounted = runtime::mount_shifted(source, target, options_.mapping); !mounted)
    return mounted.error();
  return target;
}

// The copy bears the inode of what it was made from, so that a new one is noticed.
Result<std::string> Images::copy(const std::string& name, const std::string& source) const {
  struct stat status {};
  if (::stat(source.c_str(), &status) != 0) return runtime::os_error(ENOENT, source);
  const std::string folder = options_.state_folder + "/images";
  const std::string target = folder + "/" + name + "." + std::to_string(status.st_ino);
  struct stat copied {};
  if (::stat(target.c_str(), &copied) == 0) return target;
  const std::string work = target + ".new";
  if (Result<void> made = runtime::make_folder(folder); !made) return made.error();
  if (Result<void> removed = runtime::remove_tree(work); !removed) return removed.error();
  if (Result<void> done = runtime::copy_shifted(source, work, options_.mapping); !done)
    return done.error();
  if (std::rename(work.c_str(), target.c_str()) != 0)
    return runtime::os_error(errno, "rename to " + target);
  return target;
}

void Images::tear_down() const { runtime::unmount_below(options_.run_folder + "/i"); }

}  // namespace causeway::image
