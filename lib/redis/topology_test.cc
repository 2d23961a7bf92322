// TLS, Sentinel and Cluster with real servers.
#include "redis/test_topology.h"

namespace causeway::redis {
namespace {

TEST_F(TopologyTest, mutual_tls_and_a_user_of_the_access_list) {
  const Authority authority, other("other");
  const auto server = authority.sign("redis", "DNS:redis.internal,IP:127.0.0.1");
  const auto own = authority.sign("bbs", "DNS:bbs.internal");
  std::vector<std::string> settings = {"--tls-cert-file",
                                       server.certificate,
                                       "--tls-key-file",
                                       server.key,
                                       "--tls-ca-cert-file",
                                       authority.certificate(),
                                       "--tls-auth-clients",
                                       "yes",
                                       "--user",
                                       "default",
                                       "off"};
  const auto user = causeway::test::user_of_bbs();
  settings.insert(settings.end(), user.begin(), user.end());
  RedisNode redis({.settings = settings, .tls = true});
  options_.port = redis.port();
  options_.tls = context(authority, &own);
  options_.user = "bbs";
  options_.password = "secret";
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  EXPECT_EQ(text_of({"SET", "bbs:a", "1"}), "OK");
  EXPECT_EQ(text_of({"GET", "bbs:a"}), "1");
  EXPECT_NE(text_of({"SET", "foreign", "1"}).find("NOPERM"), std::string::npos);
  // What doc/durability.md says that a bbs needs.
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"CONFIG", "GET", "append*"},
        {"SCAN", "0"},
        {"WAIT", "0", "1"},
        {"EVAL", "return redis.call('SET', KEYS[1], '1')", "1", "bbs:n"}})
    EXPECT_TRUE(ask(args)) << args[0];
  EXPECT_FALSE(ask({"CONFIG", "SET", "appendfsync", "no"}));
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(text_of({"SET", "bbs:b", large}), "OK");
  EXPECT_EQ(text_of({"GET", "bbs:b"}), large);

  const auto never_connects = [&] {
    links_.clear();
    open();
    return !until([&] { return client_->is_connected(); }, 700ms);
  };
  options_.password = "guess";
  EXPECT_TRUE(never_connects());
  options_.password = "secret";
  options_.tls_server_name = "redis.external";
  EXPECT_TRUE(never_connects()) << "another name than the certificate's";
  options_.tls_server_name = "redis.internal";
  options_.tls = context(other, &own);
  EXPECT_TRUE(never_connects()) << "an authority that has not signed it";
  options_.tls = context(authority, nullptr);
  EXPECT_TRUE(never_connects()) << "without a certificate of its own";
  options_.tls = context(authority, &own);
  EXPECT_FALSE(never_connects());
}

TEST_F(TopologyTest, a_sentinel_names_the_primary_and_its_successor) {
  RedisNode first;
  RedisNode second({"--replicaof", "127.0.0.1 " + std::to_string(first.port())});
  RedisSentinel sentinel(first.port());
  ASSERT_TRUE(until([&] {
    return redis_cli(sentinel.port(), "SENTINEL REPLICAS platform")
               .find(std::to_string(second.port())) != std::string::npos;
  }));
  options_.topology = Topology::sentinel;
  options_.nodes = {{"127.0.0.1", causeway::test::free_port()},  // one that is away
                    {"127.0.0.1", sentinel.port()}};
  options_.primary_name = "platform";
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  EXPECT_EQ(text_of({"SET", "a", "1"}), "OK");
  EXPECT_EQ(text_of({"WAIT", "1", "10000"}), "");
  EXPECT_EQ(links_, "+");
  first.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return links_ == "+-+"; })) << links_;
  EXPECT_EQ(text_of({"GET", "a"}), "1");
  EXPECT_EQ(text_of({"SET", "a", "2"}), "OK");
  EXPECT_EQ(redis_cli(second.port(), "GET a"), "2\n");
}

TEST_F(TopologyTest, a_paused_primary_is_left_for_its_successor) {
  RedisNode first;
  RedisNode second({"--replicaof", "127.0.0.1 " + std::to_string(first.port())});
  RedisSentinel sentinel(first.port());
  ASSERT_TRUE(until([&] {
    return redis_cli(sentinel.port(), "SENTINEL REPLICAS platform")
               .find(std::to_string(second.port())) != std::string::npos;
  }));
  options_.topology = Topology::sentinel;
  options_.nodes = {{"127.0.0.1", sentinel.port()}};
  options_.primary_name = "platform";
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  first.kill(SIGSTOP);
  ASSERT_TRUE(until([&] { return links_ == "+-+"; })) << links_;
  EXPECT_EQ(text_of({"SET", "a", "new"}), "OK");
  first.kill(SIGCONT);
  EXPECT_EQ(redis_cli(second.port(), "GET a"), "new\n");
}

