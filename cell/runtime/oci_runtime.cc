#include "cell/runtime/oci_runtime.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/check.h"
#include "cell/runtime/cgroups.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/program.h"
#include "cell/runtime/shim_link.h"
#include "cell/runtime/shim_protocol.h"
#include "cell/runtime/tree_bytes.h"
#include "cell/runtime/worker.h"
#include "log/logger.h"
#include "net/child.h"
#include "net/loop.h"
#include "net/timer.h"

namespace causeway::runtime {

namespace fs = std::filesystem;

namespace {

uint64_t hard_nofile() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return 1u << 20;
  return limit.rlim_max;
}

// The shim named in a container's folder, if that process is still it. 0: none.
pid_t shim_pid(const std::string& folder, const std::string& handle) {
  const Result<std::string> text = read_whole_file(folder + "/" + std::string(shim::pid_name), 32);
  pid_t pid = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc() ||
      pid <= 1)
    return 0;
  const Result<std::string> command =
      read_whole_file("/proc/" + std::to_string(pid) + "/cmdline", 65536);
  return command && command->find(handle) != std::string::npos ? pid : 0;
}

Error closed_error(std::string detail) {
  return Error{.fault = Fault::closed, .side = Side::backend, .detail = std::move(detail)};
}

}  // namespace

// What the rep knows of one container. Owner: OciRuntime::containers_.
struct OciRuntime::Container {
  Container(net::Loop& loop, std::string name) : handle(std::move(name)), deadline(loop) {}

  enum class Phase : uint8_t { creating, adopting, running, lost, destroying };
  const std::string handle;
  Phase phase = Phase::creating;
  net::Timer deadline;
  std::unique_ptr<net::Child> shim;  // started by us; null for an adopted one
  std::string shim_output;
  std::unique_ptr<ShimLink> link;
  Done on_created;
  std::function<void(Result<std::vector<ProcessState>>)> on_adopted;
  std::vector<ProcessState> greeting;
  std::map<std::string, std::function<void(Result<int>)>> starting;
  std::vector<Done> on_destroyed;
  bool is_cleaning_up = false;
};

OciRuntime::OciRuntime(net::Loop& loop, const log::Logger& logger, Worker& setup, Worker& removal,
                       OciOptions options)
    : loop_(loop),
      logger_(logger),
      setup_(setup),
      removal_(removal),
      options_(std::move(options)),
      nofile_max_(hard_nofile()),
      later_(loop) {}

OciRuntime::~OciRuntime() = default;

std::string OciRuntime::cgroup(const std::string& handle) const {
  return "/causeway/" + options_.cell_id + "/" + handle;
}

OciRuntime::Container* OciRuntime::find(const std::string& handle) {
  const auto found = containers_.find(handle);
  return found == containers_.end() ? nullptr : found->second.get();
}

// --- creating ----------------------------------------------------------------------------------

void OciRuntime::create(ContainerSpec spec, Done done) {
  CHECK(find(spec.handle) == nullptr);
  auto& container =
      containers_.emplace(spec.handle, std::make_unique<Container>(loop_, spec.handle))
          .first->second;
  container->on_created = std::move(done);
  struct Preparation {
    ContainerSpec spec;
    Result<void> outcome;
  };
  auto preparation = std::make_unique<Preparation>(Preparation{std::move(spec), {}});
  Preparation& shared = *preparation;
  setup_.run([this, &shared] { shared.outcome = prepare(shared.spec); },
             [this, keep = std::shared_ptr<const Preparation>(std::move(preparation))] {
               Container* made = find(keep->spec.handle);
               CHECK(made != nullptr);
               if (!keep->outcome) return finish_create(*made, keep->outcome);
               if (!made->on_destroyed.empty()) {
                 return finish_create(
                     *made, Error{.fault = Fault::cancelled, .detail = "destroyed meanwhile"});
               }
               spawn_shim(*made, keep->spec);
             });
}

Result<void> OciRuntime::prepare(const ContainerSpec& spec) const {
  const std::string run = folder(spec.handle);
  const std::string written = options_.state_folder + "/containers/" + spec.handle;
  const bool is_shifted = !spec.user_namespace.empty();
  const Overlay overlay{.lower = spec.root,
                        .upper = written + "/upper",
                        .work = written + "/work",
                        .target = run + "/rootfs"};
  for (const std::string& path : {run + "/proc", run + "/files", overlay.target, written}) {
    if (Result<void> made = make_folder(path); !made) return made;
  }
  for (const std::string& path : {overlay.upper, overlay.work}) {
    if (Result<void> made = make_folder(path, 0755); !made) return made;
    const uint32_t owner = is_shifted ? options_.mapping.first : 0;
    if (::chown(path.c_str(), owner, owner) != 0) return os_error(errno, "change owner of " + path);
  }
  for (size_t i = 0; i < spec.files.size(); ++i) {
    if (Result<void> put = write_file(run + "/files/" + std::to_string(i), spec.files[i].content);
        !put)
      return put;
  }
  if (Result<void> mounted = mount_overlay(overlay); !mounted) return mounted;
  const BundlePlace place{.root = overlay.target,
                          .files_folder = run + "/files",
                          .init_program = options_.shim_program,
                          .cgroup = cgroup(spec.handle),
                          .mapping = options_.mapping,
                          .can_limit_swap = options_.can_limit_swap};
  return write_file(run + "/config.json", bundle_config(spec, place));
}

