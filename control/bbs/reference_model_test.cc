// Random calls on a whole bbs, one after the other, against a reference that is a table and no
// more: what must be there after each call, and which calls are refused.
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "base/rng.h"
#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

// An instance as calls name it.
struct Who {
  std::string instance, cell;
  std::string text() const { return "@" + cell + "/" + instance; }
  bool operator==(const Who&) const = default;
};

// What diego.md, sections 7 to 10, says of one index while all cells are there.
struct ReferenceIndex {
  std::string state;  // "": no row
  Who who;            // of CLAIMED and RUNNING
  int crashes = 0;
  std::optional<Who> evacuating;

  bool is_held() const { return state == "CLAIMED" || state == "RUNNING"; }
  bool is_of(const Who& other) const { return is_held() && who == other; }
  void become(const std::string& next, const Who& owner = {}) {
    state = next;
    who = owner;
  }
  void begin_anew() {
    become("UNCLAIMED");
    crashes = 0;
  }
  bool drop_evacuating(const Who& other) {
    if (!evacuating || *evacuating != other) return false;
    evacuating.reset();
    return true;
  }
};

using Type = models::Error::Type;
constexpr Type fine = models::Error::UnknownError;  // never answered here

class ReferenceLrps {
 public:
  Type desire(const std::string& guid, int32_t instances) {
    if (desired_.contains(guid)) return models::Error::ResourceExists;
    desired_[guid] = instances;
    fill(guid, 0);
    return fine;
  }
  Type scale(const std::string& guid, int32_t instances) {
    if (!desired_.contains(guid)) return models::Error::ResourceNotFound;
    // What is missing below its former number, convergence adds.
    const int32_t before = std::exchange(desired_[guid], instances);
    if (instances > before) fill(guid, before);
    if (instances < before) shed(guid, instances);
    return fine;
  }
  Type remove(const std::string& guid) {
    if (desired_.erase(guid) == 0) return models::Error::ResourceNotFound;
    shed(guid, 0);
    return fine;
  }
  Type claim(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (row.state.empty()) return models::Error::ResourceNotFound;
    if (row.state == "CRASHED" || (row.is_held() && row.who != who))
      return models::Error::ActualLRPCannotBeClaimed;
    if (row.state == "CLAIMED") return fine;
    row.become("CLAIMED", who);
    row.drop_evacuating(who);
    return fine;
  }
  Type start(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (row.state == "CRASHED" || (row.state == "RUNNING" && row.who != who))
      return models::Error::ActualLRPCannotBeStarted;
    row.become("RUNNING", who);
    row.evacuating.reset();
    return fine;
  }
  Type crash(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (row.state.empty()) return models::Error::ResourceNotFound;
    if (!row.is_of(who)) return models::Error::ActualLRPCannotBeCrashed;
    row.become(++row.crashes < 3 ? "UNCLAIMED" : "CRASHED");
    return fine;
  }
  Type fail(const std::string& guid, int32_t index) {
    const auto& row = rows_[{guid, index}];
    const bool is_refused = !row.state.empty() && row.state != "UNCLAIMED";
    return is_refused ? models::Error::ActualLRPCannotBeFailed : fine;
  }
  Type remove_actual(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (!row.is_of(who)) return models::Error::ResourceNotFound;
    if (is_wanted(guid, index)) {
      row.begin_anew();
    } else {
      clear(row);
    }
    return fine;
  }
  Type retire(const std::string& guid, int32_t index) {
    auto& row = rows_[{guid, index}];
    if (row.state.empty()) return models::Error::ResourceNotFound;
    if (!row.is_held()) clear(row);
    return fine;
  }
  Type evacuate_claimed(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (row.drop_evacuating(who)) return fine;
    if (!row.is_of(who)) return models::Error::ResourceNotFound;
    row.become("UNCLAIMED");
    return fine;
  }
  Type evacuate_crashed(const std::string& guid, int32_t index, const Who& who) {
    return rows_[{guid, index}].drop_evacuating(who) ? fine : crash(guid, index, who);
  }
  Type evacuate_stopped(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (row.drop_evacuating(who)) return fine;
    if (!row.is_of(who)) return models::Error::ResourceNotFound;
    clear(row);
    return fine;
  }
  Type evacuate_running(const std::string& guid, int32_t index, const Who& who) {
    auto& row = rows_[{guid, index}];
    if (row.is_of(who)) {
      row.evacuating = who;
      row.begin_anew();
    } else if (row.state.empty() || row.state == "CRASHED" || row.state == "RUNNING") {
      row.drop_evacuating(who);
    } else if (!row.evacuating) {
      row.evacuating = who;
    }
    return fine;
  }
  Type remove_evacuating(const std::string& guid, int32_t index, const Who& who) {
    const bool is_there = rows_[{guid, index}].drop_evacuating(who);
    return is_there ? fine : models::Error::ResourceNotFound;
  }

