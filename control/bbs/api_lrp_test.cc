// The API for LRPs, over HTTP.
#include <set>
#include <tuple>

#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

using ApiLrps = BbsTest;

TEST_F(ApiLrps, ping_says_available) {
  const auto response = post<models::PingResponse>("/v1/ping", models::PingResponse());
  EXPECT_TRUE(response.available());
}

TEST_F(ApiLrps, an_lrp_that_is_desired_has_instances_events_and_an_auction) {
  subscribe();
  ASSERT_EQ(desire(lrp("p", 2)), "");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 1:UNCLAIMED");
  EXPECT_EQ(outbox_.take_placed(), "p[0,1]");
  EXPECT_EQ(seen(), "desired_lrp_created; created UNCLAIMED@; created UNCLAIMED@");
  EXPECT_EQ(desire(lrp("p", 5)), "12 the requested resource already exists");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 1:UNCLAIMED");
  EXPECT_EQ(outbox_.take_placed(), "");
  EXPECT_EQ(seen(), "");
}

TEST_F(ApiLrps, what_was_desired_is_read_back) {
  models::DesiredLRP wanted = lrp("p", 1);
  wanted.add_volume_mounts()->set_driver("nfs");
  wanted.mutable_volume_mounts(0)->set_container_dir("/data");
  wanted.mutable_volume_mounts(0)->set_mode("rw");
  wanted.mutable_volume_mounts(0)->mutable_shared()->set_volume_id("v1");
  wanted.set_annotation("2026-01-01");
  wanted.add_ports(8080);
  wanted.add_placement_tags("blue");
  ASSERT_EQ(desire(wanted), "");

  models::DesiredLRPByProcessGuidRequest one;
  one.set_process_guid("p");
  auto found = post<models::DesiredLRPResponse>("/v1/desired_lrps/get_by_process_guid.r3", one)
                   .desired_lrp();
  EXPECT_FALSE(found.modification_tag().epoch().empty());
  found.clear_modification_tag();
  // Routes come back compacted, and old clients find the source where they look for it.
  wanted.set_metrics_guid("p");
  (*wanted.mutable_routes()->mutable_routes())["cf-router"] =
      R"([{"hostnames":["x.example"],"port":8080}])";
  EXPECT_EQ(cf::encode(found), cf::encode(wanted));

  const auto info = post<models::DesiredLRPSchedulingInfoByProcessGuidResponse>(
                        "/v1/desired_lrp_scheduling_infos/get_by_process_guid", one)
                        .desired_lrp_scheduling_info();
  EXPECT_EQ(info.desired_lrp_key().log_guid(), "log-p");
  EXPECT_EQ(info.desired_lrp_resource().root_fs(), "preloaded:stack");
  EXPECT_EQ(info.volume_placement().driver_names(0), "nfs");
  EXPECT_EQ(info.placement_tags(0), "blue");
  EXPECT_EQ(info.annotation(), "2026-01-01");

  one.set_process_guid("nobody");
  EXPECT_EQ(error_of<models::DesiredLRPResponse>("/v1/desired_lrps/get_by_process_guid.r3", one),
            "13 the requested resource could not be found");
}

TEST_F(ApiLrps, lists_follow_their_filters) {
  for (const char* guid : {"app1-v1", "app1-v2", "app2-v1"}) ASSERT_EQ(desire(lrp(guid, 1)), "");
  models::DesiredLRP other = lrp("other", 1);
  other.set_domain("elsewhere");
  ASSERT_EQ(desire(other), "");
  const auto guids = [&](const models::DesiredLRPsRequest& request) {
    std::string text;
    const auto lrps = post<models::DesiredLRPsResponse>("/v1/desired_lrps/list.r3", request);
    for (const auto& found : lrps.desired_lrps()) text += found.process_guid() + " ";
    const auto infos = post<models::DesiredLRPSchedulingInfosResponse>(
        "/v1/desired_lrp_scheduling_infos/list", request);
    std::string same;
    for (const auto& found : infos.desired_lrp_scheduling_infos())
      same += found.desired_lrp_key().process_guid() + " ";
    EXPECT_EQ(text, same);
    return text;
  };
  models::DesiredLRPsRequest request;
  EXPECT_EQ(guids(request), "app1-v1 app1-v2 app2-v1 other ");
  request.set_domain("cf-apps");
  EXPECT_EQ(guids(request), "app1-v1 app1-v2 app2-v1 ");
  request.add_process_guids("other");
  request.add_process_guids("app2-v1");
  request.add_process_guids("unknown");
  EXPECT_EQ(guids(request), "app2-v1 ");
  request.clear_process_guids();
  request.add_app_guids("app1");
  EXPECT_EQ(guids(request), "app1-v1 app1-v2 ");
  // The domain is of no consequence here.
  request.clear_app_guids();
  const auto routing =
      post<models::DesiredLRPsResponse>("/v1/desired_lrp_routing_infos/list", request);
  ASSERT_EQ(routing.desired_lrps_size(), 4);
  EXPECT_EQ(routing.desired_lrps(0).routes().routes().size(), 1u);
  EXPECT_FALSE(routing.desired_lrps(0).has_action());
}

