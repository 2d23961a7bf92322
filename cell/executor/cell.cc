#include "cell/executor/cell.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>

#include "cell/executor/cell_executor.h"
#include "cell/executor/cell_sites.h"
#include "cell/image/images.h"
#include "cell/logs/log_store.h"
#include "cell/network/network.h"
#include "cell/runtime/cgroups.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/oci_runtime.h"
#include "cell/runtime/probe.h"
#include "cell/runtime/reroot.h"
#include "cell/runtime/worker.h"
#include "log/logger.h"

namespace causeway::executor {

namespace fs = std::filesystem;

namespace {

// Set by enter_true_root(), which comes before all else in main().
std::unique_ptr<runtime::TrueRoot>& true_root() {
  static std::unique_ptr<runtime::TrueRoot> root;
  return root;
}

Resources machine_resources(const CellOptions& options) {
  Resources total{options.memory_mb, options.disk_mb, options.containers_max};
  if (total.memory_mb == 0) {
    total.memory_mb =
        (static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE)) >> 20;
  }
  struct statvfs disk {};
  if (total.disk_mb == 0 && ::statvfs(options.state_dir.c_str(), &disk) == 0) {
    total.disk_mb = static_cast<int64_t>((disk.f_bavail * disk.f_frsize) >> 20);
  }
  return total;
}

// The folder of our own binary, asked for once: after enter_true_root() the kernel names it by the
// path it had outside.
const std::string& own_folder() {
  static const std::string folder = [] {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error).parent_path().string();
  }();
  return folder;
}

// One rep at a time in one state folder: the lock goes with the process.
Result<runtime::Descriptor> lock(const std::string& state_dir) {
  const std::string path = state_dir + "/lock";
  runtime::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) return runtime::os_error(errno, "open " + path);
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    return Error{.fault = Fault::exists, .detail = "another rep runs in " + state_dir};
  }
  return file;
}

// See Cell.
class RealCell final : public Cell {
 public:
  RealCell(net::Loop& loop, const log::Logger& logger, const Clock& clock, CellOptions options,
           runtime::Machine machine, std::unique_ptr<network::Network> network,
           std::map<std::string, std::string> preloaded, runtime::Descriptor lock,
           const std::string& run_folder)
      : logger_(logger),
        options_(std::move(options)),
        lock_(std::move(lock)),
        run_folder_(run_folder),
        cell_mark_(options_.cell_id + "-" + network->mark()),
        network_(std::move(network)),
        images_({.preloaded = std::move(preloaded),
                 .run_folder = run_folder,
                 .state_folder = options_.state_dir,
                 .mapping = {},
                 .can_mount_shifted = machine.has_shifted_mounts}),
        setup_(loop),
        removal_(loop),
        logs_(clock, {.folder = options_.state_dir + "/logs"}),
        runtime_(loop, logger, setup_, removal_, runtime_options(machine)),
        sites_(setup_, *network_, images_,
               {.run_folder = run_folder,
                .uses_user_namespaces = machine.has_user_namespaces,
                .mapping = {}}),
        executor_(loop, logger, clock, runtime_, sites_, logs_, executor_options()) {}
  ~RealCell() override {
    setup_.stop();
    removal_.stop();
  }

  Executor& executor() override { return executor_; }
  logs::LogStore& logs() override { return logs_; }

  void start(Done done) override {
    std::vector<Record> records;
    std::vector<network::Attachment> adopted;
    for (const std::string& guid : recorded_guids(records_folder())) {
      Result<Record> record = load(guid);
      if (!record) {
        logger_.error("container-record-unreadable", record.error(), {{"guid", guid}});
        (void)remove_record(records_folder(), guid);
        continue;
      }
      adopted.push_back(record->site.attachment);
      records.push_back(std::move(*record));
    }
    // Blocks some tens of milliseconds, before anything is served.
    if (Result<void> up = network_->set_up(adopted); !up) return done(up);
    std::set<std::string> kept;
    for (const Record& record : records) kept.insert(record.container.guid);
    // Containers first, then what they stood on.
    executor_.restore(records, [this, kept = std::move(kept), done = std::move(done)] {
      sites_.release_all_but(kept, [this, done](const std::vector<std::string>& released) {
        for (const std::string& handle : released)
          logger_.info("site-without-record-removed", {{"handle", handle}});
        done({});
      });
    });
  }

  void shut_down(std::function<void()> done) override {
    executor_.shut_down(
        [this, done = std::move(done)] { setup_.run([this] { tear_down(); }, done); });
  }

 private:
  std::string records_folder() const { return options_.state_dir + "/containers"; }

  runtime::OciOptions runtime_options(const runtime::Machine& machine) const {
    runtime::OciOptions result;
    result.cell_id = cell_mark_;
    result.runtime = machine.runtime;
    result.shim_program = options_.shim_program;
    result.run_folder = run_folder_;
    result.state_folder = options_.state_dir;
    result.uses_user_namespaces = machine.has_user_namespaces;
    result.can_limit_swap = machine.can_limit_swap;
    return result;
  }

  CellExecutor::Options executor_options() const {
    CellExecutor::Options result;
    result.total = machine_resources(options_);
    result.reserved_expiration_time = options_.reserved_expiration_time;
    result.tenancy.cell_id = options_.cell_id;
    result.tenancy.address = options_.address;
    result.tenancy.records_folder = records_folder();
    result.tenancy.cpu_shares_max = options_.cpu_shares_max;
    result.tenancy.timing.graceful_shutdown = options_.graceful_shutdown_interval;
    result.tenancy.healthy_interval = options_.healthy_monitoring_interval;
    result.tenancy.unhealthy_interval = options_.unhealthy_monitoring_interval;
    result.check = check_options();
    return result;
  }