  // As BbsTest::rows() puts it, in no order.
  std::multiset<std::string> texts() const {
    std::multiset<std::string> all;
    for (const auto& [name, row] : rows_) {
      const std::string index = name.first + "/" + std::to_string(name.second);
      if (!row.state.empty())
        all.insert(index + ":" + row.state + (row.is_held() ? row.who.text() : ""));
      if (row.evacuating) all.insert(index + "e:RUNNING" + row.evacuating->text());
    }
    return all;
  }

 private:
  bool is_wanted(const std::string& guid, int32_t index) const {
    const auto found = desired_.find(guid);
    return found != desired_.end() && index < found->second;
  }
  static void clear(ReferenceIndex& row) {
    row.become("");
    row.crashes = 0;
  }
  void fill(const std::string& guid, int32_t from) {
    for (int32_t index = from; index < desired_[guid]; ++index)
      if (auto& row = rows_[{guid, index}]; row.state.empty()) row.begin_anew();
  }
  // Their cells are told to stop what is held.
  void shed(const std::string& guid, int32_t from) {
    for (auto& [name, row] : rows_)
      if (name.first == guid && name.second >= from && !row.is_held()) clear(row);
  }

  std::map<std::string, int32_t> desired_;
  std::map<std::pair<std::string, int32_t>, ReferenceIndex> rows_;
};

// What section 13 says of tasks that nobody is called back for.
class ReferenceTasks {
 public:
  struct Row {
    models::Task::State state = models::Task::Pending;
    std::string cell = {};
    bool failed = false;
    int rejections = 0;
    bool is_open() const {
      return state == models::Task::Pending || state == models::Task::Running;
    }
    bool operator==(const Row&) const = default;
  };
  static constexpr int retries = 3;

  Type desire(const std::string& guid) {
    return rows.emplace(guid, Row()).second ? fine : models::Error::ResourceExists;
  }
  Type start(const std::string& guid, const std::string& cell) {
    return change(guid, [&](Row& row) {
      if (row.state == models::Task::Running && row.cell == cell) return fine;
      if (row.state != models::Task::Pending) return models::Error::InvalidStateTransition;
      row.state = models::Task::Running;
      row.cell = cell;
      return fine;
    });
  }
  // Cancelled, or failed from outside.
  Type give_up(const std::string& guid) {
    return change(guid, [](Row& row) {
      return row.is_open() ? end(row, true) : models::Error::InvalidStateTransition;
    });
  }
  Type reject(const std::string& guid) {
    return change(guid, [](Row& row) {
      if (!row.is_open()) return models::Error::InvalidRequest;
      if (row.rejections++ >= retries) return end(row, true);
      row.state = models::Task::Pending;
      row.cell.clear();
      return fine;
    });
  }
  Type complete(const std::string& guid, const std::string& cell, bool failed) {
    return change(guid, [&](Row& row) {
      if (row.state != models::Task::Running) return models::Error::InvalidStateTransition;
      if (row.cell != cell) return models::Error::RunningOnDifferentCell;
      return end(row, failed);
    });
  }
  Type resolve(const std::string& guid) {
    return change(guid, [](Row& row) {
      if (row.state != models::Task::Completed) return models::Error::InvalidStateTransition;
      row.state = models::Task::Resolving;
      return fine;
    });
  }
  Type remove(const std::string& guid) {
    const Type answer = change(guid, [](const Row& row) {
      return row.state == models::Task::Resolving ? fine : models::Error::InvalidStateTransition;
    });
    if (answer == fine) rows.erase(guid);
    return answer;
  }

  std::map<std::string, Row> rows;