TEST_F(ApiLrps, an_instance_is_claimed_started_and_found_by_its_cell) {
  ASSERT_EQ(desire(lrp("p", 2)), "");
  subscribe();
  EXPECT_EQ(claim("p", 0, "i0", "c1"), "");
  EXPECT_EQ(seen(), "changed UNCLAIMED->CLAIMED@i0");
  EXPECT_EQ(claim("p", 0, "i0", "c1"), "");
  EXPECT_EQ(claim("p", 0, "i9", "c2"), "15 cannot claim actual LRP");
  EXPECT_EQ(claim("p", 7, "i9", "c2"), "13 the requested resource could not be found");
  EXPECT_EQ(seen(), "");
  EXPECT_EQ(run("p", 0, "i0", "c1"), "");
  EXPECT_EQ(seen(), "changed CLAIMED->RUNNING@i0");
  const size_t commits = store_.commits();
  EXPECT_EQ(run("p", 0, "i0", "c1"), "") << "the heart-beat";
  EXPECT_EQ(store_.commits(), commits);
  EXPECT_EQ(run("p", 0, "i9", "c2"), "16 cannot start actual LRP");
  EXPECT_EQ(run("p", 1, "i1", "c2"), "") << "without a claim";
  EXPECT_EQ(seen(), "changed UNCLAIMED->RUNNING@i1");
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0 1:RUNNING@c2/i1");
  EXPECT_EQ(rows("", "c1"), "p/0:RUNNING@c1/i0");
  EXPECT_EQ(rows("", "c3"), "");
  models::ActualLRPsRequest request;
  request.set_index(1);
  const auto found = post<models::ActualLRPsResponse>("/v1/actual_lrps/list", request);
  ASSERT_EQ(found.actual_lrps_size(), 1);
  EXPECT_TRUE(found.actual_lrps(0).routable()) << "absent means true";
  EXPECT_EQ(found.actual_lrps(0).actual_lrp_net_info().ports(0).host_port(), 60001u);
}

TEST_F(ApiLrps, subscribers_of_one_cell_see_that_cell_only) {
  ASSERT_EQ(desire(lrp("p", 2)), "");
  subscribe("c2");
  EXPECT_EQ(run("p", 0, "i0", "c1"), "");
  EXPECT_EQ(run("p", 1, "i1", "c2"), "");
  EXPECT_EQ(seen(), "changed UNCLAIMED->RUNNING@i1");
  EXPECT_EQ(scale("p", 1), "");
  EXPECT_EQ(seen(), "desired_lrp_changed");
}

TEST_F(ApiLrps, the_first_crashes_restart_at_once_and_the_third_waits) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  outbox_.take_placed();
  for (int count = 1; count <= 2; ++count) {
    ASSERT_EQ(run("p", 0, "i", "c1"), "");
    subscribe();
    EXPECT_EQ(crash("p", 0, "i", "c1"), "");
    EXPECT_EQ(seen(), "actual_lrp_crashed " + std::to_string(count) +
                          "@i; created UNCLAIMED@; removed RUNNING@i");
    EXPECT_EQ(outbox_.take_placed(), "p[0]");
  }
  ASSERT_EQ(run("p", 0, "i", "c1"), "");
  subscribe();
  EXPECT_EQ(crash("p", 0, "other", "c1"), "17 cannot crash actual LRP");
  EXPECT_EQ(crash("p", 0, "i", "c1"), "");
  EXPECT_EQ(seen(), "actual_lrp_crashed 3@i; changed RUNNING->CRASHED@i");
  EXPECT_EQ(outbox_.take_placed(), "");
  EXPECT_EQ(rows("p"), "0:CRASHED");
  EXPECT_EQ(crash("p", 4, "i", "c1"), "13 the requested resource could not be found");
  converge();
  EXPECT_EQ(rows("p"), "0:CRASHED");
  clock_.advance(std::chrono::seconds(31));
  converge();
  EXPECT_EQ(rows("p"), "0:UNCLAIMED");
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
}

