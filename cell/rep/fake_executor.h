#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cell/executor/executor.h"
#include "net/loop.h"

namespace causeway::rep::test {

// An executor without containers: the test moves them from state to state. Removal answers in a
// later turn, as the real one's.
class FakeExecutor final : public executor::Executor {
 public:
  explicit FakeExecutor(net::Loop& loop) : loop_(loop) {}

  void listen(Events& events) override { events_ = &events; }
  executor::Resources total() const override { return {1024, 4096, 10}; }
  executor::Resources remaining() const override {
    executor::Resources left = total();
    for (const auto& [guid, container] : containers) {
      left.memory_mb -= container.resources.memory_mb;
      left.disk_mb -= container.resources.disk_mb;
      left.containers -= 1;
    }
    return left;
  }
  int64_t starting() const override { return 0; }
  bool is_healthy() const override { return is_well; }

  Result<void> allocate(executor::Allocation allocation) override {
    if (containers.contains(allocation.guid)) return Error{.fault = Fault::exists};
    if (remaining().memory_mb < allocation.resources.memory_mb) return Error{.fault = Fault::limit};
    executor::Container& container = containers[allocation.guid];
    container.guid = allocation.guid;
    container.resources = allocation.resources;
    container.tags = allocation.tags;
    tell(container.guid);
    return {};
  }
  Result<void> run(executor::RunRequest request) override {
    if (!containers.contains(request.guid)) return Error{.fault = Fault::not_found};
    runs.push_back(std::move(request));
    containers[runs.back().guid].tags.merge(std::map(runs.back().tags));
    become(runs.back().guid, executor::State::initializing);
    return {};
  }
  Result<void> stop(const std::string& guid) override {
    if (!containers.contains(guid)) return Error{.fault = Fault::not_found};
    containers[guid].result = {.failed = false, .reason = {}, .retryable = false, .stopped = true};
    become(guid, executor::State::completed);
    return {};
  }
  void remove(const std::string& guid, Done done) override {
    containers.erase(guid);
    loop_.defer([done] { done({}); });
  }
  Result<void> update(const std::string& guid, std::map<std::string, std::string> tags) override {
    if (!containers.contains(guid)) return Error{.fault = Fault::not_found};
    containers[guid].tags = std::move(tags);
    return {};
  }
  void say(const std::string& guid, const std::string& text) override {
    said.push_back(guid + ": " + text);
  }
  const executor::Tally& tally() const override { return counted; }
  std::vector<executor::Container> list() const override {
    std::vector<executor::Container> all;
    for (const auto& [guid, container] : containers) all.push_back(container);
    return all;
  }
  const executor::Container* find(const std::string& guid) const override {
    const auto found = containers.find(guid);
    return found == containers.end() ? nullptr : &found->second;
  }
  Result<executor::Usage> usage(const std::string& guid) const override {
    const auto found = usages.find(guid);
    if (found == usages.end()) return Error{.fault = Fault::not_found};
    return found->second;
  }
  void measure_disk(const std::string& guid, std::function<void(Result<int64_t>)> done) override {
    const auto found = disks.find(guid);
    const Result<int64_t> bytes = found == disks.end()
                                      ? Result<int64_t>(Error{.fault = Fault::not_found})
                                      : Result<int64_t>(found->second);
    loop_.defer([done, bytes] { done(bytes); });
  }
  void read_file(const std::string&, const std::string& path, size_t,
                 std::function<void(Result<std::string>)> done) override {
    const auto found = files.find(path);
    Result<std::string> text = found == files.end()
                                   ? Result<std::string>(Error{.fault = Fault::not_found})
                                   : Result<std::string>(found->second);
    loop_.defer([done, text] { done(text); });
  }

  void become(const std::string& guid, executor::State state) {
    containers[guid].state = state;
    tell(guid);
  }
  void tell(const std::string& guid) {
    loop_.defer([this, guid, alive = std::weak_ptr<const int>(alive_)] {
      if (alive.expired()) return;  // the test has ended
      if (events_ != nullptr && containers.contains(guid)) events_->on_container(containers[guid]);
    });
  }

  std::map<std::string, executor::Container> containers;
  std::map<std::string, executor::Usage> usages;
  std::map<std::string, int64_t> disks;  // bytes
  std::vector<std::string> said;         // "GUID: TEXT"
  executor::Tally counted;
  bool is_well = true;
  std::map<std::string, std::string> files;
  std::vector<executor::RunRequest> runs;

 private:
  net::Loop& loop_;
  Events* events_ = nullptr;
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

}  // namespace causeway::rep::test