 private:
  template <class Rule>
  Type change(const std::string& guid, const Rule& rule) {
    const auto found = rows.find(guid);
    return found == rows.end() ? models::Error::ResourceNotFound : rule(found->second);
  }
  static Type end(Row& row, bool failed) {
    row.state = models::Task::Completed;
    row.failed = failed;
    row.cell.clear();
    return fine;
  }
};

class ReferenceModel : public BbsTest, public testing::WithParamInterface<bool> {
 protected:
  ReferenceModel() {
    config_.keep_rows_in_memory = GetParam();
    config_.max_task_retries = ReferenceTasks::retries;
    start();
    present("c0");
    present("c1");
    settle();
  }

  static Type type_of(const std::string& error) {
    return error.empty() ? fine : static_cast<Type>(std::strtol(error.c_str(), nullptr, 10));
  }
  template <class Response = models::ActualLRPLifecycleResponse, class Request>
  Type call(const std::string& path, const Request& request) {
    return type_of(error_of<Response>(path, request));
  }
  template <class Request>
  static Request keyed(const std::string& guid, int32_t index, const Who& who) {
    Request request;
    fill_keys(request, guid, index, who.instance, who.cell);
    return request;
  }
  std::multiset<std::string> found_rows() {
    std::multiset<std::string> all;
    std::istringstream text(rows());
    for (std::string one; text >> one;) all.insert(one);
    return all;
  }

  // One random call, and what the reference makes of it.
  std::pair<Type, Type> step(Rng& rng) {
    const std::string guid = "p" + std::to_string(rng.below(3));
    const auto index = static_cast<int32_t>(rng.below(3));
    const auto instances = static_cast<int32_t>(rng.below(4));
    const uint64_t number = rng.below(4);  // an instance guid belongs to one cell
    const Who who{"i" + std::to_string(number), "c" + std::to_string(number % 2)};
    switch (rng.below(18)) {
      case 0:
        return {type_of(desire(lrp(guid, instances))), lrps_.desire(guid, instances)};
      case 1:
        return {type_of(scale(guid, instances)), lrps_.scale(guid, instances)};
      case 2:
        return {type_of(remove(guid)), lrps_.remove(guid)};
      case 3:
      case 4:
        return {type_of(claim(guid, index, who.instance, who.cell)), lrps_.claim(guid, index, who)};
      case 5:
      case 6:
      case 7:
        return {type_of(run(guid, index, who.instance, who.cell)), lrps_.start(guid, index, who)};
      case 8:
      case 9:
        return {type_of(crash(guid, index, who.instance, who.cell)), lrps_.crash(guid, index, who)};
      case 10:
        return {type_of(remove_actual(guid, index, who.instance, who.cell)),
                lrps_.remove_actual(guid, index, who)};
      default:
        return rare_step(rng.below(7), guid, index, who);
    }
  }
  std::pair<Type, Type> rare_step(uint64_t which, const std::string& guid, int32_t index,
                                  const Who& who) {
    models::ActualLRPKey key;
    key.set_process_guid(guid);
    key.set_index(index);
    key.set_domain("cf-apps");
    switch (which) {
      case 0: {
        models::FailActualLRPRequest request;
        *request.mutable_actual_lrp_key() = key;
        request.set_error_message("no room");
        return {call("/v1/actual_lrps/fail", request), lrps_.fail(guid, index)};
      }
      case 1: {
        models::RetireActualLRPRequest request;
        *request.mutable_actual_lrp_key() = key;
        return {call("/v1/actual_lrps/retire", request), lrps_.retire(guid, index)};
      }
      case 2:
        return {call<models::EvacuationResponse>(
                    "/v1/actual_lrps/evacuate_claimed",
                    keyed<models::EvacuateClaimedActualLRPRequest>(guid, index, who)),
                lrps_.evacuate_claimed(guid, index, who)};
      case 3: {
        auto request = keyed<models::EvacuateCrashedActualLRPRequest>(guid, index, who);
        request.set_error_message("exited");
        return {call<models::EvacuationResponse>("/v1/actual_lrps/evacuate_crashed", request),
                lrps_.evacuate_crashed(guid, index, who)};
      }
      case 4:
        return {call<models::EvacuationResponse>(
                    "/v1/actual_lrps/evacuate_stopped",
                    keyed<models::EvacuateStoppedActualLRPRequest>(guid, index, who)),
                lrps_.evacuate_stopped(guid, index, who)};
      case 5: {
        auto request = keyed<models::EvacuateRunningActualLRPRequest>(guid, index, who);
        request.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
        return {call<models::EvacuationResponse>("/v1/actual_lrps/evacuate_running.r1", request),
                lrps_.evacuate_running(guid, index, who)};
      }
      default:
        return {call<models::RemoveEvacuatingActualLRPResponse>(
                    "/v1/actual_lrps/remove_evacuating",
                    keyed<models::RemoveEvacuatingActualLRPRequest>(guid, index, who)),
                lrps_.remove_evacuating(guid, index, who)};
    }
  }