void OciRuntime::spawn_shim(Container& container, const ContainerSpec& spec) {
  net::Child::Command command;
  command.argv = {options_.shim_program,
                  "--handle",
                  spec.handle,
                  "--folder",
                  folder(spec.handle),
                  "--log-folder",
                  spec.log_folder,
                  "--runtime",
                  options_.runtime,
                  "--runtime-root",
                  options_.run_folder + "/runc",
                  "--cgroup",
                  cgroup(spec.handle),
                  "--log-bytes-per-second",
                  std::to_string(spec.log_bytes_per_second)};
  command.new_session = true;
  net::Child::Events events;
  events.on_stdout = [this, handle = spec.handle](std::string_view bytes) {
    on_shim_output(handle, bytes);
  };
  events.on_exit = [this, handle = spec.handle](net::ChildExit) { on_shim_exit(handle); };
  Result<std::unique_ptr<net::Child>> shim = net::Child::spawn(loop_, command, std::move(events));
  if (!shim) return finish_create(container, shim.error());
  container.shim = std::move(*shim);
  container.deadline.once(options_.create_timeout, [this, &container] {
    container.shim->kill(SIGKILL);
    finish_create(container, Error{.fault = Fault::timeout,
                                   .detail = options_.runtime + " did not create the container"});
  });
}

void OciRuntime::on_shim_output(const std::string& handle, std::string_view bytes) {
  Container* container = find(handle);
  if (container == nullptr || container->phase != Container::Phase::creating ||
      !container->on_created)
    return;
  container->shim_output += bytes;
  const size_t end = container->shim_output.find('\n');
  if (end == std::string::npos) return;
  const std::string line = container->shim_output.substr(0, end);
  if (line.starts_with("started ")) return finish_create(*container, connect(*container));
  const std::string reason = line.starts_with("failed ") ? line.substr(7) : line;
  finish_create(*container,
                Error{.fault = Fault::internal, .side = Side::backend, .detail = reason});
}

void OciRuntime::on_shim_exit(const std::string& handle) {
  Container* container = find(handle);
  if (container == nullptr) return;
  loop_.bury(std::exchange(container->shim, nullptr));
  if (container->phase == Container::Phase::creating && container->on_created) {
    finish_create(*container, closed_error("shim ended before the container was there"));
  }
}

// A container that could not be made leaves nothing behind.
void OciRuntime::finish_create(Container& container, Result<void> outcome) {
  CHECK(container.on_created != nullptr);
  container.deadline.disarm();
  const Done done = std::exchange(container.on_created, nullptr);
  if (outcome) {
    container.phase = Container::Phase::running;
    done(std::move(outcome));
    if (!container.on_destroyed.empty()) begin_destroy(container);
    return;
  }
  container.on_destroyed.insert(container.on_destroyed.begin(),
                                [done, outcome](const Result<void>&) { done(outcome); });
  destroy_by_force(container, to_string(outcome.error()));
}

// --- the shim ----------------------------------------------------------------------------------

Result<void> OciRuntime::connect(Container& container) {
  const std::string& handle = container.handle;
  Result<std::unique_ptr<ShimLink>> link = ShimLink::connect(
      loop_, folder(handle),
      {.on_message = [this, handle](const ShimMessage& message) { on_message(handle, message); },
       .on_lost = [this, handle](std::string reason) { on_lost(handle, std::move(reason)); }});
  if (!link) return link.error();
  container.link = std::move(*link);
  return {};
}

void OciRuntime::drop_link(Container& container) {
  if (!container.link) return;
  container.link->end();
  loop_.bury(std::move(container.link));
}

