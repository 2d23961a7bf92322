// TLS, passwords and the rights that a bbs needs, with Sentinels and in a cluster.
#include "redis/test_topology.h"

namespace causeway::redis {
namespace {

class AccessControl : public TopologyTest {
 protected:
  AccessControl() {
    options_.tls = context(authority_, &own_);
    options_.user = "bbs";
    options_.password = "secret";
  }
  // Of servers: TLS to everybody, a password, the bbs' user.
  std::vector<std::string> settings() const {
    std::vector<std::string> settings = {"--tls-cert-file",    server_.certificate,
                                         "--tls-key-file",     server_.key,
                                         "--tls-ca-cert-file", authority_.certificate(),
                                         "--tls-replication",  "yes",
                                         "--requirepass",      "admin",
                                         "--masterauth",       "admin"};
    const auto user = causeway::test::user_of_bbs();
    settings.insert(settings.end(), user.begin(), user.end());
    return settings;
  }
  std::string cli() const {
    return "--no-auth-warning -a admin --tls --cacert " + authority_.certificate() + " --cert " +
           own_.certificate + " --key " + own_.key;
  }
  std::string sentinel_lines() const {
    return "tls-cert-file " + server_.certificate + "\ntls-key-file " + server_.key +
           "\ntls-ca-cert-file " + authority_.certificate() + "\ntls-replication yes\n";
  }

  const Authority authority_;
  const Authority::Files server_ = authority_.sign("redis", "DNS:redis.internal,IP:127.0.0.1");
  const Authority::Files own_ = authority_.sign("bbs", "DNS:bbs.internal");
};

TEST_F(AccessControl, the_rights_that_the_manual_names_are_those_tested_here) {
  std::string words;
  for (const std::string& word : causeway::test::user_of_bbs())
    if (word[0] == '+') words += (words.empty() ? "" : " ") + word;
  const std::string page =
      Authority::text_of(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/doc/durability.md");
  EXPECT_NE(page.find("user bbs on >PASSWORD ~bbs:* -@all " + words + "\n"), std::string::npos)
      << words;
}

TEST_F(AccessControl, sentinels_with_tls_and_passwords_and_a_failover) {
  RedisNode first({.settings = settings(), .tls = true});
  auto behind = settings();
  behind.insert(behind.end(), {"--replicaof", "127.0.0.1 " + std::to_string(first.port())});
  RedisNode second({.settings = behind, .tls = true});
  RedisSentinel sentinel(
      first.port(),
      {.lines = sentinel_lines() + "sentinel auth-pass platform admin\nrequirepass guard\n" +
                "user bbs on >word -@all +ping +sentinel|get-master-addr-by-name\n",
       .tls = true});
  const std::string as_guard = cli().replace(cli().find("admin"), 5, "guard");
  ASSERT_TRUE(until([&] {
    return redis_cli(sentinel.port(), as_guard + " SENTINEL REPLICAS platform")
               .find(std::to_string(second.port())) != std::string::npos;
  }));
  options_.topology = Topology::sentinel;
  options_.nodes = {{"127.0.0.1", sentinel.port()}};
  options_.primary_name = "platform";
  options_.sentinel_password = "guess";
  open();
  EXPECT_FALSE(until([&] { return client_->is_connected(); }, 700ms));
  options_.sentinel_password = "guard";  // requirepass of the Sentinel
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  options_.sentinel_user = "bbs";  // and a user of its access list
  options_.sentinel_password = "word";
  links_.clear();
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  EXPECT_EQ(text_of({"SET", "bbs:a", "1"}), "OK");
  EXPECT_TRUE(ask({"WAIT", "1", "10000"}));
  first.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return links_ == "+-+"; })) << links_;
  EXPECT_EQ(text_of({"GET", "bbs:a"}), "1");
  EXPECT_EQ(text_of({"SET", "bbs:a", "2"}), "OK");
}

TEST_F(AccessControl, a_sentinel_that_refuses_to_tell_is_left_for_another) {
  RedisNode primary;
  RedisSentinel refusing(
      primary.port(),
      {.lines = "user default on nopass ~* &* +@all -sentinel|get-master-addr-by-name\n"});
  RedisSentinel telling(primary.port());
  options_.tls = {};
  options_.user = options_.password = "";
  options_.topology = Topology::sentinel;
  options_.nodes = {{"127.0.0.1", refusing.port()}, {"127.0.0.1", telling.port()}};
  options_.primary_name = "platform";
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  EXPECT_EQ(text_of({"SET", "a", "1"}), "OK");
}

TEST_F(AccessControl, a_cluster_with_tls_and_the_rights_of_a_bbs_only) {
  auto of_nodes = settings();
  of_nodes.insert(of_nodes.end(), {"--tls-cluster", "yes"});
  RedisCluster cluster({.settings = of_nodes, .tls = true, .cli = cli()});
  options_.topology = Topology::cluster;
  options_.nodes = {{"127.0.0.1", cluster.node(1).port()}};
  open();
  ASSERT_TRUE(until([&] { return client_->is_connected(); }));
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(text_of({"SET", "bbs:{" + std::to_string(i) + "}:a", "1"}), "OK");
  EXPECT_NE(text_of({"SET", "foreign", "1"}).find("NOPERM"), std::string::npos);
  EXPECT_NE(text_of({"FLUSHALL", "bbs:{1}:a"}).find("NOPERM"), std::string::npos);
}

}  // namespace
}  // namespace causeway::redis