  Type task_call(const std::string& path, const auto& request) {
    return call<models::TaskLifecycleResponse>("/v1/tasks/" + path, request);
  }
  Type desire_task(const std::string& guid) { return task_call("desire.r2", task_request(guid)); }
  std::pair<Type, Type> task_step(Rng& rng) {
    const std::string guid = "t" + std::to_string(rng.below(4));
    const std::string cell = "c" + std::to_string(rng.below(2));
    const bool failed = rng.below(2) == 0;
    models::TaskGuidRequest by_guid;
    by_guid.set_task_guid(guid);
    switch (rng.below(9)) {
      case 0:
        return {desire_task(guid), tasks_.desire(guid)};
      case 1:
      case 2: {
        models::StartTaskRequest request;
        request.set_task_guid(guid);
        request.set_cell_id(cell);
        return {call<models::StartTaskResponse>("/v1/tasks/start", request),
                tasks_.start(guid, cell)};
      }
      case 3:
        if (!failed) return {task_call("cancel", by_guid), tasks_.give_up(guid)};
        {
          models::FailTaskRequest request;
          request.set_task_guid(guid);
          request.set_failure_reason("no more");
          return {task_call("fail", request), tasks_.give_up(guid)};
        }
      case 4:
      case 5: {
        models::RejectTaskRequest request;
        request.set_task_guid(guid);
        request.set_rejection_reason("no room");
        return {task_call("reject", request), tasks_.reject(guid)};
      }
      case 6: {
        models::CompleteTaskRequest request;
        request.set_task_guid(guid);
        request.set_cell_id(cell);
        request.set_failed(failed);
        return {task_call("complete", request), tasks_.complete(guid, cell, failed)};
      }
      case 7:
        return {task_call("resolving", by_guid), tasks_.resolve(guid)};
      default:
        return {task_call("delete", by_guid), tasks_.remove(guid)};
    }
  }
  std::map<std::string, ReferenceTasks::Row> found_tasks() {
    std::map<std::string, ReferenceTasks::Row> all;
    const auto response = post<models::TasksResponse>("/v1/tasks/list.r3", models::TasksRequest());
    for (const auto& task : response.tasks())
      all[task.task_guid()] = {task.state(), task.cell_id(), task.failed(), task.rejection_count()};
    return all;
  }

  ReferenceLrps lrps_;
  ReferenceTasks tasks_;
};

TEST_P(ReferenceModel, instances_are_what_the_table_says) {
  Rng rng(20'262);
  std::set<Type> answers;
  for (int i = 0; i < 1500; ++i) {
    const auto [answer, expected] = step(rng);
    ASSERT_EQ(answer, expected) << "call " << i;
    ASSERT_EQ(found_rows(), lrps_.texts()) << "call " << i;
    answers.insert(answer);
  }
  // All ways to be refused have been met.
  EXPECT_EQ(answers.size(), 7u);
}

TEST_P(ReferenceModel, tasks_are_what_the_table_says) {
  Rng rng(20'263);
  std::set<Type> answers;
  for (int i = 0; i < 800; ++i) {
    const auto [answer, expected] = task_step(rng);
    ASSERT_EQ(answer, expected) << "call " << i;
    ASSERT_EQ(found_tasks(), tasks_.rows) << "call " << i;
    answers.insert(answer);
  }
  EXPECT_EQ(answers.size(), 6u);
}

INSTANTIATE_TEST_SUITE_P(Reading, ReferenceModel, testing::Bool(), [](const auto& keeps) {
  return keeps.param ? "from_memory" : "from_the_store";
});

}  // namespace
}  // namespace causeway::bbs::test