  RuntimeCheck::Options check_options() const {
    RuntimeCheck::Options result = options_.check;
    if (!options_.preloaded_root_fs.empty()) {
      const std::string& first = options_.preloaded_root_fs.front();
      result.root_fs = "preloaded:" + first.substr(0, first.find(':'));
    }
    result.log_folder = run_folder_ + "/healthcheck-log";
    return result;
  }

  // With what the network has to know again: its address and ports are claimed, its egress is read
  // from the request.
  Result<Record> load(const std::string& guid) {
    Result<Record> record = load_record(records_folder(), guid);
    if (!record) return record;
    network::Attachment& attachment = record->site.attachment;
    for (const models::SecurityGroupRule& rule : record->request.egress) {
      const Result<std::vector<network::Egress>> egress = network::egress_of(rule);
      if (!egress) return egress.error();
      attachment.egress.insert(attachment.egress.end(), egress->begin(), egress->end());
    }
    if (Result<void> claimed = network_->adopt(attachment); !claimed) {
      logger_.error("attachment-not-adopted", claimed.error(), {{"guid", guid}});
    }
    return record;
  }

  void tear_down() {
    if (Result<void> down = network_->tear_down(); !down)
      logger_.error("network-tear-down-failed", down.error());
    images_.tear_down();
    runtime::unmount_below(run_folder_);
    (void)runtime::remove_tree(run_folder_);
    ::rmdir(fs::path(run_folder_).parent_path().c_str());
    runtime::remove_cgroup("/causeway/" + cell_mark_);
    runtime::remove_empty_cgroup("/causeway");
    if (true_root()) true_root()->unpin();
  }

  const log::Logger& logger_;
  const CellOptions options_;
  const runtime::Descriptor lock_;
  const std::string run_folder_;
  const std::string cell_mark_;  // what is ours on this machine is named so
  const std::unique_ptr<network::Network> network_;
  const image::Images images_;
  runtime::Worker setup_, removal_;
  logs::LogStore logs_;
  runtime::OciRuntime runtime_;
  CellSites sites_;
  CellExecutor executor_;
};

Result<runtime::Machine> probe_machine(const CellOptions& options, const std::string& mark,
                                       const std::string& run_folder) {
  runtime::ProbeOptions probe;
  probe.cell_id = options.cell_id + "-" + mark;
  probe.shim_program = options.shim_program;
  probe.run_folder = run_folder;
  probe.state_folder = options.state_dir;
  if (options.runtime != "auto") probe.runtimes = {options.runtime};
  if (::access(options.shim_program.c_str(), X_OK) != 0) {
    return Error{.fault = Fault::not_found, .detail = "no program " + options.shim_program};
  }
  return runtime::probe(probe);
}

}  // namespace

Result<std::unique_ptr<Cell>> Cell::open(net::Loop& loop, const log::Logger& logger,
                                         const Clock& clock, CellOptions options) {
  std::error_code error;
  options.state_dir = fs::absolute(options.state_dir, error).lexically_normal().string();
  while (options.state_dir.size() > 1 && options.state_dir.back() == '/')
    options.state_dir.pop_back();
  if (options.shim_program.empty()) options.shim_program = own_folder() + "/causeway-shim";
  if (options.cell_id.empty() ||
      options.cell_id.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
          std::string::npos) {
    return Error{.fault = Fault::invalid,
                 .detail = "cell_id: letters, digits, dots, dashes and underscores only: \"" +
                           options.cell_id + "\""};
  }
  auto preloaded = image::parse_preloaded(options.preloaded_root_fs);
  if (!preloaded) return preloaded.error();
  if (Result<void> made = runtime::make_folder(options.state_dir, 0755); !made) return made.error();
  Result<runtime::Descriptor> locked = lock(options.state_dir);
  if (!locked) return locked.error();

  network::Options wanted;
  wanted.seed = options.cell_id + " " + options.state_dir;
  wanted.subnet = options.network_subnet;
  wanted.host_port_first = options.host_port_first;
  wanted.host_port_last = options.host_port_last;
  Result<std::unique_ptr<network::Network>> network = network::Network::make(wanted);
  if (!network) return network.error();
  const std::string mark = (*network)->mark();
  const std::string run_folder = "/run/causeway/" + options.cell_id + "-" + mark;
  if (Result<void> made = runtime::make_folder(run_folder); !made) return made.error();
  Result<runtime::Machine> machine = probe_machine(options, mark, run_folder);
  if (!machine) return machine.error();
  for (const std::string& remark : machine->remarks) logger.warn("machine", {{"remark", remark}});
  logger.info("machine", {{"runtime", machine->runtime},
                          {"user_namespaces", machine->has_user_namespaces},
                          {"shifted_mounts", machine->has_shifted_mounts}});
  return std::unique_ptr<Cell>(std::make_unique<RealCell>(
      loop, logger, clock, std::move(options), std::move(*machine), std::move(*network),
      std::move(*preloaded), std::move(*locked), run_folder));
}

Result<void> enter_true_root(const std::string& state_dir) {
  (void)own_folder();
  if (Result<void> made = runtime::make_folder(state_dir, 0755); !made) return made;
  Result<std::unique_ptr<runtime::TrueRoot>> root = runtime::TrueRoot::enter(state_dir + "/mounts");
  if (!root) return root.error();
  true_root() = std::move(*root);
  return {};
}

}  // namespace causeway::executor
