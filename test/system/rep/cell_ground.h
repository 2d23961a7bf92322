#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "cf/wire/rep_messages.h"
#include "diego/bbs_client.h"
#include "rpc/client.h"
#include "rpc/test_bed.h"
#include "test/support/server_process.h"
#include "test/system/clock/wall_clock.h"
#include "test/system/control/control_process.h"

namespace causeway::platform {

// A rep and the folder that it shares with its successors after a kill. Owner: a test.
class RealCell {
 public:
  struct Options {
    std::vector<std::string> prefix = {};  // of the command line
    std::string presence_ttl = "15s";
    std::string subnet = {};  // of its containers; "": by its id
  };
  RealCell(std::string cell_id, const std::string& root_fs, const std::string& bbs_url,
           const Options& options);
  RealCell(const RealCell&) = delete;
  RealCell& operator=(const RealCell&) = delete;
  // Asks it to clean the machine up, whatever it has been through.
  ~RealCell();

  const std::string& id() const { return id_; }
  ControlProcess& rep() { return *rep_; }
  std::string admin_url() const { return "http://127.0.0.1:" + std::to_string(admin_port_); }

 private:
  const std::string id_;
  const uint16_t admin_port_ = causeway::test::free_port();
  causeway::test::TempFolder folder_;
  std::unique_ptr<ControlProcess> rep_;
};

// Real bbs, auctioneer, Redis and reps, as a test starts and harms them. Owner: GoogleTest. Thread:
// its own.
class CellGround : public testing::Test {
 protected:
  CellGround();
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  RealCell& add_cell(RealCell::Options options);
  RealCell& add_cell() { return add_cell({}); }

  [[nodiscard]] bool until(const std::function<bool()>& holds);
  void let_pass(Duration time);

  // Processes that run for ever, a process guid each.
  void desire_lrps(int32_t count, int32_t instances);
  // Tasks that take so long.
  void desire_tasks(int32_t count, const std::string& seconds);

  // By process and index; nothing when the bbs does not answer.
  std::optional<std::vector<models::ActualLRP>> rows();
  std::optional<std::vector<models::Task>> tasks();
  // What the cells say that they run: cell, process, index, to instance guid.
  using Instances = std::multimap<std::pair<std::string, int32_t>, std::string>;
  std::optional<Instances> instances();
  // Each desired instance runs once, by bbs and cells alike, and nothing else does.
  bool is_whole();
  [[nodiscard]] bool becomes_whole();
  std::optional<rpc::Reply> call(const std::string& method, const std::string& url);

  rpc::test::TestBed bed_;
  causeway::test::RedisServer redis_;
  const uint16_t auctioneer_port_ = causeway::test::free_port();
  ControlProcess bbs_;
  ControlProcess auctioneer_;
  rpc::Client client_{bed_.loop()};
  diego::BbsClient bbs_client_;
  std::vector<std::unique_ptr<RealCell>> cells_;
  std::string why_not_;  // not whole

 private:
  static std::string folder_;  // with the root file system of all tests
  int32_t lrps_ = 0, desired_instances_ = 0, tasks_ = 0;
};

}  // namespace causeway::platform