TEST_F(ApiLrps, scaling_up_adds_instances_and_scaling_down_stops_them) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  outbox_.take_placed();
  subscribe();
  ASSERT_EQ(scale("p", 4), "");
  EXPECT_EQ(outbox_.take_placed(), "p[1,2,3]");
  EXPECT_EQ(seen(),
            "desired_lrp_changed; created UNCLAIMED@; created UNCLAIMED@; created UNCLAIMED@");
  ASSERT_EQ(run("p", 2, "i2", "c1"), "");
  seen();
  ASSERT_EQ(scale("p", 1), "");
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0 2:RUNNING@c1/i2") << "its cell has to stop it";
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i2 at http://c1:1801"});
  EXPECT_EQ(seen(), "desired_lrp_changed; removed UNCLAIMED@; removed UNCLAIMED@");
  EXPECT_EQ(remove_actual("p", 2, "i2", "c1"), "");
  EXPECT_EQ(seen(), "removed RUNNING@i2");
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0");
  EXPECT_EQ(remove_actual("p", 2, "i2", "c1"), "13 the requested resource could not be found");
  EXPECT_EQ(scale("nobody", 3), "13 the requested resource could not be found");
}

TEST_F(ApiLrps, an_update_raises_the_tag_and_tells_running_instances_of_new_internal_routes) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  subscribe();
  models::UpdateDesiredLRPRequest request;
  request.set_process_guid("p");
  (*request.mutable_update()->mutable_routes()->mutable_routes())["internal-router"] =
      R"([{"hostname":"p.internal"}])";
  request.mutable_update()->set_annotation("new");
  ASSERT_EQ(error_of<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/update", request), "");
  EXPECT_EQ(seen(), "desired_lrp_changed");
  const auto& changed = std::get<models::DesiredLRPChangedEvent>(last_events_.back());
  EXPECT_EQ(changed.before().modification_tag().index(), 0u);
  EXPECT_EQ(changed.after().modification_tag().index(), 1u);
  EXPECT_EQ(changed.before().modification_tag().epoch(),
            changed.after().modification_tag().epoch());
  EXPECT_EQ(changed.after().annotation(), "new");
  EXPECT_EQ(changed.after().metrics_guid(), "p");
  EXPECT_EQ(changed.after().environment_variables_size(), 1) << "whole";
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"update p/i0 at http://c1:1801"});
}

TEST_F(ApiLrps, a_removed_lrp_stops_its_instances) {
  present("c1");
  ASSERT_EQ(desire(lrp("p", 2)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  subscribe();
  ASSERT_EQ(remove("p"), "");
  EXPECT_EQ(seen(), "desired_lrp_removed; removed UNCLAIMED@");
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i0 at http://c1:1801"});
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0");
  EXPECT_EQ(remove("p"), "13 the requested resource could not be found");
}

TEST_F(ApiLrps, an_instance_that_its_cell_gave_up_is_placed_again_without_waiting_for_convergence) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  outbox_.take_placed();
  ASSERT_EQ(remove_actual("p", 0, "i0", "c1"), "");
  EXPECT_TRUE(until([&] { return rows("p") == "0:UNCLAIMED"; }));
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
}

TEST_F(ApiLrps, retiring_depends_on_who_holds_the_instance) {
  fresh_domain();
  present("c1");
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  models::RetireActualLRPRequest request;
  request.mutable_actual_lrp_key()->set_process_guid("p");
  request.mutable_actual_lrp_key()->set_domain("cf-apps");
  EXPECT_EQ(error_of("/v1/actual_lrps/retire", request), "");
  EXPECT_EQ(outbox_.told, std::vector<std::string>{"stop p/i0 at http://c1:1801"});
  EXPECT_EQ(rows("p"), "0:RUNNING@c1/i0");
  request.mutable_actual_lrp_key()->set_index(4);
  EXPECT_EQ(error_of("/v1/actual_lrps/retire", request),
            "13 the requested resource could not be found");
}

// Who retires it does not want it now. Should it be desired still, the next pass has it made anew.
TEST_F(ApiLrps, a_retired_instance_that_nobody_held_is_gone_until_a_pass) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  outbox_.take_placed();
  subscribe();
  models::RetireActualLRPRequest request;
  request.mutable_actual_lrp_key()->set_process_guid("p");
  request.mutable_actual_lrp_key()->set_domain("cf-apps");
  EXPECT_EQ(error_of("/v1/actual_lrps/retire", request), "");
  EXPECT_EQ(seen(), "removed UNCLAIMED@");
  EXPECT_EQ(rows("p"), "");
  EXPECT_EQ(outbox_.take_placed(), "");
  converge();
  EXPECT_EQ(rows("p"), "0:UNCLAIMED");
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
}

