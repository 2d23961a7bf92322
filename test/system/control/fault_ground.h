#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "bench/platform_load/calls.h"
#include "bench/platform_load/ground.h"
#include "bench/platform_load/sim_cell.h"
#include "cf/models/models.h"
#include "rpc/client.h"
#include "test/system/control/follower.h"

namespace causeway::platform {

// Cells that act, clients that ask again until they are heard, and followers of events, around
// whatever servers a test has started and does harm to. All desired LRPs have the same number of
// instances. Owner: GoogleTest. Thread: its own.
class FaultGround : public testing::Test {
 protected:
  static constexpr int32_t instances = 3;

  // From where cells reach the bbs, and where they are reached.
  struct Seat {
    std::string bbs_url;
    std::string address = "127.0.0.1";
    uint64_t cells = 4;
    int32_t containers = 250;  // that a cell has room for
    Duration presence_ttl = std::chrono::seconds(14);
  };
  // Clients ask at that address; each seat has a fleet and a follower of events.
  void begin(const std::string& bbs_url, const std::vector<Seat>& seats);

  [[nodiscard]] bool until(const std::function<bool()>& holds);
  void let_pass(Duration time);

  // Nothing: no good answer came.
  template <class Response, class Request>
  std::optional<Response> post(const std::string& path, const Request& request) {
    const auto body = send(path, cf::encode(request));
    Response response;
    if (!body || !cf::decode(*body, response) || response.has_error()) return std::nullopt;
    return response;
  }
  // As many more, until the bbs has them, as a Cloud Controller asks again.
  void desire_lrps(uint64_t count);
  void desire_tasks(uint64_t count);

  // One row and one container for each instance, and all followers know them. Looked at now and
  // then, for as long as it takes.
  [[nodiscard]] bool becomes_whole();
  // All tasks have ended, none twice: nothing changes any more.
  void expect_tasks_to_have_ended_once();
  // Of the instances that run; empty when the bbs does not answer.
  std::vector<models::ActualLRP> running_rows();
  // What runs, by process and index.
  using Containers = std::multimap<std::pair<std::string, int32_t>, std::string>;
  Containers containers() const;
  Containers containers(size_t fleet) const;

  Ground ground_{false};
  rpc::Client client_{ground_.loop()};
  std::string bbs_url_;
  std::vector<std::unique_ptr<Calls>> cell_calls_;
  std::vector<std::unique_ptr<Fleet>> fleets_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::optional<Calls> calls_;

 private:
  std::optional<std::string> send(const std::string& path, std::string body);
  enum class Done : uint8_t { ours, exists };
  void ask_until_done(Operation operation, std::function<std::string()> body,
                      std::function<void(Done)> done);
  void desire_lrp(uint64_t number);
  // Those of which the bbs has only said that they exist: a store that has lost what it had not
  // confirmed no longer has them.
  void desire_unsure_lrps();
  bool is_whole();
  std::optional<std::map<std::string, int64_t>> ended_tasks();

  uint64_t lrps_ = 0, lrps_done_ = 0, tasks_ = 0, tasks_done_ = 0;
  std::vector<uint64_t> unsure_lrps_;
  std::string why_not_;  // not whole
};

}  // namespace causeway::platform
