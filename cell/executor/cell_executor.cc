#include "cell/executor/cell_executor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::executor {

CellExecutor::CellExecutor(net::Loop& loop, const log::Logger& logger, const Clock& clock,
                           runtime::Runtime& runtime, Sites& sites, logs::LogStore& logs,
                           Options options)
    : loop_(loop),
      logger_(logger),
      clock_(clock),
      runtime_(runtime),
      sites_(sites),
      options_(std::move(options)),
      later_(loop),
      ground_{loop,
              later_,
              logger,
              runtime,
              sites,
              logs,
              options_.tenancy,
              tally_,
              [this](const std::string& guid) { tell(guid); }},
      check_(loop, logger, runtime, sites, tally_, options_.check),
      expiry_(loop) {
  runtime_.listen(*this);
  logs.on_followers_changed([this](const std::string& process_guid) { follow_logs(process_guid); });
  const Duration beat =
      std::max<Duration>(options_.reserved_expiration_time / 4, std::chrono::milliseconds(10));
  expiry_.every(beat, [this] { expire_reserved(); });
}

CellExecutor::~CellExecutor() { ground_.logs.on_followers_changed(nullptr); }

// --- capacity
// --------------------------------------------------------------------------------------

Resources CellExecutor::remaining() const {
  Resources left = options_.total;
  for (const auto& [guid, tenancy] : tenancies_) {
    const Resources& taken = tenancy->container().resources;
    left.memory_mb -= taken.memory_mb;
    left.disk_mb -= taken.disk_mb;
    left.containers -= taken.containers;
  }
  return left;
}

int64_t CellExecutor::starting() const {
  return std::count_if(tenancies_.begin(), tenancies_.end(), [](const auto& entry) {
    return entry.second->container().state < State::running;
  });
}

Result<void> CellExecutor::allocate(Allocation allocation) {
  if (is_shutting_down_)
    return Error{.fault = Fault::unavailable, .detail = "the cell is shutting down"};
  if (tenancies_.contains(allocation.guid)) {
    return Error{.fault = Fault::exists,
                 .detail = "container " + allocation.guid + " exists already"};
  }
  allocation.resources.containers = std::max<int64_t>(1, allocation.resources.containers);
  const Resources left = remaining();
  const Resources& wanted = allocation.resources;
  if (wanted.memory_mb > left.memory_mb || wanted.disk_mb > left.disk_mb ||
      wanted.containers > left.containers) {
    return Error{.fault = Fault::limit, .detail = "insufficient resources"};
  }
  Container container;
  container.guid = std::move(allocation.guid);
  container.resources = allocation.resources;
  container.tags = std::move(allocation.tags);
  container.allocated_at = clock_.now();
  tell(add(std::move(container)).container().guid);
  return {};
}

Tenancy& CellExecutor::add(Container container) {
  const std::string guid = container.guid;
  return *tenancies_.emplace(guid, std::make_unique<Tenancy>(ground_, std::move(container)))
              .first->second;
}

Tenancy* CellExecutor::tenancy(const std::string& guid) const {
  const auto found = tenancies_.find(guid);
  return found == tenancies_.end() ? nullptr : found->second.get();
}

void CellExecutor::tell(const std::string& guid) {
  later_.call([this, guid] {
    const Tenancy* told = tenancy(guid);
    if (told == nullptr) return;
    const Container container = told->container();  // the listener may remove it
    if (events_ != nullptr) events_->on_container(container);
    if (is_shutting_down_) remove_when_completed();
  });
}

void CellExecutor::expire_reserved() {
  const Instant oldest = clock_.now() - options_.reserved_expiration_time;
  for (const auto& [guid, tenancy] : tenancies_) {
    const Container& container = tenancy->container();
    if (container.state == State::reserved && container.allocated_at < oldest) tenancy->expire();
  }
}

// --- lives
// -------------------------------------------------------------------------------------------

namespace {

Error unknown_container(const std::string& guid) {
  return Error{.fault = Fault::not_found, .detail = "there is no container " + guid};
}

}  // namespace

Result<void> CellExecutor::run(RunRequest request) {
  Tenancy* found = tenancy(request.guid);
  if (found == nullptr) return unknown_container(request.guid);
  if (found->container().state != State::reserved) {
    return Error{.fault = Fault::conflict,
                 .detail = "container " + request.guid + " is " +
                           std::string(state_name(found->container().state))};
  }
  const std::string guid = request.guid;
  found->run(std::move(request));
  if (ground_.logs.is_followed(found->log_key())) runtime_.follow_log(guid, true);
  return {};
}

Result<void> CellExecutor::stop(const std::string& guid) {
  Tenancy* found = tenancy(guid);
  if (found == nullptr) return unknown_container(guid);
  found->stop();
  return {};
}

void CellExecutor::remove(const std::string& guid, Done done) {
  Tenancy* found = tenancy(guid);
  if (found == nullptr) return later_.call([done = std::move(done)] { done({}); });
  found->remove([this, guid, done = std::move(done)](Result<void> removed) {
    if (const auto entry = tenancies_.find(guid); entry != tenancies_.end()) {
      loop_.bury(std::move(entry->second));
      tenancies_.erase(entry);
    }
    done(std::move(removed));
    if (is_shutting_down_) remove_when_completed();
  });
}

Result<void> CellExecutor::update(const std::string& guid,
                                  std::map<std::string, std::string> tags) {
  Tenancy* found = tenancy(guid);
  if (found == nullptr) return unknown_container(guid);
  found->update(std::move(tags));
  return {};
}

void CellExecutor::say(const std::string& guid, const std::string& text) {
  if (const Tenancy* found = tenancy(guid); found != nullptr) found->say_cell(text);
}

