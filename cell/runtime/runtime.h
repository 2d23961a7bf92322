#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace causeway::runtime {

struct Limits {
  int64_t memory_bytes = 0;  // 0: none, as for the others
  int64_t pids = 0;
  uint64_t cpu_shares = 0;
};

// A file or folder of the machine, seen inside the container.
struct Mount {
  std::string source;
  std::string destination;
  bool is_read_only = true;
};

// A small file that only this container has (/etc/hosts), read-only in it.
struct ContainerFile {
  std::string path;
  std::string content;
};

struct ContainerSpec {
  std::string handle;  // [A-Za-z0-9_-], unique on this cell
  std::string root;    // folder of the root file system; never written to
  std::string hostname;
  bool is_privileged = false;  // the machine's root, all capabilities
  std::string
      user_namespace;  // file; empty: the machine's users (privileged, or user namespaces are off)
  std::string network_namespace;  // file
  Limits limits;
  std::vector<Mount> mounts;
  std::vector<ContainerFile> files;
  std::string log_folder;  // exists
  int64_t log_bytes_per_second = -1;
};

struct ProcessSpec {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;  // K=V
  std::string dir;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  uint64_t nofile = 0;  // 0: as the rep's; never above the rep's own hard limit
  bool is_privileged = false;
  std::string log_source;
  bool is_mute = false;  // its output goes nowhere
};

struct ProcessExit {
  int status = 0;  // 128 + signal when a signal ended it
  int signal = 0;
  bool out_of_memory = false;
};

struct ProcessState {
  enum class Phase : uint8_t { starting, running, exited };
  std::string id;
  Phase phase = Phase::starting;
  int pid = 0;
  ProcessExit exit;  // when exited
};

// What the kernel counts for a container.
struct Usage {
  int64_t memory_bytes = 0;
  int64_t cpu_ns = 0;
};

// Port to whatever runs containers: OciRuntime, or FakeRuntime in tests. A container lives until
// destroy(), whether or not the rep that made it does. All calls return at once and call back
// exactly once, later, never from inside, unless the runtime is destroyed first. Owner: main().
// Thread: its loop's.
class Runtime {
 public:
  using Done = std::function<void(Result<void>)>;

  class Events {
   public:
    virtual void on_process_exit(const std::string& handle, const std::string& process,
                                 const ProcessExit& exit) = 0;
    // The container ended without being told to: its first process is gone, or the shim is. It
    // still has to be destroyed.
    virtual void on_container_end(const std::string& handle, const std::string& reason) = 0;
    // While followed: one record, as cell/runtime/shim_protocol.h describes.
    virtual void on_log_record(const std::string& handle, std::string_view record) = 0;

   protected:
    ~Events() = default;
  };

  virtual ~Runtime() = default;
  virtual void listen(Events& events) = 0;

  virtual void create(ContainerSpec spec, Done done) = 0;
  // Ends all its processes and removes every trace of it, also of one that was never finished or
  // whose shim is gone. Fault::not_found does not occur: the absent is destroyed.
  virtual void destroy(const std::string& handle, Done done) = 0;

  // `process`: [A-Za-z0-9._-], unique within the container until forgotten. Answers the pid.
  virtual void start(const std::string& handle, const std::string& process, ProcessSpec spec,
                     std::function<void(Result<int>)> done) = 0;
  // No effect on one that has ended.
  virtual void signal(const std::string& handle, const std::string& process, int number) = 0;
  // Drops what is remembered of a process that has ended.
  virtual void forget(const std::string& handle, const std::string& process) = 0;
  virtual void follow_log(const std::string& handle, bool is_followed) = 0;

  // Containers that an earlier rep left, by handle.
  virtual std::vector<std::string> list() = 0;
  // Takes one of them over. A failure means that it is broken: destroy it.
  virtual void adopt(const std::string& handle,
                     std::function<void(Result<std::vector<ProcessState>>)> done) = 0;

  // A file as the container sees it. Fault::limit when it is longer than `bytes_max`.
  virtual Result<std::string> read_file(const std::string& handle, const std::string& path,
                                        size_t bytes_max) = 0;
  virtual Result<Usage> usage(const std::string& handle) = 0;
  // Bytes on disk of what its processes have written to its root file system. Fault::limit for more
  // files than anybody should count.
  virtual void measure_disk(const std::string& handle,
                            std::function<void(Result<int64_t>)> done) = 0;
};

}  // namespace causeway::runtime
