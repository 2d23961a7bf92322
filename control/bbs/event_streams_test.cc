// The deprecated event streams, and what all of them share.
#include "control/bbs/events/event_streams.h"

#include <gtest/gtest.h>

#include "control/bbs/bbs_under_test.h"
#include "control/bbs/events/group_events.h"
#include "diego/base64.h"
#include "rpc/test_bed.h"

namespace causeway::bbs {
namespace {

models::ActualLRP row_of(const std::string& state, const std::string& name,
                         Presence presence = models::ActualLRP::ORDINARY) {
  models::ActualLRP row;
  row.set_state(state);
  row.set_presence(presence);
  if (!name.empty()) {
    row.mutable_actual_lrp_instance_key()->set_instance_guid(name);
    row.mutable_actual_lrp_instance_key()->set_cell_id("cell-" + name);
  }
  return row;
}

std::string group_names(const IndexRows& before, const IndexRows& after) {
  std::string names;
  for (const auto& event : group_events(before, after))
    names += (names.empty() ? "" : " ") + std::string(event_name(event).substr(11));
  return names;
}

IndexRows ordinary(const std::string& state, const std::string& name) {
  IndexRows rows;
  rows.ordinary = row_of(state, name);
  return rows;
}

TEST(GroupEvents, of_one_index) {
  const IndexRows none;
  EXPECT_EQ(group_names(none, none), "");
  EXPECT_EQ(group_names(none, ordinary("UNCLAIMED", "")), "created");
  EXPECT_EQ(group_names(ordinary("UNCLAIMED", ""), ordinary("CLAIMED", "a")), "changed");
  EXPECT_EQ(group_names(ordinary("RUNNING", "a"), ordinary("RUNNING", "a")), "");
  EXPECT_EQ(group_names(ordinary("RUNNING", "a"), ordinary("UNCLAIMED", "")), "changed")
      << "old subscribers see no removal";
  EXPECT_EQ(group_names(ordinary("CLAIMED", "a"), ordinary("RUNNING", "b")), "created removed");
  EXPECT_EQ(group_names(ordinary("RUNNING", "a"), none), "removed");

  IndexRows suspect;  // waits for its replacement
  suspect.suspect = row_of("RUNNING", "a", models::ActualLRP::SUSPECT);
  suspect.ordinary = row_of("UNCLAIMED", "");
  EXPECT_EQ(group_names(ordinary("RUNNING", "a"), suspect), "changed") << "its presence";
  IndexRows starting = suspect;
  starting.ordinary = row_of("CLAIMED", "b");
  EXPECT_EQ(group_names(suspect, starting), "") << "the suspect is still what is shown";
  EXPECT_EQ(group_names(starting, ordinary("RUNNING", "b")), "created removed");

  IndexRows evacuating = ordinary("UNCLAIMED", "");
  evacuating.evacuating = row_of("RUNNING", "a", models::ActualLRP::EVACUATING);
  EXPECT_EQ(group_names(ordinary("RUNNING", "a"), evacuating), "created changed");
}

TEST(GroupEvents, a_change_concerns_the_cell_before_and_the_one_after) {
  const auto events = group_events(ordinary("RUNNING", "a"), ordinary("UNCLAIMED", ""));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(concerns_cell(events[0], ""));
  EXPECT_TRUE(concerns_cell(events[0], "cell-a"));
  EXPECT_FALSE(concerns_cell(events[0], "cell-b"));
}

class EventStreamsTest : public test::BbsTest {
 protected:
  struct Stream {
    std::string names;      // "created changed ..."
    std::string last_data;  // of the last event, as bytes
    std::unique_ptr<rpc::Client::EventStream> handle;
    bool is_open = false;
    Error closed;
  };
  void follow(Stream& stream, const std::string& method, const std::string& path) {
    stream.handle = client_.subscribe(
        {.method = method, .url = url_ + path},
        {.on_open = [&stream] { stream.is_open = true; },
         .on_event =
             [&stream](auto, auto event, auto data) {
               stream.names += (stream.names.empty() ? "" : " ") + std::string(event);
               stream.last_data = diego::base64_decode(data).value();
             },
         .on_close = [&stream](const Error& error) { stream.closed = error; }});
    EXPECT_TRUE(until([&] { return stream.is_open; })) << path;
  }
  static models::DesiredLRP layered() {
    auto layered = lrp("p", 1);
    auto& layer = *layered.add_image_layers();
    layer.set_url("http://files/buildpack.tgz");
    layer.set_destination_path("/tmp/lifecycle");
    layer.set_layer_type(models::ImageLayer::SHARED);
    layer.set_media_type(models::ImageLayer::TGZ);
    return layered;
  }
};

TEST_F(EventStreamsTest, say_once_that_they_are_not_to_be_cached) {
  const auto place = net::parse_host_port(url_.substr(std::string("http://").size()));
  rpc::test::RawPeer peer(loop_, net::Address::loopback(place->port));
  ASSERT_TRUE(until([&] { return peer.is_connected(); }));
  peer.send("GET /v1/events HTTP/1.1\r\nHost: bbs\r\n\r\n");
  ASSERT_TRUE(until([&] { return peer.received.ends_with("\r\n\r\n"); }));
  const size_t at =
      peer.received.find("\r\nCache-Control: no-cache, no-store, must-revalidate\r\n");
  ASSERT_NE(at, std::string::npos) << peer.received;
  EXPECT_EQ(peer.received.find("Cache-Control", at + 3), std::string::npos) << peer.received;
}

TEST_F(EventStreamsTest, groups_tell_of_a_whole_life) {
  Stream stream;
  follow(stream, "GET", "/v1/events.r1");
  EXPECT_EQ(desire(lrp("p", 1)), "");
  EXPECT_EQ(claim("p", 0, "i", "cell"), "");
  EXPECT_EQ(run("p", 0, "i", "cell"), "");
  EXPECT_EQ(crash("p", 0, "i", "cell"), "");
  EXPECT_EQ(remove("p"), "");
  EXPECT_TRUE(until([&] { return stream.names.ends_with("actual_lrp_removed"); })) << stream.names;
  EXPECT_EQ(stream.names,
            "desired_lrp_created actual_lrp_created actual_lrp_changed actual_lrp_changed "
            "actual_lrp_crashed actual_lrp_changed desired_lrp_removed actual_lrp_removed");
  models::ActualLRPRemovedEvent removed;
  ASSERT_TRUE(cf::decode(stream.last_data, removed));
  EXPECT_EQ(removed.actual_lrp_group().instance().actual_lrp_key().process_guid(), "p");
  EXPECT_FALSE(removed.actual_lrp_group().has_evacuating());
}

TEST_F(EventStreamsTest, old_streams_know_no_image_layers) {
  Stream groups_r0, groups_r1, instances_r0;
  follow(groups_r0, "GET", "/v1/events");
  follow(groups_r1, "GET", "/v1/events.r1");
  follow(instances_r0, "POST", "/v1/events/lrp_instances");
  auto wanted = layered();
  wanted.set_instances(0);
  EXPECT_EQ(desire(wanted), "");
  for (Stream* stream : {&groups_r0, &groups_r1, &instances_r0}) {
    EXPECT_TRUE(until([&] { return stream->names == "desired_lrp_created"; })) << stream->names;
    models::DesiredLRPCreatedEvent created;
    ASSERT_TRUE(cf::decode(stream->last_data, created));
    const bool is_new = stream == &groups_r1;
    EXPECT_EQ(created.desired_lrp().image_layers_size(), is_new ? 1 : 0);
    EXPECT_EQ(created.desired_lrp().cached_dependencies_size(), is_new ? 0 : 1);
  }
  Stream tasks;
  follow(tasks, "POST", "/v1/events/tasks");
  models::DesireTaskRequest task;
  task.set_task_guid("t");
  task.set_domain("d");
  task.mutable_task_definition()->set_root_fs("preloaded:stack");
  task.mutable_task_definition()->mutable_action()->mutable_run_action()->set_path("/bin/true");
  task.mutable_task_definition()->mutable_action()->mutable_run_action()->set_user("vcap");
  *task.mutable_task_definition()->add_image_layers() = layered().image_layers(0);
  EXPECT_EQ(error_of<models::TaskLifecycleResponse>("/v1/tasks/desire.r2", task), "");
  EXPECT_TRUE(until([&] { return tasks.names == "task_created"; })) << tasks.names;
  models::TaskCreatedEvent created;
  ASSERT_TRUE(cf::decode(tasks.last_data, created));
  EXPECT_EQ(created.task().task_definition().image_layers_size(), 0);
  EXPECT_EQ(created.task().task_definition().cached_dependencies_size(), 1);
}

TEST_F(EventStreamsTest, a_list_longer_than_a_page_is_whole) {
  // Above what is answered in one piece.
  constexpr int lrps = 250;
  auto large = lrp("p", 1);
  for (int i = 0; i < lrps; ++i) {
    large.set_process_guid("p" + std::to_string(i));
    large.set_annotation(std::string(4000, 'x'));
    ASSERT_EQ(desire(large), "");
  }
  const auto reply = post_raw("/v1/desired_lrps/list.r3", "");
  EXPECT_EQ(reply.header("Transfer-Encoding"), "chunked");
  EXPECT_GT(reply.body.size(), 1'000'000u);
  models::DesiredLRPsResponse response;
  ASSERT_TRUE(cf::decode(reply.body, response));
  std::set<std::string> guids;
  for (const auto& one : response.desired_lrps()) guids.insert(one.process_guid());
  EXPECT_EQ(guids.size(), static_cast<size_t>(lrps));
  EXPECT_EQ(response.desired_lrps_size(), lrps);
  EXPECT_NE(post_raw("/v1/actual_lrps/list", "").header("Content-Length"), "")
      << "short ones come in one piece";
}

TEST(EventStreamsLimit, is_full_at_its_limit) {
  const EventStreams none(0);
  EXPECT_TRUE(none.is_full());
  EXPECT_FALSE(EventStreams().is_full());
}

}  // namespace
}  // namespace causeway::bbs
