// Who tells what the cluster looks like, and who is not believed; which link a write went over.
#include "redis/test_topology.h"

namespace causeway::redis {
namespace {

TEST_F(TopologyTest, a_guide_that_is_in_a_minority_is_left_for_another_node) {
  RedisCluster cluster;
  // Knows of nobody: as one that was cut off sees its cluster, whose slots nobody serves.
  RedisNode alone(
      {"--cluster-enabled", "yes", "--cluster-port", std::to_string(causeway::test::free_port())});
  options_.topology = Topology::cluster;
  options_.nodes = {{"127.0.0.1", alone.port()}, {"127.0.0.1", cluster.node(0).port()}};
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  EXPECT_EQ(text_of({"SET", "{a}", "1"}), "OK");
  EXPECT_EQ(links_, "+");
}

TEST_F(TopologyTest, a_guide_that_stops_is_left_and_its_successor_found) {
  RedisCluster cluster;
  const auto replica = cluster.add_replica(0);
  options_.topology = Topology::cluster;
  options_.command_timeout = 10min;  // nothing else ends the wait for the guide
  options_.nodes = {{"127.0.0.1", cluster.node(0).port()}};
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  std::string key;
  for (int i = 0; key.empty(); ++i) {
    const std::string wish = "{" + std::to_string(i) + "}";
    if (cluster.owner_of(wish) == 0) key = wish;
  }
  EXPECT_EQ(text_of({"SET", key, "1"}), "OK");
  cluster.node(0).kill(SIGSTOP);
  // What still goes to the stopped one is not answered; what comes later finds its successor.
  ASSERT_TRUE(until([&] {
    if (redis_cli(replica->port(), "ROLE").starts_with("master"))
      client_->command({"SET", key, "2"}, [](const Result<Value>&) {});
    return redis_cli(replica->port(), "GET " + key) == "2\n";
  }));
}

TEST_F(TopologyTest, a_cluster_that_is_made_anew_at_the_same_addresses_is_believed) {
  RedisCluster cluster;
  RedisNode late(
      {"--cluster-enabled", "yes", "--cluster-port", std::to_string(causeway::test::free_port())});
  options_.topology = Topology::cluster;
  for (size_t i = 0; i < cluster.size(); ++i)
    options_.nodes.push_back({"127.0.0.1", cluster.node(i).port()});
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  std::string key;
  for (int i = 0; key.empty(); ++i) {
    const std::string wish = "{" + std::to_string(i) + "}";
    if (cluster.owner_of(wish) == 2) key = wish;
  }
  // Newer than a new one will be; the guide has been asked since.
  EXPECT_EQ(cluster.cli(0, "CLUSTER BUMPEPOCH"), "BUMPED 4\n");
  ASSERT_TRUE(until([&] {
    for (size_t i = 0; i < cluster.size(); ++i)
      if (cluster.cli(i, "CLUSTER INFO").find("cluster_current_epoch:4") == std::string::npos)
        return false;
    return true;
  }));
  for (size_t i = 0; i < cluster.size(); ++i) cluster.cli(i, "CONFIG RESETSTAT");
  ASSERT_TRUE(until([&] {
    for (size_t i = 0; i < cluster.size(); ++i) {
      const std::string said = cluster.cli(i, "INFO commandstats");
      const std::string calls = "cmdstat_cluster|slots:calls=";
      const size_t at = said.find(calls);
      if (at != std::string::npos && std::strtol(said.c_str() + at + calls.size(), nullptr, 10) > 1)
        return true;
    }
    return false;
  }));
  for (size_t i = 0; i < cluster.size(); ++i) {
    cluster.cli(i, "FLUSHALL");
    EXPECT_EQ(cluster.cli(i, "CLUSTER RESET HARD"), "OK\n");
  }
  // The third one, which has no part in it, tells nobody where its slots have gone.
  const std::string said =
      cluster.cli(0, "--cluster create " + cluster.node(0).address() + " " +
                         cluster.node(1).address() + " " + late.address() + " --cluster-yes");
  ASSERT_NE(said.find("All 16384 slots covered"), std::string::npos) << said;
  ASSERT_TRUE(until([&] { return text_of({"SET", key, "1"}) == "OK"; }));
  EXPECT_EQ(redis_cli(late.port(), "GET " + key), "1\n");
}

TEST_F(TopologyTest, a_write_is_confirmed_on_the_link_it_went_over_or_not_at_all) {
  RedisNode server;
  RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(server.port())});
  options_.port = server.port();
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  const auto confirmed = [&](const Place& place) {
    std::optional<Result<Value>> answer;
    client_->confirm(place, 1, 10s, [&](Result<Value> reply) { answer = std::move(reply); });
    EXPECT_FALSE(answer.has_value()) << "never from inside the call";
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return std::move(*answer);
  };
  ASSERT_TRUE(until([&] { return test::has_replica(server.port()); }));
  const auto place = place_of_write("a");
  ASSERT_TRUE(place);
  const auto good = confirmed(*place);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->integer, 1);
  redis_cli(server.port(), "CLIENT KILL TYPE normal");
  ASSERT_TRUE(until([&] { return links_ == "+-+"; }));
  // The new link has written nothing: Redis would say at once that replicas have all of it.
  const auto lost = confirmed(*place);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().fault, Fault::unavailable);
}

}  // namespace
}  // namespace causeway::redis
