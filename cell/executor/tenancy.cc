#include "cell/executor/tenancy.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cell/executor/environment.h"
#include "cell/network/allocator.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::executor {

namespace {

// Diego's, for actions that name none.
constexpr uint64_t nofile_default = 16'384;

}  // namespace

Tenancy::Tenancy(const TenancyGround& ground, Container container)
    : ground_(ground),
      container_(std::move(container)),
      context_{ground.loop, *this, ground.options.timing, {}} {}

Tenancy::~Tenancy() = default;

logs::LogKey Tenancy::log_key() const {
  const std::string& log_guid = record_request_.log_guid;
  return {log_guid.empty() ? container_.guid : log_guid, record_request_.log_index,
          container_.guid};
}

// --- from reserved to created --------------------------------------------------------------------

void Tenancy::run(RunRequest request) {
  CHECK(container_.state == State::reserved);
  for (const auto& [name, value] : request.tags) container_.tags[name] = value;
  record_request_ = std::move(request);
  context_.log_source = record_request_.log_source.empty() ? "CELL" : record_request_.log_source;
  container_.is_ready = record_request_.checks.readiness_checks_size() == 0;
  if (Result<std::string> folder = ground_.logs.open(log_key()); !folder) {
    ground_.logger.error("log-folder-failed", folder.error(), {{"guid", container_.guid}});
  }
  become(State::initializing);
  began_ = ground_.loop.now();
  say_cell("creating container for instance " + container_.guid);
  SiteRequest site{.handle = container_.guid,
                   .root_fs = record_request_.root_fs,
                   .ports = record_request_.ports,
                   .egress = record_request_.egress,
                   .is_privileged = record_request_.privileged};
  is_busy_ = true;
  ground_.sites.prepare(std::move(site),
                        [this](Result<Site> prepared) { on_site(std::move(prepared)); });
}

void Tenancy::on_site(Result<Site> site) {
  is_busy_ = false;
  if (site) site_ = std::move(*site);
  if (is_removing_) return continue_removal();
  if (is_stopping_)
    return complete({.failed = false, .reason = {}, .retryable = false, .stopped = true});
  if (site) return create();
  ground_.logger.error("container-setup-failed", site.error(), {{"guid", container_.guid}});
  fail_creation(site.error());
}

runtime::ContainerSpec Tenancy::container_spec(const std::string& log_folder) const {
  runtime::ContainerSpec spec;
  spec.handle = container_.guid;
  spec.root = site_->root;
  spec.hostname = container_.guid;
  spec.is_privileged = record_request_.privileged;
  spec.user_namespace = site_->user_namespace;
  spec.network_namespace = site_->network_namespace;
  spec.limits.memory_bytes = container_.resources.memory_mb << 20;
  spec.limits.pids = record_request_.max_pids;
  // A weight of 0 means that nobody chose one.
  const uint64_t weight = record_request_.cpu_weight == 0 ? 100 : record_request_.cpu_weight;
  spec.limits.cpu_shares = std::max<uint64_t>(2, ground_.options.cpu_shares_max * weight / 100);
  const std::string address = network::format_address(site_->attachment.address);
  spec.files = {{"/etc/hosts", hosts_file(spec.hostname, address)}};
  if (::access("/etc/resolv.conf", R_OK) == 0)
    spec.mounts = {{"/etc/resolv.conf", "/etc/resolv.conf", true}};
  spec.log_folder = log_folder;
  spec.log_bytes_per_second = record_request_.log_bytes_per_second;
  return spec;
}

void Tenancy::create() {
  // Saved before anything is made: a rep that is killed now leaves word of it.
  save();
  is_busy_ = true;
  is_made_ = true;
  const Result<std::string> log_folder = ground_.logs.open(log_key());
  if (!log_folder) {
    return ground_.later.call([this, error = log_folder.error()] { on_created(error); });
  }
  ground_.runtime.create(
      container_spec(*log_folder), [this, began = ground_.loop.now()](Result<void> created) {
        ground_.tally.creations.add(created.has_value(), ground_.loop.now() - began);
        on_created(created);
      });
}

void Tenancy::fail_creation(const Error& error) {
  on_setup_end(false);
  say_cell("failed to create container for instance " + container_.guid + ": " + error.detail,
           true);
  complete({.failed = true,
            .reason = "failed to create container: " + error.detail,
            .retryable = true,
            .stopped = false});
}