TEST_F(ApiLrps, the_auctioneer_can_say_why_there_is_no_place) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  models::FailActualLRPRequest request;
  request.mutable_actual_lrp_key()->set_process_guid("p");
  request.mutable_actual_lrp_key()->set_domain("cf-apps");
  request.set_error_message("insufficient resources: memory");
  EXPECT_EQ(error_of("/v1/actual_lrps/fail", request), "");
  models::ActualLRPsRequest all;
  const auto found = post<models::ActualLRPsResponse>("/v1/actual_lrps/list", all);
  EXPECT_EQ(found.actual_lrps(0).placement_error(), "insufficient resources: memory");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  EXPECT_EQ(error_of("/v1/actual_lrps/fail", request), "18 cannot fail actual LRP");
  EXPECT_EQ(post<models::ActualLRPsResponse>("/v1/actual_lrps/list", all)
                .actual_lrps(0)
                .placement_error(),
            "");
  request.mutable_actual_lrp_key()->set_index(9);
  EXPECT_EQ(error_of("/v1/actual_lrps/fail", request), "") << "as the original does";
}

TEST_F(ApiLrps, groups_show_an_instance_and_the_one_that_leaves) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  ASSERT_EQ(run("p", 0, "i0", "c1"), "");
  models::EvacuateRunningActualLRPRequest leave;
  fill_keys(leave, "p", 0, "i0", "c1");
  leave.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
  outbox_.take_placed();
  subscribe();
  auto answer = post<models::EvacuationResponse>("/v1/actual_lrps/evacuate_running.r1", leave);
  EXPECT_TRUE(answer.keep_container());
  EXPECT_EQ(seen(), "changed RUNNING->RUNNING@i0; created UNCLAIMED@");
  EXPECT_EQ(outbox_.take_placed(), "p[0]");
  EXPECT_EQ(rows("p"), "0:UNCLAIMED 0e:RUNNING@c1/i0");
  models::ActualLRPGroupByProcessGuidAndIndexRequest one;
  one.set_process_guid("p");
  const auto group = post<models::ActualLRPGroupResponse>(
                         "/v1/actual_lrp_groups/get_by_process_guid_and_index", one)
                         .actual_lrp_group();
  EXPECT_EQ(group.instance().state(), "UNCLAIMED");
  EXPECT_EQ(group.evacuating().actual_lrp_instance_key().instance_guid(), "i0");
  EXPECT_EQ(post<models::ActualLRPGroupsResponse>("/v1/actual_lrp_groups/list",
                                                  models::ActualLRPGroupsRequest())
                .actual_lrp_groups_size(),
            1);
  ASSERT_EQ(run("p", 0, "i1", "c2"), "");
  EXPECT_EQ(seen(), "changed UNCLAIMED->RUNNING@i1; removed RUNNING@i0");
  answer = post<models::EvacuationResponse>("/v1/actual_lrps/evacuate_running.r1", leave);
  EXPECT_FALSE(answer.keep_container());
  EXPECT_FALSE(answer.has_error());
}

