#include "cell/runtime/runtime_contract.h"

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "net/loop.h"
#include "net/timer.h"

namespace causeway::runtime {

namespace {

class Listener final : public Runtime::Events {
 public:
  void on_process_exit(const std::string& handle, const std::string& process,
                       const ProcessExit& exit) override {
    EXPECT_FALSE(exits.contains(handle + "/" + process)) << "told twice";
    exits[handle + "/" + process] = exit;
  }
  void on_container_end(const std::string& handle, const std::string&) override {
    ends.push_back(handle);
  }
  void on_log_record(const std::string&, std::string_view) override {}

  std::map<std::string, ProcessExit> exits;
  std::vector<std::string> ends;
};

class Contract {
 public:
  Contract(net::Loop& loop, Runtime& runtime) : loop_(loop), runtime_(&runtime) {
    runtime.listen(listener_);
  }

  void use(Runtime& runtime) {
    runtime_ = &runtime;
    runtime.listen(listener_);
  }
  Listener& heard() { return listener_; }
  Runtime& runtime() { return *runtime_; }

  template <class Value>
  Result<Value> answer(const std::function<void(std::function<void(Result<Value>)>)>& call) {
    std::optional<Result<Value>> outcome;
    call([&](Result<Value> result) {
      EXPECT_FALSE(outcome.has_value()) << "answered twice";
      outcome = std::move(result);
    });
    EXPECT_FALSE(outcome.has_value()) << "answered from inside the call";
    EXPECT_TRUE(run_until([&] { return outcome.has_value(); }));
    if (!outcome) return Error{.fault = Fault::timeout};
    return *outcome;
  }
  Result<void> create(ContainerSpec spec) {
    return answer<void>(
        [&](Runtime::Done done) { runtime_->create(std::move(spec), std::move(done)); });
  }
  Result<void> destroy(const std::string& handle) {
    return answer<void>([&](Runtime::Done done) { runtime_->destroy(handle, std::move(done)); });
  }
  Result<int> start(const std::string& handle, const std::string& process, const std::string& path,
                    std::vector<std::string> args = {}) {
    ProcessSpec spec;
    spec.path = path;
    spec.args = std::move(args);
    spec.log_source = "APP";
    return answer<int>([&](std::function<void(Result<int>)> done) {
      runtime_->start(handle, process, std::move(spec), std::move(done));
    });
  }
  Result<std::vector<ProcessState>> adopt(const std::string& handle) {
    return answer<std::vector<ProcessState>>(
        [&](std::function<void(Result<std::vector<ProcessState>>)> done) {
          runtime_->adopt(handle, std::move(done));
        });
  }
  ProcessExit await_exit(const std::string& key) {
    EXPECT_TRUE(run_until([&] { return listener_.exits.contains(key); })) << key << " does not end";
    return listener_.exits[key];
  }

 private:
  bool run_until(const std::function<bool()>& condition) {
    net::Timer beat(loop_);
    beat.every(std::chrono::milliseconds(5), [] {});
    const Instant deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      loop_.run_once();
    }
    return true;
  }
  net::Loop& loop_;
  Runtime* runtime_;
  Listener listener_;
};

void check_processes(Contract& contract) {
  const Result<int> sleeper = contract.start("box", "sleeper", "/bin/sleep", {"1000"});
  ASSERT_TRUE(sleeper.has_value()) << to_string(sleeper.error());
  EXPECT_GT(*sleeper, 0);
  EXPECT_FALSE(contract.start("box", "sleeper", "/bin/true").has_value()) << "names are unique";
  EXPECT_FALSE(contract.start("absent", "a", "/bin/true").has_value());
  ASSERT_TRUE(contract.start("box", "good", "/bin/true").has_value());
  EXPECT_EQ(contract.await_exit("box/good").status, 0);
  ASSERT_TRUE(contract.start("box", "bad", "/bin/false").has_value());
  EXPECT_EQ(contract.await_exit("box/bad").status, 1);

  contract.runtime().forget("box", "good");
  contract.heard().exits.erase("box/good");
  ASSERT_TRUE(contract.start("box", "good", "/bin/true").has_value()) << "a forgotten name is free";
  EXPECT_EQ(contract.await_exit("box/good").status, 0);

  ASSERT_TRUE(contract.start("box", "asked", "/bin/sleep", {"1000"}).has_value());
  contract.runtime().signal("box", "asked", SIGTERM);
  EXPECT_EQ(contract.await_exit("box/asked").status, 128 + SIGTERM);
  EXPECT_EQ(contract.heard().exits["box/asked"].signal, SIGTERM);
  contract.runtime().signal("box", "asked", SIGTERM);  // no effect
  contract.runtime().signal("box", "never", SIGTERM);
}

void check_adoption(Contract& contract) {
  EXPECT_THAT(contract.runtime().list(), testing::ElementsAre("box"));
  EXPECT_FALSE(contract.adopt("absent").has_value());
  EXPECT_TRUE(contract.destroy("absent").has_value());
  const Result<std::vector<ProcessState>> adopted = contract.adopt("box");
  ASSERT_TRUE(adopted.has_value()) << to_string(adopted.error());
  std::map<std::string, ProcessState> by_id;
  for (const ProcessState& process : *adopted) by_id[process.id] = process;
  EXPECT_EQ(by_id["sleeper"].phase, ProcessState::Phase::running);
  EXPECT_EQ(by_id["bad"].phase, ProcessState::Phase::exited);
  EXPECT_EQ(by_id["bad"].exit.status, 1);
  contract.runtime().signal("box", "sleeper", SIGKILL);
  EXPECT_EQ(contract.await_exit("box/sleeper").status, 128 + SIGKILL);
}

}  // namespace

void check_runtime_contract(net::Loop& loop, Runtime& runtime,
                            const std::function<ContainerSpec(const std::string& handle)>& spec,
                            const std::function<Runtime&()>& again) {
  Contract contract(loop, runtime);
  EXPECT_TRUE(contract.destroy("box").has_value()) << "the absent is destroyed";
  const Result<void> created = contract.create(spec("box"));
  ASSERT_TRUE(created.has_value()) << to_string(created.error());
  check_processes(contract);
  EXPECT_FALSE(contract.runtime().read_file("box", "/absent", 10).has_value());
  EXPECT_TRUE(contract.runtime().usage("box").has_value());
  contract.use(again());
  check_adoption(contract);
  EXPECT_THAT(contract.heard().ends, testing::IsEmpty());
  EXPECT_TRUE(contract.destroy("box").has_value());
  EXPECT_THAT(contract.runtime().list(), testing::IsEmpty());
  EXPECT_FALSE(contract.runtime().usage("box").has_value());
}

}  // namespace causeway::runtime