void Tenancy::on_setup_end(bool has_succeeded) {
  ground_.tally.setups.add(has_succeeded, ground_.loop.now() - began_);
}

void Tenancy::on_created(const Result<void>& created) {
  is_busy_ = false;
  if (is_removing_) return continue_removal();
  if (!created) {
    ground_.logger.error("container-creation-failed", created.error(), {{"guid", container_.guid}});
    return fail_creation(created.error());
  }
  say_cell("successfully created container for instance " + container_.guid);
  container_.net_info = net_info_of(ground_.options.address, site_->attachment);
  if (is_stopping_)
    return complete({.failed = false, .reason = {}, .retryable = false, .stopped = true});
  become(State::created);
  start_steps(false);
}

// --- processes
// ---------------------------------------------------------------------------------------

Result<runtime::ProcessSpec> Tenancy::process_spec(const models::RunAction& action) {
  auto user = users_.find(action.user());
  if (user == users_.end()) {
    Result<User> found = find_user_of(ground_.runtime, container_.guid, action.user());
    if (!found) return found.error();
    user = users_.emplace(action.user(), std::move(*found)).first;
  }
  runtime::ProcessSpec spec;
  spec.path = action.path();
  spec.args.assign(action.args().begin(), action.args().end());
  spec.env = process_environment(record_request_, action, user->second,
                                 network_environment(ground_.options.address, site_->attachment));
  spec.dir = action.dir().empty() ? user->second.home : action.dir();
  spec.uid = user->second.uid;
  spec.gid = user->second.gid;
  spec.groups = user->second.groups;
  spec.nofile =
      action.resource_limits().has_nofile() ? action.resource_limits().nofile() : nofile_default;
  spec.is_privileged = record_request_.privileged;
  spec.log_source = action.log_source().empty() ? context_.log_source : action.log_source();
  spec.is_mute = action.suppress_log_output();
  return spec;
}

void Tenancy::run(const std::string& process, const models::RunAction& action, OnStarted on_started,
                  OnExit on_exit) {
  if (const auto known = processes_.find(process); known != processes_.end()) {
    CHECK(known->second.is_adopted);
    known->second.on_exit = std::move(on_exit);
    on_started({});
    on_process_started(process);
    if (known->second.exit) known->second.on_exit(*known->second.exit);
    return;
  }
  Result<runtime::ProcessSpec> spec = process_spec(action);
  if (!spec) return on_started(spec.error());
  processes_[process].on_exit = std::move(on_exit);
  ground_.runtime.start(container_.guid, process, std::move(*spec),
                        [this, process, on_started = std::move(on_started)](Result<int> started) {
                          if (!processes_.contains(process)) return;  // its steps have been dropped
                          if (!started) {
                            processes_.erase(process);
                            return on_started(started.error());
                          }
                          on_started({});
                          on_process_started(process);
                        });
}

// Without checks, a long-running action runs as soon as its first process does.
void Tenancy::on_process_started(const std::string& process) {
  if (container_.state == State::created && !has_health_ && process.starts_with("action"))
    become(State::running);
}

void Tenancy::signal(const std::string& process, int number) {
  ground_.runtime.signal(container_.guid, process, number);
}

void Tenancy::forget(const std::string& process) {
  for (auto entry = processes_.begin(); entry != processes_.end();) {
    const bool is_below = entry->first == process || entry->first.starts_with(process + ".");
    if (is_below && entry->second.exit) {
      ground_.runtime.forget(container_.guid, entry->first);
      entry = processes_.erase(entry);
    } else {
      ++entry;
    }
  }
}

void Tenancy::say(const std::string& source, const std::string& text, bool is_error) {
  ground_.logs.say(log_key(), source, text, is_error);
}

void Tenancy::on_process_exit(const std::string& process, const runtime::ProcessExit& exit) {
  const auto found = processes_.find(process);
  if (found == processes_.end() || found->second.exit) return;
  found->second.exit = exit;
  // A copy: its step may forget the process.
  if (const OnExit on_exit = found->second.on_exit) on_exit(exit);
}

void Tenancy::on_container_end(const std::string& reason) {
  if (container_.state == State::completed || is_removing_ || is_busy_) return;
  ground_.logger.error("container-ended", {{"guid", container_.guid}, {"reason", reason}});
  drop_steps();  // they would wait for processes that nobody watches any more
  ++ground_.tally.completed;
  complete({.failed = !is_stopping_,
            .reason = "missing garden container: " + reason,
            .retryable = false,
            .stopped = is_stopping_});
}

