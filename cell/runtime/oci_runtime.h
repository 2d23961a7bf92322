#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cell/runtime/bundle.h"
#include "cell/runtime/later.h"
#include "cell/runtime/runtime.h"

namespace causeway::net {
class Loop;
}
namespace causeway::log {
class Logger;
}

namespace causeway::runtime {

class Worker;
class ShimLink;
struct ShimMessage;

struct OciOptions {
  std::string cell_id;
  std::string runtime = "runc";
  std::string shim_program;  // causeway-shim
  std::string
      run_folder;  // mounts, bundles, sockets; every user can pass through it; short-lived (/run)
  std::string state_folder;  // what containers write
  bool uses_user_namespaces = true;
  UserMapping mapping;
  bool can_limit_swap = true;
  Duration create_timeout = std::chrono::seconds(60);
  Duration destroy_timeout = std::chrono::seconds(20);
  Duration adopt_timeout = std::chrono::seconds(5);
};

// Containers by runc (or crun): each with a shim as parent of its processes, an overlay over the
// shared root file system, and limits by cgroups. Owner: main(), which stops the workers before it
// ends. Thread: its loop's; blocking steps run on the workers.
class OciRuntime final : public Runtime {
 public:
  // `setup` makes what containers need, `removal` takes it away: a large file tree must not delay a
  // start.
  OciRuntime(net::Loop& loop, const log::Logger& logger, Worker& setup, Worker& removal,
             OciOptions options);
  OciRuntime(const OciRuntime&) = delete;
  OciRuntime& operator=(const OciRuntime&) = delete;
  ~OciRuntime() override;

  void listen(Events& events) override { events_ = &events; }
  void create(ContainerSpec spec, Done done) override;
  void destroy(const std::string& handle, Done done) override;
  void start(const std::string& handle, const std::string& process, ProcessSpec spec,
             std::function<void(Result<int>)> done) override;
  void signal(const std::string& handle, const std::string& process, int number) override;
  void forget(const std::string& handle, const std::string& process) override;
  void follow_log(const std::string& handle, bool is_followed) override;
  std::vector<std::string> list() override;
  void adopt(const std::string& handle,
             std::function<void(Result<std::vector<ProcessState>>)> done) override;
  Result<std::string> read_file(const std::string& handle, const std::string& path,
                                size_t bytes_max) override;
  Result<Usage> usage(const std::string& handle) override;
  void measure_disk(const std::string& handle, std::function<void(Result<int64_t>)> done) override;

  // The folder of one container's bundle, sockets and root.
  std::string folder(const std::string& handle) const {
    return options_.run_folder + "/c/" + handle;
  }
  std::string cgroup(const std::string& handle) const;

 private:
  struct Container;

  Container* find(const std::string& handle);
  Result<void> prepare(const ContainerSpec& spec) const;  // on the worker
  void spawn_shim(Container& container, const ContainerSpec& spec);
  void on_shim_output(const std::string& handle, std::string_view bytes);
  void on_shim_exit(const std::string& handle);
  void finish_create(Container& container, Result<void> outcome);
  Result<void> connect(Container& container);
  void on_message(const std::string& handle, const ShimMessage& message);
  void on_greeted(Container& container, bool container_runs);
  void on_lost(const std::string& handle, std::string reason);
  void finish_start(Container& container, const std::string& process, Result<int> outcome);
  void drop_link(Container& container);

  void begin_destroy(Container& container);
  void destroy_by_force(Container& container, const std::string& reason);
  enum class Leftovers : uint8_t { files, all };
  void clean_up(Container& container, Leftovers leftovers);
  void remove_by_force(const std::string& handle) const;  // on the worker
  void finish_destroy(const std::string& handle, const Result<void>& outcome);

  net::Loop& loop_;
  const log::Logger& logger_;
  Worker& setup_;
  Worker& removal_;
  const OciOptions options_;
  const uint64_t nofile_max_;
  Events* events_ = nullptr;
  Later later_;
  std::map<std::string, std::unique_ptr<Container>, std::less<>> containers_;
};

}  // namespace causeway::runtime