// The deprecated calls are those of clients that know nothing of being routable.
TEST_F(ApiLrps, what_an_old_client_starts_or_evacuates_is_routable) {
  ASSERT_EQ(desire(lrp("p", 4)), "");
  const auto routable = [&](int32_t index) {
    models::ActualLRPsRequest request;
    request.set_process_guid("p");
    request.set_index(index);
    const auto found = post<models::ActualLRPsResponse>("/v1/actual_lrps/list", request);
    std::string text;
    for (const auto& row : found.actual_lrps())
      text += !row.has_routable() ? "?" : row.routable() ? "yes" : "no";
    return text;
  };
  const struct {
    const char* path;
    std::optional<bool> asked;
    const char* expected;
  } cases[] = {{"start", false, "yes"},
               {"start.r1", false, "no"},
               {"start.r1", true, "yes"},
               {"start.r1", {}, "yes"}};
  for (int32_t index = 0; index < 4; ++index) {
    models::StartActualLRPRequest start;
    fill_keys(start, "p", index, "i" + std::to_string(index), "c1");
    start.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
    EXPECT_EQ(routable(index), "no") << "nobody has started it";
    if (cases[index].asked) start.set_routable(*cases[index].asked);
    EXPECT_EQ(error_of("/v1/actual_lrps/" + std::string(cases[index].path), start), "");
    EXPECT_EQ(routable(index), cases[index].expected) << index;
  }
  for (const auto& [path, index, expected] :
       {std::tuple{"evacuate_running", 0, "noyes"}, std::tuple{"evacuate_running.r1", 1, "nono"}}) {
    models::EvacuateRunningActualLRPRequest leave;
    fill_keys(leave, "p", index, "i" + std::to_string(index), "c1");
    leave.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
    leave.set_routable(false);
    EXPECT_EQ(error_of<models::EvacuationResponse>("/v1/actual_lrps/" + std::string(path), leave),
              "");
    EXPECT_EQ(routable(index), expected) << "the replacement, and the one that leaves";
  }
}

TEST_F(ApiLrps, layers_are_folded_for_old_clients_and_not_for_others) {
  auto layered = lrp("p", 1);
  layered.set_legacy_download_user("vcap");
  auto& own = *layered.add_cached_dependencies();
  own.set_from("http://files/own");
  own.set_to("/own");
  for (const auto type : {models::ImageLayer::EXCLUSIVE, models::ImageLayer::SHARED}) {
    auto& layer = *layered.add_image_layers();
    layer.set_name(type == models::ImageLayer::SHARED ? "shared" : "droplet");
    layer.set_url("http://files/" + layer.name());
    layer.set_destination_path("/" + layer.name());
    layer.set_layer_type(type);
    layer.set_media_type(models::ImageLayer::TGZ);
    if (type == models::ImageLayer::SHARED) continue;
    layer.set_digest_algorithm(models::ImageLayer::SHA256);
    layer.set_digest_value("abc");
  }
  ASSERT_EQ(desire(layered), "");
  models::DesiredLRPByProcessGuidRequest one;
  one.set_process_guid("p");
  const auto given =
      post<models::DesiredLRPResponse>("/v1/desired_lrps/get_by_process_guid.r3", one);
  EXPECT_EQ(given.desired_lrp().image_layers_size(), 2);
  EXPECT_FALSE(given.desired_lrp().has_setup());
  const auto folded =
      post<models::DesiredLRPResponse>("/v1/desired_lrps/get_by_process_guid.r2", one);
  const auto list =
      post<models::DesiredLRPsResponse>("/v1/desired_lrps/list.r2", models::DesiredLRPsRequest());
  ASSERT_EQ(list.desired_lrps_size(), 1);
  EXPECT_EQ(cf::encode(list.desired_lrps(0)), cf::encode(folded.desired_lrp()));
  const models::DesiredLRP& old = folded.desired_lrp();
  EXPECT_EQ(old.image_layers_size(), 0);
  ASSERT_EQ(old.cached_dependencies_size(), 2);
  EXPECT_EQ(old.cached_dependencies(0).name(), "shared") << "first";
  EXPECT_EQ(old.cached_dependencies(0).cache_key(), "http://files/shared") << "no digest";
  EXPECT_EQ(old.cached_dependencies(1).from(), "http://files/own");
  ASSERT_EQ(old.setup().parallel_action().actions_size(), 1);
  const auto& download = old.setup().parallel_action().actions(0).download_action();
  EXPECT_EQ(download.artifact(), "droplet");
  EXPECT_EQ(download.cache_key(), "sha256:abc");
  EXPECT_EQ(download.checksum_algorithm(), "sha256");
  EXPECT_EQ(download.checksum_value(), "abc");
  EXPECT_EQ(download.user(), "vcap");
}

