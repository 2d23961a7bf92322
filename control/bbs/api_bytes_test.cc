// What goes over the wire, byte by byte: requests as a Go client writes them, answers and events as
// it reads them. All bytes are written by hand; "??" stands for what differs from run to run.
#include "cf/models/golden_test.h"
#include "control/bbs/bbs_under_test.h"
#include "diego/base64.h"

namespace causeway::bbs::test {
namespace {

using cf::from_hex;
using cf::to_hex;

class ApiBytes : public BbsTest {
 protected:
  // The answer's body.
  std::string ask(const std::string& path, std::string_view request = "") {
    const rpc::Reply reply = post_raw(path, from_hex(request));
    EXPECT_EQ(reply.status, 200) << path;
    EXPECT_EQ(reply.header("Content-Type"), "application/x-protobuf") << path;
    EXPECT_EQ(reply.header("Content-Length"), std::to_string(reply.body.size())) << path;
    return to_hex(reply.body);
  }
  static void expect_like(std::string found, std::string_view expected) {
    if (found.size() == expected.size()) {
      for (size_t i = 0; i < found.size(); ++i)
        if (expected[i] == '?') found[i] = '?';
    }
    EXPECT_EQ(found, expected);
  }
  void desire_by_hand() { EXPECT_EQ(ask("/v1/desired_lrp/desire.r2", kDesire), ""); }
  void follow(const std::string& method, const std::string& path) {
    bool open = false;
    stream_ = client_.subscribe({.method = method, .url = url_ + path},
                                {.on_open = [&open] { open = true; },
                                 .on_event =
                                     [this](auto, auto type, auto data) {
                                       told_.emplace_back(
                                           type, to_hex(diego::base64_decode(data).value()));
                                     },
                                 .on_close = [](const Error&) {}});
    EXPECT_TRUE(until([&] { return open; })) << path;
  }
  void expect_told(const std::string& type, std::string_view expected) {
    ASSERT_TRUE(until([this] { return !told_.empty(); })) << type;
    EXPECT_EQ(told_.front().first, type);
    expect_like(told_.front().second, expected);
    told_.erase(told_.begin());
  }

  // process_guid p, domain d, rootfs, instances 1, action run, memory 64, ports as proto3 packs
  // them, routes, log_guid, metric_tags.
  static constexpr std::string_view kDesire =
      "0a3c0a01701201641a03723a7320013a091a070a022f613201755840720350bb037a0c0a0a0a016b12055b"
      "2031205d8a01016c9a02080a017412030a0173";
  static constexpr std::string_view kClaim = "0a01701a060a0169120163";
  static constexpr std::string_view kStart =
      "0a060a01701a016412060a01691201631a100a01681206085010c9dc031a0178200222030a016e2a060a01"
      "741201733a017a";
  // An instance that nobody holds, and one that runs.
  static constexpr std::string_view kWaiting =
      "0a060a01701a016412001a003209554e434c41494d454440??????????????????4a080a06677569642d??"
      "6800";
  static constexpr std::string_view kRunning =
      "0a060a01701a016412060a01691201631a100a01681206085010c9dc031a01782002320752554e4e494e47"
      "40??????????????????4a0a0a06677569642d??10025a030a016e62060a0174120173680172017a";
  static std::string field(std::string_view tag_and_size, std::string_view message) {
    return std::string(tag_and_size) + std::string(message);
  }

