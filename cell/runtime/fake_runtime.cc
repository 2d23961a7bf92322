#include "cell/runtime/fake_runtime.h"

#include <csignal>
#include <utility>

#include "net/loop.h"

namespace causeway::runtime {

namespace {

Error not_running() {
  return Error{.fault = Fault::closed, .side = Side::backend, .detail = "container does not run"};
}

}  // namespace

FakeRuntime::Process* FakeRuntime::find(const std::string& handle, const std::string& process) {
  const auto container = containers.find(handle);
  if (container == containers.end()) return nullptr;
  const auto found = container->second.processes.find(process);
  return found == container->second.processes.end() ? nullptr : &found->second;
}

void FakeRuntime::create(ContainerSpec spec, Done done) {
  Result<void> outcome = std::exchange(next_create, {});
  if (outcome) {
    Container& made = containers[spec.handle];
    made.files = files_of_new;
    made.spec = std::move(spec);
  }
  loop_.defer([done = std::move(done), outcome] { done(outcome); });
}

void FakeRuntime::destroy(const std::string& handle, Done done) {
  destroyed.push_back(handle);
  if (const auto found = containers.find(handle); found != containers.end()) {
    for (auto& [id, process] : found->second.processes) {
      if (process.state.phase == ProcessState::Phase::exited) continue;
      process.state.phase = ProcessState::Phase::exited;
      loop_.defer([this, handle, id = id] {
        if (events_ != nullptr)
          events_->on_process_exit(handle, id, {.status = 137, .signal = SIGKILL});
      });
    }
  }
  const auto end = [this, handle, outcome = std::exchange(next_destroy, {}), done] {
    containers.erase(handle);
    done(outcome);
  };
  if (holds_destroys) return held_destroys_.push_back(end);
  loop_.defer(end);
}

void FakeRuntime::let_destroy() {
  holds_destroys = false;
  for (const std::function<void()>& end : std::exchange(held_destroys_, {})) end();
}

void FakeRuntime::start(const std::string& handle, const std::string& process, ProcessSpec spec,
                        std::function<void(Result<int>)> done) {
  Result<int> outcome = std::exchange(next_start, Result<int>(0));
  const auto container = containers.find(handle);
  if (container == containers.end()) outcome = not_running();
  if (outcome && container->second.processes.contains(process))
    outcome = Error{.fault = Fault::exists, .detail = process};
  if (outcome) {
    outcome = ++last_pid_;
    Process& added = container->second.processes[process];
    added.state = {
        .id = process, .phase = ProcessState::Phase::running, .pid = last_pid_, .exit = {}};
    added.spec = std::move(spec);
  }
  loop_.defer([this, handle, process, outcome, done = std::move(done)] {
    done(outcome);
    const Process* started = outcome ? find(handle, process) : nullptr;
    if (started == nullptr) return;
    if (const auto at_once = exits_at_once.find(started->spec.path);
        at_once != exits_at_once.end()) {
      exit_process(handle, process, {.status = at_once->second});
    }
  });
}

void FakeRuntime::signal(const std::string& handle, const std::string& process, int number) {
  Process* found = find(handle, process);
  if (found == nullptr || found->state.phase != ProcessState::Phase::running) return;
  found->signals.push_back(number);
  if (number == SIGTERM && ignores_term) return;
  loop_.defer([this, handle, process, number] {
    exit_process(handle, process, {.status = 128 + number, .signal = number});
  });
}

void FakeRuntime::exit_process(const std::string& handle, const std::string& process,
                               ProcessExit exit) {
  Process* found = find(handle, process);
  if (found == nullptr || found->state.phase != ProcessState::Phase::running) return;
  found->state.phase = ProcessState::Phase::exited;
  found->state.exit = exit;
  if (events_ != nullptr) events_->on_process_exit(handle, process, exit);
}

void FakeRuntime::end_container(const std::string& handle, const std::string& reason) {
  if (events_ != nullptr) events_->on_container_end(handle, reason);
}

void FakeRuntime::log(const std::string& handle, std::string_view record) {
  const auto found = containers.find(handle);
  if (found != containers.end() && found->second.is_followed)
    events_->on_log_record(handle, record);
}

void FakeRuntime::forget(const std::string& handle, const std::string& process) {
  const Process* found = find(handle, process);
  if (found != nullptr && found->state.phase == ProcessState::Phase::exited)
    containers[handle].processes.erase(process);
}

void FakeRuntime::follow_log(const std::string& handle, bool is_followed) {
  if (const auto found = containers.find(handle); found != containers.end())
    found->second.is_followed = is_followed;
}

std::vector<std::string> FakeRuntime::list() {
  std::vector<std::string> handles;
  for (const auto& [handle, container] : containers) handles.push_back(handle);
  return handles;
}

void FakeRuntime::adopt(const std::string& handle,
                        std::function<void(Result<std::vector<ProcessState>>)> done) {
  Result<std::vector<ProcessState>> outcome = not_running();
  if (const auto found = containers.find(handle); found != containers.end()) {
    std::vector<ProcessState> processes;
    for (const auto& [id, process] : found->second.processes) processes.push_back(process.state);
    outcome = std::move(processes);
  }
  loop_.defer([done = std::move(done), outcome] { done(outcome); });
}

Result<std::string> FakeRuntime::read_file(const std::string& handle, const std::string& path,
                                           size_t bytes_max) {
  const auto container = containers.find(handle);
  if (container == containers.end()) return not_running();
  const auto file = container->second.files.find(path);
  if (file == container->second.files.end())
    return Error{.fault = Fault::not_found, .detail = path};
  if (file->second.size() > bytes_max) return Error{.fault = Fault::limit, .detail = path};
  return file->second;
}

Result<Usage> FakeRuntime::usage(const std::string& handle) {
  const auto container = containers.find(handle);
  if (container == containers.end()) return not_running();
  return container->second.usage;
}

void FakeRuntime::measure_disk(const std::string& handle,
                               std::function<void(Result<int64_t>)> done) {
  const auto found = containers.find(handle);
  const Result<int64_t> bytes =
      found == containers.end() ? Result<int64_t>(not_running()) : found->second.disk_bytes;
  loop_.defer([done = std::move(done), bytes] { done(bytes); });
}

}  // namespace causeway::runtime