TEST_F(TopologyTest, an_attempt_at_a_stopped_primary_is_given_up_when_another_one_is_named) {
  RedisNode first, second;
  RedisSentinel sentinel(first.port());
  options_.topology = Topology::sentinel;
  options_.command_timeout = 10min;  // nothing else ends the greeting
  options_.nodes = {{"127.0.0.1", sentinel.port()}};
  options_.primary_name = "platform";
  first.kill(SIGSTOP);
  open();
  int looks = 0;  // at a Sentinel that has answered, and each time a turn of the loop
  ASSERT_TRUE(until([&] {
    const bool has_answered =
        redis_cli(sentinel.port(), "CLIENT LIST").find("cmd=sentinel|get-master-addr-by-name") !=
        std::string::npos;
    return has_answered && ++looks > 5;
  }));
  EXPECT_EQ(redis_cli(sentinel.port(), "SENTINEL REMOVE platform"), "OK\n");
  EXPECT_EQ(redis_cli(sentinel.port(), "SENTINEL MONITOR platform 127.0.0.1 " +
                                           std::to_string(second.port()) + " 1"),
            "OK\n");
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  first.kill(SIGCONT);
  const auto place = place_of_write("a");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->server, second.address());
  EXPECT_EQ(redis_cli(second.port(), "GET a"), "1\n");
}

TEST_F(TopologyTest, a_replica_behind_the_name_of_a_single_server_is_left_when_it_refuses_a_write) {
  RedisNode primary;
  RedisNode replica({"--replicaof", "127.0.0.1 " + std::to_string(primary.port())});
  options_.port = replica.port();
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  EXPECT_NE(text_of({"SET", "a", "1"}).find("READONLY"), std::string::npos);
  ASSERT_TRUE(until([&] { return links_ == "+-+"; })) << links_;
  EXPECT_EQ(redis_cli(replica.port(), "REPLICAOF NO ONE"), "OK\n");
  EXPECT_TRUE(place_of_write("a"));
  EXPECT_EQ(links_, "+-+");
}

TEST_F(TopologyTest, a_cluster_takes_each_command_to_the_node_of_its_key) {
  RedisCluster cluster;
  options_.topology = Topology::cluster;
  options_.nodes = {{"127.0.0.1", cluster.node(1).port()}};
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  int done = 0;
  for (int i = 0; i < 300; ++i) {
    client_->eval(script, {"{" + std::to_string(i % 100) + "}:n"}, {"1"},
                  [&](const Result<Value>& reply) {
                    EXPECT_TRUE(reply) << reply.error().detail;
                    ++done;
                  });
  }
  ASSERT_TRUE(until([&] { return done == 300; }));
  long keys = 0;
  for (size_t i = 0; i < cluster.size(); ++i) {
    const long there =
        std::strtol(redis_cli(cluster.node(i).port(), "DBSIZE").c_str(), nullptr, 10);
    EXPECT_GT(there, 10);
    keys += there;
  }
  EXPECT_EQ(keys, 100);
  EXPECT_EQ(text_of({"GET", "{7}:n"}), "3");
}

TEST_F(TopologyTest, a_slot_that_moves_to_another_node_is_followed_all_the_way) {
  RedisCluster cluster;
  options_.topology = Topology::cluster;
  options_.topology_interval = 1h;  // nothing is learnt but from redirections
  options_.nodes = {{"127.0.0.1", cluster.node(0).port()}};
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  ASSERT_EQ(text_of({"SET", "{old}:a", "1"}), "OK");
  const uint16_t slot = slot_of("{old}:a");
  size_t from = 0;
  while (redis_cli(cluster.node(from).port(), "GET {old}:a").find("MOVED") != std::string::npos)
    ++from;
  const size_t to = (from + 1) % cluster.size();
  const auto id_of = [&](size_t node) {
    std::string id = redis_cli(cluster.node(node).port(), "CLUSTER MYID");
    id.pop_back();
    return id;
  };
  const std::string set_slot = "CLUSTER SETSLOT " + std::to_string(slot);
  redis_cli(cluster.node(to).port(), set_slot + " IMPORTING " + id_of(from));
  redis_cli(cluster.node(from).port(), set_slot + " MIGRATING " + id_of(to));
  redis_cli(cluster.node(from).port(),
            "MIGRATE 127.0.0.1 " + std::to_string(cluster.node(to).port()) + " {old}:a 0 5000");
  // The old node sends those who ask for what has gone already: ASK.
  EXPECT_EQ(text_of({"GET", "{old}:a"}), "1");
  EXPECT_EQ(text_of({"SET", "{old}:b", "2"}), "OK");
  // Half of the keys there, half here: TRYAGAIN until it is over.
  const auto moved_to = [&](size_t node) {
    for (const size_t at : {to, from})
      redis_cli(cluster.node(at).port(), set_slot + " NODE " + id_of(node));
  };
  moved_to(to);
  EXPECT_EQ(text_of({"GET", "{old}:a"}), "1");  // MOVED
  EXPECT_EQ(text_of({"GET", "{old}:b"}), "2");
}

TEST_F(TopologyTest, a_cluster_without_one_of_its_nodes_is_not_connected) {
  RedisCluster cluster;
  options_.topology = Topology::cluster;
  for (size_t i = 0; i < cluster.size(); ++i)
    options_.nodes.push_back({"127.0.0.1", cluster.node(i).port()});
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  ASSERT_EQ(text_of({"SET", "{7}", "1"}), "OK");
  cluster.node(2).kill(SIGKILL);
  ASSERT_TRUE(until([&] { return links_ == "+-"; })) << links_;
  EXPECT_NE(text_of({"GET", "{7}"}).find("no connection"), std::string::npos);
  cluster.node(2).start();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  ASSERT_TRUE(until([&] { return text_of({"GET", "{7}"}) == "1"; }));
}

}  // namespace
}  // namespace causeway::redis