TEST_F(ApiLrps, a_domain_is_fresh_until_its_time_is_over_or_for_ever) {
  const auto fresh = [&] {
    const auto list = post<models::DomainsResponse>("/v1/domains/list", models::PingResponse());
    return std::set<std::string>(list.domains().begin(), list.domains().end());
  };
  models::UpsertDomainRequest request;
  for (const auto& [name, ttl] :
       {std::pair{"short", 60u}, std::pair{"long", 200u}, std::pair{"for-ever", 0u}}) {
    request.set_domain(name);
    request.set_ttl(ttl);
    EXPECT_EQ(error_of<models::UpsertDomainResponse>("/v1/domains/upsert", request), "");
  }
  EXPECT_EQ(fresh(), (std::set<std::string>{"short", "long", "for-ever"}));
  clock_.advance(std::chrono::seconds(61));
  EXPECT_EQ(fresh(), (std::set<std::string>{"long", "for-ever"}));
  request.set_domain("long");
  request.set_ttl(10);
  EXPECT_EQ(error_of<models::UpsertDomainResponse>("/v1/domains/upsert", request), "");
  clock_.advance(std::chrono::seconds(11));
  EXPECT_EQ(fresh(), std::set<std::string>{"for-ever"}) << "the last word counts";
}

TEST_F(ApiLrps, bodies_that_are_no_message_are_refused_and_counted) {
  const rpc::Reply reply = post_raw("/v1/desired_lrp/desire.r2", "not a protobuf message");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "application/x-protobuf");
  models::DesiredLRPLifecycleResponse response;
  ASSERT_TRUE(cf::decode(reply.body, response));
  EXPECT_EQ(response.error().type(), models::Error::InvalidRequest);
  EXPECT_EQ(response.error().message(), "the request received is invalid");
  EXPECT_EQ(metric("RequestsFailed"), 1);
  models::DesiredLRP bad = lrp("p", 1);
  bad.set_instances(-1);
  bad.clear_action();
  EXPECT_EQ(desire(bad), "4 Invalid field: action, Invalid field: instances");
  EXPECT_EQ(rows(), "");
}

TEST_F(ApiLrps, unknown_paths_are_not_found) {
  EXPECT_EQ(post_raw("/v1/nothing", "").status, 404);
  EXPECT_EQ(post_raw("/v1/events.r1", "").status, 405) << "that stream is a GET";
}

TEST_F(ApiLrps, two_writers_of_one_row_are_both_heard) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  // Between the read and the commit of this claim somebody else changes the row.
  store_.before_next_commit([&] {
    store_.before_next_commit([] {});
    models::ActualLRP row;
    row.mutable_actual_lrp_key()->set_process_guid("p");
    row.mutable_actual_lrp_key()->set_domain("cf-apps");
    row.set_state("CLAIMED");
    row.mutable_actual_lrp_instance_key()->set_instance_guid("faster");
    row.mutable_actual_lrp_instance_key()->set_cell_id("c9");
    store_.put({.key = {store::Table::actual, "p", "0"},
                .after = "\x01" + cf::encode(row),
                .domain = "cf-apps",
                .cell_after = "c9"});
  });
  EXPECT_EQ(claim("p", 0, "slower", "c1"), "15 cannot claim actual LRP");
  EXPECT_EQ(rows("p"), "0:CLAIMED@c9/faster");
  EXPECT_EQ(metric("StoreConflicts"), 1);
}

TEST_F(ApiLrps, without_the_store_calls_fail_clearly_and_recover) {
  ASSERT_EQ(desire(lrp("p", 1)), "");
  subscribe();
  store_.set_usable(false);
  EXPECT_EQ(claim("p", 0, "i", "c"), "0 storage is unavailable: the store is away");
  EXPECT_EQ(desire(lrp("q", 1)), "0 storage is unavailable: the store is away");
  EXPECT_FALSE(closed_);
  store_.set_usable(true);
  EXPECT_TRUE(until([&] { return closed_; })) << "subscribers have to read anew";
  EXPECT_EQ(claim("p", 0, "i", "c"), "");
}

TEST_F(ApiLrps, thousands_of_instances_are_desired_in_pieces) {
  subscribe();
  ASSERT_EQ(desire(lrp("p", 1000)), "");
  models::ActualLRPsRequest all;
  EXPECT_EQ(post<models::ActualLRPsResponse>("/v1/actual_lrps/list", all).actual_lrps_size(), 1000);
  ASSERT_EQ(outbox_.lrps.size(), 1u);
  EXPECT_EQ(outbox_.lrps[0].indices.size(), 1000u);
  EXPECT_EQ(store_.commits(), 8u);
  seen();
  EXPECT_EQ(last_events_.size(), 1001u);
  ASSERT_EQ(remove("p"), "");
  EXPECT_EQ(post<models::ActualLRPsResponse>("/v1/actual_lrps/list", all).actual_lrps_size(), 0);
  seen();
  EXPECT_EQ(last_events_.size(), 2002u);
}

}  // namespace
}  // namespace causeway::bbs::test