  std::unique_ptr<rpc::Client::EventStream> stream_;
  std::vector<std::pair<std::string, std::string>> told_;
};

TEST_F(ApiBytes, ping_domains_and_cells) {
  EXPECT_EQ(ask("/v1/ping"), "0801");
  EXPECT_EQ(ask("/v1/domains/list"), "");
  EXPECT_EQ(ask("/v1/domains/upsert", "0a01641078"), "") << "no error is no byte";
  EXPECT_EQ(ask("/v1/domains/list"), "120164");
  EXPECT_EQ(ask("/v1/domains/upsert"), "0a1908041215496e76616c6964206669656c643a20646f6d61696e");
  EXPECT_EQ(ask("/v1/cells/list.r1"), "");
  const std::string presence =
      R"({"cell_id":"c","rep_address":"http://a","zone":"z","capacity":{"memory_mb":5,"disk_mb":6,)"
      R"("containers":7},"rootfs_provider_list":[{"name":"preloaded","properties":["s"]}],)"
      R"("placement_tags":["t"],"optional_placement_tags":["o"],"rep_url":"https://c"})";
  ASSERT_EQ(lock("c", "me", presence, models::Resource::PRESENCE), 200);
  EXPECT_EQ(ask("/v1/cells/list.r1"),
            "12390a01631208687474703a2f2f611a017a22060805100618072a0e0a097072656c6f6164656412017332"
            "01743a016f420968747470733a2f2f63");
}

// An empty body is an answer in each case: a list, or what is missing in the request.
TEST_F(ApiBytes, every_path_is_there) {
  for (const char* path : {"ping",
                           "domains/list",
                           "domains/upsert",
                           "actual_lrps/list",
                           "actual_lrps/list_by_process_guids",
                           "actual_lrp_groups/list",
                           "actual_lrp_groups/list_by_process_guid",
                           "actual_lrp_groups/get_by_process_guid_and_index",
                           "actual_lrps/claim",
                           "actual_lrps/start.r1",
                           "actual_lrps/start",
                           "actual_lrps/crash",
                           "actual_lrps/fail",
                           "actual_lrps/remove",
                           "actual_lrps/retire",
                           "actual_lrps/remove_evacuating",
                           "actual_lrps/evacuate_claimed",
                           "actual_lrps/evacuate_crashed",
                           "actual_lrps/evacuate_stopped",
                           "actual_lrps/evacuate_running.r1",
                           "actual_lrps/evacuate_running",
                           "desired_lrp_scheduling_infos/list",
                           "desired_lrp_scheduling_infos/get_by_process_guid",
                           "desired_lrp_routing_infos/list",
                           "desired_lrps/list.r3",
                           "desired_lrps/get_by_process_guid.r3",
                           "desired_lrps/list.r2",
                           "desired_lrps/get_by_process_guid.r2",
                           "desired_lrp/desire.r2",
                           "desired_lrp/update",
                           "desired_lrp/remove",
                           "tasks/list.r3",
                           "tasks/get_by_task_guid.r3",
                           "tasks/list.r2",
                           "tasks/get_by_task_guid.r2",
                           "tasks/desire.r2",
                           "tasks/start",
                           "tasks/cancel",
                           "tasks/fail",
                           "tasks/reject",
                           "tasks/complete",
                           "tasks/resolving",
                           "tasks/delete",
                           "cells/list.r1"}) {
    const std::string whole = "/v1/" + std::string(path);
    const std::string answer = ask(whole);
    const bool is_list = whole.find("list") != std::string::npos && !whole.ends_with("_guid");
    if (is_list || whole == "/v1/ping") {
      EXPECT_EQ(answer, whole == "/v1/ping" ? "0801" : "") << path;
    } else {
      EXPECT_EQ(answer.substr(0, 2), "0a") << path << " names what is missing";
    }
  }
  for (const char* path : {"/v1/events", "/v1/events.r1"}) follow("GET", path);
  for (const char* path : {"/v1/events/lrp_instances", "/v1/events/lrp_instances.r1",
                           "/v1/events/tasks", "/v1/events/tasks.r1"})
    follow("POST", path);
}

TEST_F(ApiBytes, desired_lrps) {
  desire_by_hand();
  EXPECT_EQ(
      ask("/v1/desired_lrp/desire.r2", kDesire),
      "0a29080c122574686520726571756573746564207265736f7572636520616c726561647920657869737473");
  const std::string_view info =
      "0a090a01701201641a016c1801220708401a03723a732a0a0a080a016b12035b315d32080a06677569642d"
      "??3a00";
  expect_like(ask("/v1/desired_lrp_scheduling_infos/list"), field("122e", info));
  expect_like(ask("/v1/desired_lrp_scheduling_infos/get_by_process_guid", "0a0170"),
              field("122e", info));
  EXPECT_EQ(ask("/v1/desired_lrp_scheduling_infos/get_by_process_guid", "0a0171"),
            "0a2d080d122974686520726571756573746564207265736f7572636520636f756c64206e6f742062652066"
            "6f756e64");
  expect_like(
      ask("/v1/desired_lrp_routing_infos/list"),
      "122e0a017012016420017a0a0a080a016b12035b315d8a01016caa01080a06677569642d??9a02080a0174"
      "12030a0173");
  // Whole ones are put together from two rows, so the order of fields is another; what they say is
  // not, and ports are not packed.
  const std::string one = ask("/v1/desired_lrps/get_by_process_guid.r3", "0a0170");
  EXPECT_NE(one.find("705070bb03"), std::string::npos) << one;
  EXPECT_EQ(ask("/v1/desired_lrps/list.r3"), one);
  models::DesiredLRPResponse found;
  ASSERT_TRUE(cf::decode(from_hex(one), found));
  expect_like(
      to_hex(cf::encode(found)),
      "12450a01701201641a03723a7320013a091a070a022f613201755840705070bb037a0a0a080a016b12035b"
      "315d8a01016caa01080a06677569642d??9a02080a017412030a0173");
  EXPECT_EQ(ask("/v1/desired_lrp/update", "0a017012020800"), "") << "to no instance";
  EXPECT_EQ(ask("/v1/desired_lrp/remove", "0a0170"), "");
  EXPECT_EQ(ask("/v1/desired_lrp/remove", "0a0170"),
            "0a2d080d122974686520726571756573746564207265736f7572636520636f756c64206e6f742062652066"
            "6f756e64");
}

TEST_F(ApiBytes, instances) {
  desire_by_hand();
  expect_like(ask("/v1/actual_lrps/list"), field("122d", kWaiting));
  EXPECT_EQ(ask("/v1/actual_lrps/list", "2001"), "") << "an index is asked for, 0 too";
  expect_like(ask("/v1/actual_lrps/list", "2000"), field("122d", kWaiting));
  EXPECT_EQ(ask("/v1/actual_lrps/claim", kClaim), "");
  EXPECT_EQ(ask("/v1/actual_lrps/claim", "0a01701a060a016a120163"),
            "0a1b080f121763616e6e6f7420636c61696d2061637475616c204c5250");
  EXPECT_EQ(ask("/v1/actual_lrps/start.r1", kStart), "");
  const std::string running = field("1253", kRunning);
  expect_like(ask("/v1/actual_lrps/list", "120163"), running);
  expect_like(ask("/v1/actual_lrps/list_by_process_guids", "0a01710a0170"), running);
  const std::string group = field("0a53", kRunning);
  expect_like(ask("/v1/actual_lrp_groups/list"), field("1255", group));
  expect_like(ask("/v1/actual_lrp_groups/get_by_process_guid_and_index", "0a0170"),
              field("1255", group));
  EXPECT_EQ(
      ask("/v1/actual_lrps/evacuate_running.r1", "0a060a01701a016412060a01691201631a030a0168"),
      "1001");
  EXPECT_EQ(ask("/v1/actual_lrps/evacuate_stopped", "0a060a01701a016412060a0169120163"), "");
  EXPECT_EQ(ask("/v1/actual_lrps/evacuate_claimed", "0a060a01701a016412060a0169120163"),
            "0a2d080d122974686520726571756573746564207265736f7572636520636f756c64206e6f742062652066"
            "6f756e64");
}

TEST_F(ApiBytes, instance_events) {
  follow("POST", "/v1/events/lrp_instances.r1");
  desire_by_hand();
  expect_told(
      "desired_lrp_created",
      "0a450a01701201641a03723a7320013a091a070a022f613201755840705070bb037a0a0a080a016b12035b"
      "315d8a01016caa01080a06677569642d??9a02080a017412030a0173");
  expect_told("actual_lrp_instance_created", field("0a2d", kWaiting));
  ask("/v1/actual_lrps/claim", kClaim);
  expect_told(
      "actual_lrp_instance_changed",
      "0a060a01701a016412060a01691201631a231a003209554e434c41494d454440??????????????????4a08"
      "0a06677569642d??580022231a003207434c41494d454440??????????????????4a0a0a06677569642d??"
      "10015800");
  ask("/v1/actual_lrps/start", kStart);
  expect_told(
      "actual_lrp_instance_changed",
      "0a060a01701a016412060a01691201631a231a003207434c41494d454440??????????????????4a0a0a06"
      "677569642d??1001580022361a100a01681206085010c9dc031a01782002320752554e4e494e4740??????"
      "????????????4a0a0a06677569642d??1002580162017a");
  ask("/v1/actual_lrps/crash", "0a060a01701a016412060a01691201631a0178");
  expect_told("actual_lrp_crashed",
              "0a060a01701a016412060a0169120163180122017828??????????????????");
  expect_told(
      "actual_lrp_instance_created",
      "0a340a060a01701a016412001a0020012a01783209554e434c41494d454440??????????????????4a0a0a"
      "06677569642d??10036800");
  expect_told("actual_lrp_instance_removed", field("0a53", kRunning));
}

TEST_F(ApiBytes, group_events) {
  follow("GET", "/v1/events.r1");
  desire_by_hand();
  ASSERT_TRUE(until([this] { return told_.size() == 2; }));
  told_.erase(told_.begin());
  const std::string group = field("0a2d", kWaiting);
  expect_told("actual_lrp_created", field("0a2f", group));
  ask("/v1/actual_lrps/start", kStart);
  expect_told(
      "actual_lrp_changed",
      field("0a2f", group) +
          "12550a530a060a01701a016412060a01691201631a100a01681206085010c9dc031a01782002320752554e"
          "4e494e4740??????????????????4a0a0a06677569642d??10015a030a016e62060a017412017368017201"
          "7a");
}

TEST_F(ApiBytes, tasks) {
  follow("POST", "/v1/events/tasks.r1");
  EXPECT_EQ(ask("/v1/tasks/desire.r2", "0a100a03723a731a091a070a022f613201751201741a0164"), "");
  const std::string_view pending =
      "0a100a03723a731a091a070a022f613201751201741a016420??????????????????28????????????????"
      "??3801";
  expect_told("task_created", field("0a2e", pending));
  expect_like(ask("/v1/tasks/list.r3"), field("122e", pending));
  EXPECT_EQ(ask("/v1/tasks/start", "0a0174120163"), "1001");
  const std::string_view running =
      "0a100a03723a731a091a070a022f613201751201741a016420??????????????????28????????????????"
      "??3802420163";
  expect_told("task_changed", field("0a2e", pending) + field("1231", running));
  EXPECT_EQ(ask("/v1/tasks/start", "0a0174120163"), "") << "it has";
  EXPECT_EQ(ask("/v1/tasks/start", "0a0174120178"),
            "0a2d0809122943616e6e6f74207472616e736974696f6e2066726f6d2052756e6e696e6720746f2052756e"
            "6e696e67");
  EXPECT_EQ(ask("/v1/tasks/complete", "0a0174120178"),
            "0a1b0818121752756e6e696e67206f6e2063656c6c2063206e6f742078");
  EXPECT_EQ(ask("/v1/tasks/complete", "0a0174120163180122037768792a03726573"), "");
  expect_like(
      ask("/v1/tasks/get_by_task_guid.r3", "0a0174"),
      "12440a100a03723a731a091a070a022f613201751201741a016420??????????????????28????????????"
      "??????30??????????????????38034a0372657350015a03776879");
  EXPECT_EQ(ask("/v1/tasks/delete", "0a0174"),
            "0a310809122d43616e6e6f74207472616e736974696f6e2066726f6d20436f6d706c6574656420746f2052"
            "65736f6c76696e67");
  EXPECT_EQ(ask("/v1/tasks/resolving", "0a0174"), "");
  EXPECT_EQ(ask("/v1/tasks/delete", "0a0174"), "");
  EXPECT_EQ(ask("/v1/tasks/get_by_task_guid.r3", "0a0174"),
            "0a2d080d122974686520726571756573746564207265736f7572636520636f756c64206e6f742062652066"
            "6f756e64");
}

}  // namespace
}  // namespace causeway::bbs::test