void OciRuntime::on_message(const std::string& handle, const ShimMessage& message) {
  Container* container = find(handle);
  CHECK(container != nullptr && container->link != nullptr);
  using Kind = ShimMessage::Kind;
  switch (message.kind) {
    case Kind::process:
      return container->greeting.push_back(message.process);
    case Kind::greeted:
      return on_greeted(*container, message.container_runs);
    case Kind::started:
      return finish_start(*container, message.process.id, message.process.pid);
    case Kind::failed:
      return finish_start(*container, message.process.id,
                          Error{.fault = Fault::internal,
                                .side = Side::backend,
                                .detail = std::string(message.text)});
    case Kind::exited:
      return events_->on_process_exit(handle, message.process.id, message.process.exit);
    case Kind::ended:
      if (container->phase != Container::Phase::running) return;
      return events_->on_container_end(
          handle, "its first process ended with status " + std::to_string(message.exit.status) +
                      (message.exit.out_of_memory ? " (out of memory)" : ""));
    case Kind::log:
      return events_->on_log_record(handle, message.text);
    case Kind::destroyed:
      drop_link(*container);
      if (container->phase == Container::Phase::destroying)
        return clean_up(*container, Leftovers::files);
      container->phase = Container::Phase::lost;
      return events_->on_container_end(handle, "it was destroyed by somebody else");
    case Kind::undestroyed:
      return destroy_by_force(*container, std::string(message.text));
  }
}

void OciRuntime::on_greeted(Container& container, bool container_runs) {
  std::vector<ProcessState> processes = std::exchange(container.greeting, {});
  if (container.phase != Container::Phase::adopting) return;
  container.deadline.disarm();
  const auto done = std::exchange(container.on_adopted, nullptr);
  if (!container_runs) {
    container.phase = Container::Phase::lost;
    return done(closed_error("its first process has ended"));
  }
  container.phase = Container::Phase::running;
  done(std::move(processes));
}

void OciRuntime::on_lost(const std::string& handle, std::string reason) {
  Container* container = find(handle);
  CHECK(container != nullptr);
  drop_link(*container);
  const Error error = closed_error("shim: " + reason);
  const Container::Phase phase = container->phase;
  if (phase == Container::Phase::destroying) return destroy_by_force(*container, error.detail);
  container->phase = Container::Phase::lost;
  container->deadline.disarm();
  if (container->on_adopted) return std::exchange(container->on_adopted, nullptr)(error);
  for (auto& [process, done] : std::exchange(container->starting, {})) done(error);
  if (phase == Container::Phase::running) events_->on_container_end(handle, error.detail);
}

// --- processes ---------------------------------------------------------------------------------

void OciRuntime::start(const std::string& handle, const std::string& process, ProcessSpec spec,
                       std::function<void(Result<int>)> done) {
  Container* container = find(handle);
  std::optional<Error> problem;
  if (container == nullptr || container->phase != Container::Phase::running || !container->link) {
    problem = closed_error("container does not run");
  } else if (container->starting.contains(process)) {
    problem = Error{.fault = Fault::exists, .detail = "process " + process + " is being started"};
  } else if (Result<void> written = write_file(folder(handle) + "/proc/" + process + ".json",
                                               process_config(spec, nofile_max_), 0640);
             !written) {
    problem = written.error();
  }
  if (problem) return later_.call([done = std::move(done), problem = *problem] { done(problem); });
  container->starting.emplace(process, std::move(done));
  container->link->send("start " + process + (spec.is_mute ? " mute " : " log ") + spec.log_source);
}

void OciRuntime::finish_start(Container& container, const std::string& process,
                              Result<int> outcome) {
  const auto found = container.starting.find(process);
  if (found == container.starting.end()) return;
  const auto done = std::move(found->second);
  container.starting.erase(found);
  done(std::move(outcome));
}

void OciRuntime::signal(const std::string& handle, const std::string& process, int number) {
  const Container* container = find(handle);
  if (container == nullptr || !container->link) return;
  container->link->send("signal " + process + ' ' + std::to_string(number));
}

void OciRuntime::forget(const std::string& handle, const std::string& process) {
  const Container* container = find(handle);
  if (container == nullptr || !container->link) return;
  ::unlink((folder(handle) + "/proc/" + process + ".json").c_str());
  container->link->send("forget " + process);
}

void OciRuntime::follow_log(const std::string& handle, bool is_followed) {
  const Container* container = find(handle);
  if (container != nullptr && container->link)
    container->link->send(is_followed ? "follow on" : "follow off");
}

// --- destroying --------------------------------------------------------------------------------

void OciRuntime::destroy(const std::string& handle, Done done) {
  Container* container = find(handle);
  if (container == nullptr) {  // of an earlier rep, or nothing at all
    container =
        containers_.emplace(handle, std::make_unique<Container>(loop_, handle)).first->second.get();
    container->phase = Container::Phase::lost;
  }
  container->on_destroyed.push_back(std::move(done));
  if (container->phase == Container::Phase::creating ||
      container->phase == Container::Phase::destroying)
    return;
  begin_destroy(*container);
}