std::vector<Container> CellExecutor::list() const {
  std::vector<Container> all;
  for (const auto& [guid, tenancy] : tenancies_) all.push_back(tenancy->container());
  return all;
}

const Container* CellExecutor::find(const std::string& guid) const {
  const Tenancy* found = tenancy(guid);
  return found == nullptr ? nullptr : &found->container();
}

Result<Usage> CellExecutor::usage(const std::string& guid) const {
  if (tenancy(guid) == nullptr) return unknown_container(guid);
  const auto usage = runtime_.usage(guid);
  if (!usage) return usage.error();
  return Usage{.memory_bytes = usage->memory_bytes, .cpu_ns = usage->cpu_ns};
}

void CellExecutor::measure_disk(const std::string& guid,
                                std::function<void(Result<int64_t>)> done) {
  if (tenancy(guid) == nullptr)
    return later_.call([done = std::move(done), guid] { done(unknown_container(guid)); });
  runtime_.measure_disk(guid, std::move(done));
}

void CellExecutor::read_file(const std::string& guid, const std::string& path, size_t bytes_max,
                             std::function<void(Result<std::string>)> done) {
  Result<std::string> text = tenancy(guid) == nullptr ? Result<std::string>(unknown_container(guid))
                                                      : runtime_.read_file(guid, path, bytes_max);
  later_.call([done = std::move(done), text = std::move(text)] { done(text); });
}

// --- what the runtime tells
// ----------------------------------------------------------------------------

void CellExecutor::on_process_exit(const std::string& handle, const std::string& process,
                                   const runtime::ProcessExit& exit) {
  if (Tenancy* found = tenancy(handle); found != nullptr)
    return found->on_process_exit(process, exit);
  check_.on_process_exit(handle, exit);
}

void CellExecutor::on_container_end(const std::string& handle, const std::string& reason) {
  if (Tenancy* found = tenancy(handle); found != nullptr) return found->on_container_end(reason);
  check_.on_container_end(handle, reason);
}

void CellExecutor::on_log_record(const std::string& handle, std::string_view record) {
  if (const Tenancy* found = tenancy(handle); found != nullptr)
    ground_.logs.tell(found->log_key(), record);
}

void CellExecutor::follow_logs(const std::string& process_guid) {
  for (const auto& [guid, tenancy] : tenancies_) {
    const logs::LogKey key = tenancy->log_key();
    if (key.process_guid == process_guid) runtime_.follow_log(guid, ground_.logs.is_followed(key));
  }
}

// --- start and end
// ---------------------------------------------------------------------------------------

void CellExecutor::restore(const std::vector<Record>& records, std::function<void()> done) {
  CHECK(tenancies_.empty() && !on_restored_);
  on_restored_ = std::move(done);
  restoring_ = 1;  // this call
  std::vector<std::string> strangers = runtime_.list();
  for (const Record& record : records) {
    const std::string& guid = record.container.guid;
    std::erase(strangers, guid);
    ++restoring_;
    const bool can_go_on =
        record.container.state == State::created || record.container.state == State::running;
    if (can_go_on) {
      runtime_.adopt(guid, [this, record](Result<std::vector<runtime::ProcessState>> processes) {
        restore_one(record, std::move(processes));
      });
    } else {
      later_.call([this, record] {
        restore_one(record, Error{.fault = Fault::closed, .detail = "it was not finished"});
      });
    }
  }
  for (const std::string& handle : strangers) {
    ++restoring_;
    runtime_.destroy(handle, [this](Result<void>) { restored(); });
  }
  later_.call([this] { restored(); });
}

void CellExecutor::restore_one(const Record& record,
                               Result<std::vector<runtime::ProcessState>> processes) {
  const std::string& guid = record.container.guid;
  if (processes) {
    logger_.info("container-adopted",
                 {{"guid", guid}, {"state", state_name(record.container.state)}});
    Tenancy& resumed = add(record.container);
    resumed.resume(record, *processes);
    if (ground_.logs.is_followed(resumed.log_key())) runtime_.follow_log(guid, true);
    return restored();
  }
  logger_.info("container-not-adopted", {{"guid", guid}, {"reason", processes.error().detail}});
  if (record.container.state >= State::created) {
    add(record.container)
        .resume_completed(
            record, "container did not survive a restart of the cell: " + processes.error().detail);
    return restored();
  }
  // The BBS knows it as claimed at most: the rep's bulk loop gives its place back.
  runtime_.destroy(guid, [this, record](Result<void>) {
    sites_.release(record.site, [this, record](Result<void>) {
      (void)remove_record(options_.tenancy.records_folder, record.container.guid);
      restored();
    });
  });
}

void CellExecutor::restored() {
  CHECK(restoring_ > 0);
  if (--restoring_ > 0) return;
  check_.start();
  std::exchange(on_restored_, nullptr)();
}

void CellExecutor::shut_down(std::function<void()> done) {
  is_shutting_down_ = true;
  on_shut_down_ = std::move(done);
  for (const auto& [guid, tenancy] : tenancies_) tenancy->stop();
  check_.end([this] { remove_when_completed(); });
}

void CellExecutor::remove_when_completed() {
  std::vector<std::string> completed;
  for (const auto& [guid, tenancy] : tenancies_) {
    if (tenancy->container().state == State::completed) completed.push_back(guid);
  }
  for (const std::string& guid : completed) {
    if (tenancy(guid)->is_removing()) continue;
    remove(guid, [](const Result<void>&) {});
  }
  if (tenancies_.empty() && check_.has_ended() && on_shut_down_)
    std::exchange(on_shut_down_, nullptr)();
}

}  // namespace causeway::executor