// --- stopping and removing
// -----------------------------------------------------------------------------

void Tenancy::stop() {
  if (is_stopping_ || is_removing_ || container_.state == State::completed) return;
  is_stopping_ = true;
  if (container_.state == State::reserved) {
    return complete({.failed = false, .reason = {}, .retryable = false, .stopped = true});
  }
  say_cell("stopping instance " + container_.guid);
  if (are_steps_running_) steps_->cancel();
}

void Tenancy::expire() {
  if (container_.state != State::reserved || is_removing_) return;
  complete({.failed = true, .reason = "expired container", .retryable = false, .stopped = false});
}

void Tenancy::complete(RunResult result) {
  container_.result = std::move(result);
  become(State::completed);
}

void Tenancy::become(State state) {
  if (container_.state == state) return;
  CHECK(container_.state < state);
  container_.state = state;
  save();
  ground_.on_changed(container_.guid);
}

void Tenancy::save() {
  if (!site_) return;  // nothing of it is on the machine yet
  const Result<void> saved =
      save_record(ground_.options.records_folder, {container_, record_request_, *site_});
  if (!saved)
    ground_.logger.error("container-record-failed", saved.error(), {{"guid", container_.guid}});
}

void Tenancy::update(std::map<std::string, std::string> tags) {
  container_.tags = std::move(tags);
  save();
}

void Tenancy::say_cell(const std::string& text, bool is_error) const {
  ground_.logs.say(log_key(), context_.log_source, "Cell " + ground_.options.cell_id + " " + text,
                   is_error);
}

void Tenancy::remove(Done done) {
  on_removed_.push_back(std::move(done));
  if (std::exchange(is_removing_, true)) return;
  drop_steps();  // from here on nothing that happens in it matters
  if (!is_busy_) continue_removal();
}

void Tenancy::continue_removal() {
  if (is_made_) return destroy();
  release();
}

void Tenancy::destroy() {
  say_cell("destroying container for instance " + container_.guid);
  ground_.runtime.destroy(
      container_.guid, [this, began = ground_.loop.now()](Result<void> destroyed) {
        ground_.tally.destructions.add(destroyed.has_value(), ground_.loop.now() - began);
        if (destroyed) {
          say_cell("successfully destroyed container for instance " + container_.guid);
        } else {
          ground_.logger.error("container-destruction-failed", destroyed.error(),
                               {{"guid", container_.guid}});
          say_cell("failed to destroy container for instance " + container_.guid);
        }
        release();
      });
}

void Tenancy::release() {
  if (!site_) return ground_.later.call([this] { finish_removal({}); });
  ground_.sites.release(*site_, [this](Result<void> released) {
    if (!released)
      ground_.logger.error("site-release-failed", released.error(), {{"guid", container_.guid}});
    const Result<void> forgotten = remove_record(ground_.options.records_folder, container_.guid);
    finish_removal(released ? forgotten : released);
  });
}

void Tenancy::finish_removal(const Result<void>& outcome) {
  // The last of them ends this object.
  for (const Done& done : std::exchange(on_removed_, {})) done(outcome);
}

// --- after a restart of the rep
// ------------------------------------------------------------------------

void Tenancy::resume(const Record& record, const std::vector<runtime::ProcessState>& processes) {
  container_ = record.container;
  record_request_ = record.request;
  site_ = record.site;
  is_made_ = true;
  context_.log_source = record_request_.log_source.empty() ? "CELL" : record_request_.log_source;
  container_.net_info = net_info_of(ground_.options.address, site_->attachment);
  for (const runtime::ProcessState& process : processes) {
    Process& known = processes_[process.id];
    known.is_adopted = true;
    if (process.phase == runtime::ProcessState::Phase::exited) known.exit = process.exit;
  }
  start_steps(container_.state == State::running);
}

void Tenancy::resume_completed(const Record& record, const std::string& reason) {
  container_ = record.container;
  record_request_ = record.request;
  site_ = record.site;
  is_made_ = true;
  context_.log_source = record_request_.log_source.empty() ? "CELL" : record_request_.log_source;
  if (container_.state == State::completed) return;
  container_.result = {.failed = true, .reason = reason, .retryable = false, .stopped = false};
  container_.state = State::completed;
  save();
}

}  // namespace causeway::executor