void OciRuntime::begin_destroy(Container& container) {
  if (!container.link) return destroy_by_force(container, "");
  container.phase = Container::Phase::destroying;
  container.link->send("destroy");
  container.deadline.once(options_.destroy_timeout, [this, &container] {
    destroy_by_force(container, "the shim did not answer");
  });
}

// Without the shim's help: it is dead, hangs, or never was.
void OciRuntime::destroy_by_force(Container& container, const std::string& reason) {
  if (!reason.empty()) {
    logger_.info("destroying-by-force", {{"handle", container.handle}, {"reason", reason}});
  }
  container.phase = Container::Phase::destroying;
  container.deadline.disarm();
  drop_link(container);
  if (const pid_t pid = shim_pid(folder(container.handle), container.handle); pid > 1)
    ::kill(pid, SIGKILL);
  clean_up(container, Leftovers::all);
}

// Processes first: runc waits ten seconds for an init that nobody collects.
void OciRuntime::remove_by_force(const std::string& handle) const {
  remove_cgroup(cgroup(handle));
  const std::string root = options_.run_folder + "/runc";
  (void)run_program({options_.runtime, "--root", root, "delete", "--force", handle}, {},
                    std::chrono::seconds(5));
  (void)remove_tree(root + "/" + handle);
}

void OciRuntime::clean_up(Container& container, Leftovers leftovers) {
  if (std::exchange(container.is_cleaning_up, true)) return;
  container.deadline.disarm();
  for (auto& [process, done] : std::exchange(container.starting, {}))
    done(closed_error("container is destroyed"));
  auto outcome = std::make_unique<Result<void>>();
  Result<void>& shared = *outcome;
  const std::string& handle = container.handle;
  removal_.run(
      [this, &shared, handle, leftovers] {
        if (leftovers == Leftovers::all) remove_by_force(handle);
        unmount_below(folder(handle));
        const std::string written = options_.state_folder + "/containers/" + handle;
        for (const std::string& path : {folder(handle), written + "/upper", written + "/work"}) {
          if (Result<void> removed = remove_tree(path); !removed) shared = std::move(removed);
        }
        ::rmdir(written.c_str());  // stays while there is a record of the container in it
      },
      [this, handle, keep = std::shared_ptr<const Result<void>>(std::move(outcome))] {
        finish_destroy(handle, *keep);
      });
}

void OciRuntime::finish_destroy(const std::string& handle, const Result<void>& outcome) {
  const auto found = containers_.find(handle);
  CHECK(found != containers_.end());
  std::unique_ptr<Container> container = std::move(found->second);
  containers_.erase(found);
  for (const Done& done : container->on_destroyed) done(outcome);
}

// --- what an earlier rep left --------------------------------------------------------------------

std::vector<std::string> OciRuntime::list() {
  std::vector<std::string> handles;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.run_folder + "/c", error)) {
    handles.push_back(entry.path().filename().string());
  }
  return handles;
}

void OciRuntime::adopt(const std::string& handle,
                       std::function<void(Result<std::vector<ProcessState>>)> done) {
  CHECK(find(handle) == nullptr);
  Container& container =
      *containers_.emplace(handle, std::make_unique<Container>(loop_, handle)).first->second;
  container.phase = Container::Phase::adopting;
  if (Result<void> connected = connect(container); !connected) {
    container.phase = Container::Phase::lost;
    return later_.call([done = std::move(done), error = connected.error()] { done(error); });
  }
  container.on_adopted = std::move(done);
  container.deadline.once(options_.adopt_timeout,
                          [this, handle] { on_lost(handle, "it does not greet"); });
}

Result<std::string> OciRuntime::read_file(const std::string& handle, const std::string& path,
                                          size_t bytes_max) {
  return read_file_in_root(folder(handle) + "/rootfs", path, bytes_max);
}

Result<Usage> OciRuntime::usage(const std::string& handle) { return cgroup_usage(cgroup(handle)); }

void OciRuntime::measure_disk(const std::string& handle,
                              std::function<void(Result<int64_t>)> done) {
  struct Measurement {
    std::string path;
    Result<int64_t> bytes = 0;
  };
  auto measurement = std::make_unique<Measurement>(
      Measurement{.path = options_.state_folder + "/containers/" + handle + "/upper", .bytes = 0});
  Measurement& shared = *measurement;
  removal_.run([&shared] { shared.bytes = tree_bytes(shared.path); },
               [done = std::move(done), keep = std::shared_ptr<const Measurement>(
                                            std::move(measurement))] { done(keep->bytes); });
}

}  // namespace causeway::runtime
