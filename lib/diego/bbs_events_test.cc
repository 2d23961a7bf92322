#include "diego/bbs_events.h"

#include <gtest/gtest.h>

#include "diego/base64.h"
#include "diego/fake_services.h"

namespace causeway::diego {
namespace {

using namespace std::chrono_literals;

TEST(BbsEvents, every_type_is_decoded) {
  for (const LrpEvent& event :
       {LrpEvent(models::DesiredLRPCreatedEvent()), LrpEvent(models::DesiredLRPChangedEvent()),
        LrpEvent(models::DesiredLRPRemovedEvent()),
        LrpEvent(models::ActualLRPInstanceCreatedEvent()),
        LrpEvent(models::ActualLRPInstanceChangedEvent()),
        LrpEvent(models::ActualLRPInstanceRemovedEvent()),
        LrpEvent(models::ActualLRPCrashedEvent())}) {
    const auto [type, data] = encode_event(event);
    auto decoded = decode_lrp_event(type, data);
    ASSERT_TRUE(decoded && *decoded) << type;
    EXPECT_EQ((*decoded)->index(), event.index());
  }
  models::TaskChangedEvent changed;
  changed.mutable_after()->set_task_guid("t");
  const auto [type, data] = encode_event(TaskEvent(changed));
  EXPECT_EQ(type, "task_changed");
  auto decoded = decode_task_event(type, data);
  ASSERT_TRUE(decoded && *decoded);
  EXPECT_EQ(std::get<models::TaskChangedEvent>(**decoded).after().task_guid(), "t");
}

TEST(BbsEvents, unknown_types_are_passed_over_and_bad_data_is_an_error) {
  auto unknown = decode_lrp_event("something_new", "!!");
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(*unknown);
  for (const std::string& data : {std::string("!!"), base64_encode("not protobuf")}) {
    auto bad = decode_lrp_event("desired_lrp_created", data);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().fault, Fault::protocol);
    EXPECT_NE(bad.error().detail.find("desired_lrp_created"), std::string::npos);
  }
}

class EventFeedTest : public testing::Test {
 protected:
  void serve() {
    bbs.server->route("POST", "/v1/events/lrp_instances.r1",
                      [this](const rpc::Request& request, rpc::Responder responder) {
                        models::EventsByCellId filter;
                        EXPECT_TRUE(filter.ParseFromString(request.body));
                        EXPECT_EQ(filter.cell_id(), "cell-a");
                        stream = responder.stream();
                      });
  }
  void follow() {
    feed = follow_lrp_events(bed.loop(), bbs.url(), "cell-a", {.first_wait = 5ms, .wait_max = 20ms},
                             {.on_open = [this] { ++opened; },
                              .on_lost = [this](const Error& error) { lost.push_back(error); }},
                             [this](const LrpEvent& event) { events.push_back(event.index()); });
  }
  void send(const LrpEvent& event) {
    const auto [type, data] = encode_event(event);
    EXPECT_TRUE(stream->send("0", type, data));
  }

  rpc::test::TestBed bed;
  std::unique_ptr<rpc::Responder::EventStream> stream;
  test::FakeService bbs{bed};
  std::unique_ptr<EventFeed> feed;
  int opened = 0;
  std::vector<Error> lost;
  std::vector<size_t> events;
};

TEST_F(EventFeedTest, delivers_events_in_order) {
  serve();
  follow();
  ASSERT_TRUE(bed.until([&] { return opened == 1; }));
  EXPECT_TRUE(feed->is_open());
  send(models::DesiredLRPCreatedEvent());
  send(models::ActualLRPInstanceCreatedEvent());
  EXPECT_TRUE(stream->send("2", "unheard_of", "x"));
  send(models::ActualLRPCrashedEvent());
  ASSERT_TRUE(bed.until([&] { return events.size() == 3; }));
  EXPECT_EQ(events, (std::vector<size_t>{0, 3, 6}));
  EXPECT_TRUE(lost.empty());
}

TEST_F(EventFeedTest, reports_the_gap_and_comes_back_when_the_bbs_does) {
  serve();
  follow();
  ASSERT_TRUE(bed.until([&] { return opened == 1; }));
  bbs.stop();
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; }));
  EXPECT_FALSE(feed->is_open());
  const Instant start = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed.until([&] { return std::chrono::steady_clock::now() - start > 100ms; }));
  EXPECT_EQ(lost.size(), 1u);  // told once, not at each attempt
  bbs.start();
  serve();
  ASSERT_TRUE(bed.until([&] { return opened == 2; }));
  send(models::DesiredLRPCreatedEvent());
  ASSERT_TRUE(bed.until([&] { return events.size() == 1; }));
}

TEST_F(EventFeedTest, tells_when_it_cannot_be_opened_at_first) {
  bbs.stop();
  follow();
  ASSERT_TRUE(bed.until([&] { return lost.size() == 1; }));
  EXPECT_EQ(lost[0].fault, Fault::refused);
  EXPECT_EQ(opened, 0);
}

TEST_F(EventFeedTest, an_event_that_does_not_decode_is_a_gap) {
  serve();
  follow();
  ASSERT_TRUE(bed.until([&] { return opened == 1; }));
  EXPECT_TRUE(stream->send("0", "desired_lrp_created", "!!"));
  ASSERT_TRUE(bed.until([&] { return opened == 2; }));
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].fault, Fault::protocol);
  EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace causeway::diego
