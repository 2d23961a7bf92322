// What changes while the https listener serves: certificates, authorities, ticket keys, OCSP
// responses.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "test/system/router/tls_routed.h"

namespace causeway::test {
namespace {

class TlsReloadTest : public testing::Test {
 protected:
  // Files that can be changed under the router.
  Authority::Files installed(const Authority::Files& from) const {
    install(from);
    return {folder_.path() + "/cert.pem", folder_.path() + "/key.pem"};
  }
  void install(const Authority::Files& from) const {
    put("cert.pem", Authority::text_of(from.certificate));
    put("key.pem", Authority::text_of(from.key));
  }
  void put(const std::string& name, const std::string& text) const {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  static bool shows(const TlsRouted& router, const std::string& certificate) {
    return eventually([&] { return router.connect()->certificate() == certificate; });
  }

  TempFolder folder_;
  Authority authority_;
  Authority::Files first_ = authority_.sign("first", "DNS:localhost");
  Authority::Files second_ = authority_.sign("second", "DNS:localhost");
};

TEST_F(TlsReloadTest, files_that_change_are_read_again_and_connections_go_on) {
  TlsRouted router({.certificates = {installed(first_)},
                    .more = "frontend_tls: {reload_interval: 50ms, expiry_warning: 1h}\n",
                    .in_files = true});
  const auto open = router.connect();
  EXPECT_EQ(open->certificate(), "first ECDSA");
  EXPECT_EQ(open->get("app.d").status(), 200);
  const double expires_at =
      router->router().metric("tls_certificate_expires_at{certificate=\"tls_pem[0]\"}");
  EXPECT_GT(expires_at, 1'700'000'000);

  install(second_);
  EXPECT_TRUE(shows(router, "second ECDSA"));
  EXPECT_EQ(open->get("app.d").status(), 200);

  put("cert.pem", "nonsense");
  EXPECT_NE(router->log_line("tls-reload-failed", "certificate"), "");
  EXPECT_EQ(router.connect()->certificate(), "second ECDSA");
  EXPECT_EQ(open->get("app.d").status(), 200);
  EXPECT_GE(router->router().metric("tls_reloads{result=\"failed\"}"), 1);

  install(first_);
  EXPECT_TRUE(shows(router, "first ECDSA"));
}

TEST_F(TlsReloadTest, sighup_reads_them_again) {
  TlsRouted router({.certificates = {installed(first_)},
                    .more = "frontend_tls: {reload_interval: 0s}\n",
                    .in_files = true});
  install(second_);
  EXPECT_EQ(router.connect()->certificate(), "first ECDSA");
  router->router().process().signal(SIGHUP);
  EXPECT_TRUE(shows(router, "second ECDSA"));
}

TEST_F(TlsReloadTest, the_rate_of_handshakes_is_taken_from_the_new_configuration) {
  TlsRouted router({.certificates = {first_},
                    .more = "workers: 1\nfrontend_tls: {handshakes_per_second: 1, "
                            "handshake_timeout: 60s}\n"});
  EXPECT_EQ(router.connect()->get("app.d").status(), 200);
  const auto delayed = [&] { return router->router().metric("client_tls_handshakes_delayed"); };
  // One that waits for its turn gets it when there is no rate any more.
  EXPECT_TRUE(eventually([&] {
    const auto another = router.connect();
    return another->is_connected() && delayed() >= 1;
  }));
  const std::string config = router->router().path("router.yml");
  std::string text = Authority::text_of(config);
  const std::string rate = "handshakes_per_second: 1";
  ASSERT_NE(text.find(rate), std::string::npos);
  std::ofstream(config) << text.replace(text.find(rate), rate.size(), "handshakes_per_second: 0");
  router->router().process().signal(SIGHUP);
  EXPECT_NE(router->log_line("config-reloaded", "\"changed_keys\":1"), "");
  const double before = delayed();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(router.connect()->get("app.d").status(), 200);
  EXPECT_EQ(delayed(), before);
}

TEST_F(TlsReloadTest, the_health_listeners_certificate_is_read_again) {
  const auto tls = [](uint16_t port, const Authority::Files& files) {
    return ", tls: {port: " + std::to_string(port) +
           ", certificate: " + quoted(Authority::text_of(files.certificate)) +
           ", key: " + quoted(Authority::text_of(files.key)) + "}";
  };
  const NatsServer nats;
  const uint16_t port = free_port();
  RouterBinary router(nats.port(), "", tls(port, first_));
  ASSERT_TRUE(router.wait_until_serving());
  TlsClient open(port, {});
  EXPECT_EQ(open.certificate(), "first ECDSA");
  const std::string config = router.path("router.yml");
  const std::string text = Authority::text_of(config);
  const auto rewrite = [&](const std::string& before, const std::string& after) {
    std::string changed = text;
    const size_t at = changed.find(before);
    ASSERT_NE(at, std::string::npos);
    std::ofstream(config) << changed.replace(at, before.size(), after);
    router.process().signal(SIGHUP);
  };
  rewrite(tls(port, first_), tls(port, {first_.certificate, second_.key}));
  EXPECT_TRUE(router.process().wait_for_output("config-reload-failed"));
  EXPECT_EQ(TlsClient(port, {}).certificate(), "first ECDSA");
  rewrite(tls(port, first_), tls(port, second_));
  EXPECT_TRUE(eventually([&] { return TlsClient(port, {}).certificate() == "second ECDSA"; }));
  EXPECT_EQ(open.get("h", {}, "/health").status(), 200);
}

TEST_F(TlsReloadTest, the_metrics_listener_knows_its_clients_and_reads_its_files_again) {
  const auto scraper = authority_.sign("scraper", "DNS:scraper");
  const Authority others{"others"};
  const auto stranger = others.sign("stranger", "DNS:stranger");
  const Authority::Files own = installed(first_);
  put("ca.pem", Authority::text_of(authority_.certificate()));
  const uint16_t port = free_port();
  TlsRouted router(
      {.certificates = {first_},
       .more = "frontend_tls: {reload_interval: 50ms}\nprometheus: {port: " + std::to_string(port) +
               ", cert_path: " + own.certificate + ", key_path: " + own.key +
               ", ca_path: " + folder_.path() + "/ca.pem}\n"});
  const auto scrape = [&](const Authority::Files* who) {
    TlsClient client(port, {.own = who});
    return client.get("m", {}, "/metrics");
  };
  const RawMessage page = scrape(&scraper);
  EXPECT_EQ(page.status(), 200);
  EXPECT_NE(page.body.find("total_routes 1"), std::string::npos);
  EXPECT_EQ(scrape(nullptr).status(), 0);
  EXPECT_EQ(scrape(&stranger).status(), 0);
  EXPECT_EQ(router->router().get(port, "m", "/metrics").status(), 0) << "nothing in the clear";
  install(second_);
  put("ca.pem", Authority::text_of(others.certificate()));
  EXPECT_TRUE(eventually([&] { return scrape(&stranger).status() == 200; }));
  EXPECT_EQ(TlsClient(port, {.own = &stranger}).certificate(), "second ECDSA");
  EXPECT_EQ(scrape(&scraper).status(), 0);
  put("cert.pem", "nonsense");
  EXPECT_NE(router->log_line("certificates-not-reloaded", ""), "");
  EXPECT_EQ(scrape(&stranger).status(), 200);
}

TEST_F(TlsReloadTest, who_is_trusted_changes_for_old_sessions_as_well) {
  const Authority others{"others"};
  const auto client = authority_.sign("client", "DNS:client");
  put("ca.pem", Authority::text_of(authority_.certificate()));
  TlsRouted router({.certificates = {first_},
                    .validation = "require",
                    .more = "client_ca_certs_file: " + folder_.path() +
                            "/ca.pem\nonly_trust_client_ca_certs: true\n"
                            "frontend_tls: {reload_interval: 50ms}\n"});
  const auto known = router.connect({.own = &client});
  EXPECT_EQ(known->get("app.d").status(), 200);
  ASSERT_NE(known->session(), nullptr);
  put("ca.pem", Authority::text_of(others.certificate()));
  EXPECT_TRUE(
      eventually([&] { return router.connect({.own = &client})->get("app.d").status() == 0; }));
  EXPECT_EQ(router.connect({.session = known->session()})->get("app.d").status(), 0);
  EXPECT_EQ(known->get("app.d").status(), 200);
}

TEST_F(TlsReloadTest, a_certificate_that_ends_soon_is_warned_of) {
  TlsRouted router({.certificates = {first_}});  // two days
  EXPECT_NE(router->log_line("certificate-expires-soon", "tls_pem[0]"), "");
}

TEST_F(TlsReloadTest, routers_with_the_same_key_file_resume_each_others_sessions) {
  // 80 bytes; the first 16 are the key's name.
  const std::string zeros(76 / 3 * 4, 'A');
  const std::string old_key = "AAAA" + zeros + "AAA=", new_key = "AQAA" + zeros + "AAE=";
  put("tickets", "# the present one first\n" + old_key + "\n");
  const std::string more =
      "workers: 1\nbackground_niceness: 0\nfrontend_tls: {session_ticket_key_file: " +
      folder_.path() + "/tickets, reload_interval: 50ms}\n";
  TlsRouted a({.certificates = {first_}, .more = more});
  TlsRouted b({.certificates = {first_}, .more = more});
  TlsRouted alone({.certificates = {first_}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto first = a.connect({.least = version, .most = version});
    EXPECT_EQ(first->get("app.d").status(), 200);
    ASSERT_NE(first->session(), nullptr);
    const auto resumes = [&](const TlsRouted& router) {
      const auto client =
          router.connect({.least = version, .most = version, .session = first->session()});
      EXPECT_EQ(client->get("app.d").status(), 200) << client->failure();
      return client->is_resumed();
    };
    // b may not have read the newest file yet.
    EXPECT_TRUE(eventually([&] { return resumes(b); }));
    EXPECT_FALSE(resumes(alone));
    // A new key goes in front, the old one still opens.
    const double reloads = b->router().metric("tls_reloads{result=\"done\"}");
    put("tickets", new_key + "\n" + old_key + "\n");
    EXPECT_TRUE(
        eventually([&] { return b->router().metric("tls_reloads{result=\"done\"}") > reloads; }));
    EXPECT_TRUE(resumes(b));
  }
  EXPECT_GE(b->router().metric("client_tls_handshakes{result=\"resumed\"}"), 4);
}

TEST_F(TlsReloadTest, an_ocsp_response_is_stapled) {
  // A responder's "try later" would be none; what clients make of the answer is theirs.
  const std::string response(
      "\x30\x13\x0a\x01\x00\xa0\x0e\x30\x0c\x06\x01\x2b\x04\x07"
      "answers",
      21);
  put("ocsp.der", response);
  const std::string pair = "{cert_chain_file: " + first_.certificate +
                           ", private_key_file: " + first_.key +
                           ", ocsp_response_file: " + folder_.path() + "/ocsp.der}";
  TlsRouted router({.more = "- " + pair + "\nfrontend_tls: {reload_interval: 50ms}\n"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    EXPECT_EQ(router.connect({.least = version, .most = version})->ocsp_response(), response);
  std::string later = response;
  later.back() = '!';
  put("ocsp.der", later);
  EXPECT_TRUE(eventually([&] { return router.connect()->ocsp_response() == later; }));
}

}  // namespace
}  // namespace causeway::test
