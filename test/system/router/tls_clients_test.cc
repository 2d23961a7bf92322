// Clients that show certificates: who is let in, and what the app is told of them.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/tls_routed.h"
#include "tls/digest.h"

namespace causeway::test {
namespace {

std::string der_in_base64(const std::string& path) {
  std::string text;
  const std::string pem = Authority::text_of(path);
  for (size_t at = pem.find('\n') + 1; pem.compare(at, 5, "-----") != 0;) {
    const size_t end = pem.find('\n', at);
    text += pem.substr(at, end - at);
    at = end + 1;
  }
  return text;
}

class TlsClientsTest : public testing::Test {
 protected:
  std::string trust(const Authority& authority) const {
    return "client_ca_certs: " + quoted(Authority::text_of(authority.certificate())) +
           "\nonly_trust_client_ca_certs: true\n";
  }
  // 200, or 0 when the client was not let in; then why.
  struct Outcome {
    int status;
    std::string failure;
  };
  static Outcome try_with(const TlsRouted& router, const Authority::Files* own, int version,
                          const std::string& name = "localhost") {
    const auto client =
        router.connect({.server_name = name, .least = version, .most = version, .own = own});
    const int status = client->get("app.d").status();
    return {status, client->failure()};
  }

  Authority authority_;
  Authority clients_{"clients"};
  Authority strangers_{"strangers"};
  Authority::Files own_ = authority_.sign("localhost", "DNS:localhost");
  Authority::Files good_ =
      clients_.sign("good", "DNS:good", {.subject = "/O=Org/OU=app:a/CN=good"});
  Authority::Files strange_ = strangers_.sign("strange", "DNS:strange");
  Authority::Files late_ = clients_.sign("late", "DNS:late", {.days = -1});
};

TEST_F(TlsClientsTest, are_let_in_by_what_they_show) {
  struct Case {
    const char* validation;
    const Authority::Files* own;
    const char* refusal;  // "": let in
  };
  for (const char* validation : {"none", "request", "require"}) {
    TlsRouted router({.certificates = {own_}, .validation = validation, .more = trust(clients_)});
    const bool is_asked = validation != std::string("none");
    const bool is_required = validation == std::string("require");
    for (const Case& each :
         {Case{"", nullptr, is_required ? "TLSV1_ALERT_CERTIFICATE_REQUIRED" : ""},
          Case{"", &good_, ""}, Case{"", &strange_, is_asked ? "TLSV1_ALERT_UNKNOWN_CA" : ""},
          Case{"", &late_, is_asked ? "SSLV3_ALERT_CERTIFICATE_EXPIRED" : ""}}) {
      for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const Outcome outcome = try_with(router, each.own, version);
        const std::string label = std::string(validation) + " " +
                                  (each.own == nullptr ? "nothing" : each.own->certificate) + " " +
                                  std::to_string(version);
        EXPECT_EQ(outcome.status, *each.refusal == '\0' ? 200 : 0) << label;
        // Before TLS 1.3 there was no alert of its own for it.
        const bool is_older = each.own == nullptr && version == TLS1_2_VERSION;
        if (*each.refusal == '\0') continue;
        EXPECT_EQ(outcome.failure, is_older ? "SSLV3_ALERT_HANDSHAKE_FAILURE" : each.refusal)
            << label;
      }
    }
  }
}

TEST_F(TlsClientsTest, rules_say_which_subjects_an_authority_vouches_for) {
  const auto other = clients_.sign("other", "DNS:other", {.subject = "/O=Org/CN=other"});
  TlsRouted router({.certificates = {own_},
                    .validation = "request",
                    .more = trust(clients_) +
                            "enable_verify_client_certificate_metadata: true\n"
                            "verify_client_certificate_metadata:\n"
                            "- issuer_in_chain: {common_name: clients}\n"
                            "  valid_cert_subjects:\n"
                            "  - {organization: [Org], organizational_unit: ['app:a'], "
                            "common_name: good}\n"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(try_with(router, &good_, version).status, 200);
    EXPECT_EQ(try_with(router, nullptr, version).status, 200);
    EXPECT_EQ(try_with(router, &other, version).status, 0);
  }
}

TEST_F(TlsClientsTest, what_the_app_is_told_is_the_modes_choice) {
  struct Case {
    const char* mode;
    bool shows;
    std::string told;
  };
  const std::string certificate = der_in_base64(good_.certificate);
  for (const char* mode : {"always_forward", "forward", "sanitize_set"}) {
    TlsRouted router({.certificates = {own_},
                      .validation = "request",
                      .more = trust(clients_) + "forwarded_client_cert: " + mode + "\n"});
    const bool always = mode == std::string("always_forward");
    const bool sets = mode == std::string("sanitize_set");
    const auto told = [&](const Authority::Files* own) {
      const auto client = router.connect({.own = own});
      return TlsRouted::seen(client->get("app.d", "X-Forwarded-Client-Cert: forged\r\n"))
          .header("X-Forwarded-Client-Cert");
    };
    EXPECT_EQ(told(&good_), sets ? certificate : "forged") << mode;
    EXPECT_EQ(told(nullptr), always ? "forged" : "") << mode;
    const RawMessage plain = router->get("app.d", "/", "X-Forwarded-Client-Cert: forged\r\n");
    EXPECT_EQ(TlsRouted::seen(plain).header("X-Forwarded-Client-Cert"), always ? "forged" : "");
  }
}

TEST_F(TlsClientsTest, a_domain_has_an_authority_and_rules_of_its_own) {
  const auto identity = authority_.sign("identity", "DNS:*.apps.identity");
  TlsRouted router(
      {.certificates = {own_, identity},
       .more = "domains:\n- name: '*.apps.identity'\n  xfcc_format: envoy\n  ca_certs: " +
               quoted(Authority::text_of(clients_.certificate())) + "\n"});
  for (const char* host : {"a.apps.identity", "b.apps.identity"})
    router->add(host, router.backend_port());
  const auto connect = [&](const char* name, const Authority::Files* own) {
    return router.connect({.server_name = name, .own = own});
  };
  // Under other names nobody is asked.
  EXPECT_EQ(connect("localhost", nullptr)->get("app.d").status(), 200);
  EXPECT_EQ(connect("a.apps.identity", nullptr)->get("a.apps.identity").status(), 0);
  EXPECT_EQ(connect("a.apps.identity", &strange_)->get("a.apps.identity").status(), 0);

  const auto client = connect("A.Apps.Identity", &good_);
  EXPECT_EQ(client->certificate(), "identity ECDSA");
  const RawMessage reply =
      client->get("a.apps.identity:443", "X-Forwarded-Client-Cert: forged\r\n");
  EXPECT_EQ(reply.status(), 200) << client->failure();
  const auto der = tls::base64_decode(der_in_base64(good_.certificate));
  EXPECT_EQ(TlsRouted::seen(reply).header("X-Forwarded-Client-Cert"),
            "Hash=" + tls::hex(tls::sha256(*der)) + ";Subject=\"CN=good,OU=app:a,O=Org\"");
  // Not over a connection that was made for somebody else.
  EXPECT_EQ(client->get("app.d").status(), 200);
  const RawMessage elsewhere = client->get("b.apps.identity");
  EXPECT_EQ(elsewhere.status(), 421);
  EXPECT_EQ(elsewhere.header("X-Cf-Routererror"), "misdirected_request");
  EXPECT_EQ(connect("localhost", nullptr)->get("a.apps.identity").status(), 421);
  EXPECT_EQ(connect("", nullptr)->get("a.apps.identity").status(), 421);
  EXPECT_EQ(router->get("a.apps.identity").status(), 421);
  EXPECT_EQ(router->get("A.APPS.IDENTITY.").status(), 421);
}

// What the handshake was made for, what the request asks for, with and without a certificate:
// nothing that the route table finds below a domain is reached unless its own handshake asked.
TEST_F(TlsClientsTest, no_route_below_a_domain_is_reached_without_a_certificate) {
  const auto deeper = clients_.sign("deeper", "DNS:deeper");
  TlsRouted router({.certificates = {own_},
                    .more = "workers: 1\ndomains:\n- {name: '*.x.d', ca_certs: " +
                            quoted(Authority::text_of(clients_.certificate())) +
                            "}\n- {name: '*.b.x.d', ca_certs: " +
                            quoted(Authority::text_of(strangers_.certificate())) +
                            "}\n- {name: open.b.x.d, ca_certs: " +
                            quoted(Authority::text_of(clients_.certificate())) + "}\n"});
  for (const char* uri : {"*.x.d", "a.x.d", "c.a.x.d", "*.b.x.d", "open.b.x.d", "x.d/path", "*.d"})
    router->add(uri, router.backend_port());
  struct Case {
    const char* host;
    const Authority::Files* wanted;  // null: anybody
  };
  const Case cases[] = {{"a.x.d", &good_},
                        {"other.x.d", &good_},
                        {"c.a.x.d", &good_},
                        {"any.c.a.x.d", &good_},
                        {"A.X.D", &good_},
                        {".x.d", &good_},
                        {"a.x.d:8080", &good_},
                        {"e.b.x.d", &strange_},
                        {"f.e.b.x.d", &strange_},
                        {"open.b.x.d", &good_},
                        {"g.open.b.x.d", &strange_},
                        {"*.x.d", &good_},
                        {"x.d", nullptr},
                        {"ax.d", nullptr}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.host);
    const std::string host(each.host);
    std::string name = host.substr(0, host.find(':'));
    const auto status = [&](const std::string& server_name, const Authority::Files* own) {
      const auto client = router.connect({.server_name = server_name, .own = own});
      return client->get(host, {}, "/path").status();
    };
    for (const Authority::Files* own :
         {static_cast<Authority::Files*>(nullptr), &good_, &strange_}) {
      const bool is_let_in = each.wanted == nullptr || own == each.wanted;
      // A star or an empty label is no name to ask for in a handshake, but for a client of ours.
      EXPECT_EQ(status(name, own), is_let_in ? 200 : 0);
      // A handshake for another name, or for none, opens nothing.
      if (each.wanted == nullptr) continue;
      EXPECT_EQ(status("localhost", own), 421);
      EXPECT_EQ(status("", own), 421);
    }
    if (each.wanted == nullptr) continue;
    EXPECT_EQ(status("sibling.x.d", &good_), 421);
    EXPECT_EQ(router->get(host, "/path").status(), 421);
    EXPECT_EQ(router->send("GET http://" + host + "/path HTTP/1.1\r\nHost: x.d\r\n\r\n").status(),
              421);
  }
  // Other ways to write a host come to nothing or to the same.
  for (const char* host : {"[::1].a.x.d", "[a.x.d", "u@a.x.d", "a.x.d.", "a.x.d..", "a.x.d:1:2"}) {
    const int status = router->get(host, "/path").status();
    EXPECT_TRUE(status == 400 || status == 404 || status == 421) << host << ": " << status;
  }
}

TEST_F(TlsClientsTest, a_route_service_is_no_way_around_a_domains_certificate) {
  TlsRouted router({.certificates = {own_},
                    .more = "workers: 1\nroute_services_secret: secret\n"
                            "route_services_hairpinning: true\n"
                            "domains:\n- {name: '*.guarded.localhost', ca_certs: " +
                            quoted(Authority::text_of(clients_.certificate())) + "}\n"});
  for (const char* uri : {"app.guarded.localhost", "app.free.localhost"})
    router->add(uri, router.backend_port());
  // Whoever maps a route may bind it to any service.
  router->add("sly.d", 1, ",\"route_service_url\":\"https://app.guarded.localhost\"");
  router->add("slier.d", 1, ",\"route_service_url\":\"https://app.guarded.localhost:443:443\"");
  router->add("fair.d", 1, ",\"route_service_url\":\"https://app.free.localhost\"");
  EXPECT_EQ(router->get("fair.d").status(), 200);
  EXPECT_EQ(router->get("sly.d").status(), 502);
  EXPECT_EQ(router->get("slier.d").status(), 502);
}

// The service is an app of this router: its host is in the table, its port the https listener's.
TEST_F(TlsClientsTest, a_route_service_of_this_router_is_reached_within_or_through_its_own_door) {
  const std::string more = "workers: 1\nroute_services_secret: secret\n";
  const std::string trusting =
      "ca_certs: [" + quoted(Authority::text_of(authority_.certificate())) + "]\n";
  const auto visit = [&](const std::string& yaml, double handshakes) {
    TlsRouted router({.certificates = {own_}, .more = more + yaml});
    const std::string service = "localhost:" + std::to_string(router.port());
    router->add("localhost", router.backend_port());
    router->add("bound.d", 1, ",\"route_service_url\":\"https://" + service + "/svc\"");
    const RawMessage reply = router->get("bound.d", "/path?q");
    EXPECT_EQ(router->router().metric("client_tls_handshakes{result=\"full\"}", handshakes),
              handshakes);
    if (reply.status() == 200) {
      const RawMessage seen = TlsRouted::seen(reply);
      EXPECT_EQ(seen.start_line(), "GET /svc HTTP/1.1");
      EXPECT_EQ(seen.header("Host"), service);
      EXPECT_EQ(seen.header("X-CF-Forwarded-Url"), "http://bound.d/path?q");
      EXPECT_FALSE(seen.header("X-CF-Proxy-Signature").empty());
    }
    return reply.status();
  };
  EXPECT_EQ(visit("route_services_hairpinning: true\n", 0), 200);
  EXPECT_EQ(visit(trusting, 1), 200);
  EXPECT_EQ(visit("", 0), 526) << "nobody vouches for the certificate";
  // In a domain that demands certificates there is no way but through the door, with one.
  const std::string guarded =
      trusting + "route_services_hairpinning: true\ndomains:\n" +
      "- {name: localhost, ca_certs: " + quoted(Authority::text_of(clients_.certificate())) + "}\n";
  const auto shows = [](const Authority::Files& own) {
    return "route_services: {cert_chain: " + quoted(Authority::text_of(own.certificate)) +
           ", private_key: " + quoted(Authority::text_of(own.key)) + "}\n";
  };
  EXPECT_EQ(visit(guarded, 0), 496);
  EXPECT_EQ(visit(guarded + shows(strange_), 0), 496);
  EXPECT_EQ(visit(guarded + shows(good_), 1), 200);
}

TEST_F(TlsClientsTest, a_session_begun_without_a_certificate_opens_no_domain) {
  TlsRouted router({.certificates = {own_},
                    .more = "domains:\n- name: app.d\n  ca_certs: " +
                            quoted(Authority::text_of(clients_.certificate())) + "\n"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto first = router.connect({.least = version, .most = version});
    EXPECT_EQ(first->get("elsewhere.d").status(), 404);
    ASSERT_NE(first->session(), nullptr);
    const auto again =
        router.connect({.least = version, .most = version, .session = first->session()});
    EXPECT_EQ(again->get("elsewhere.d").status(), 404);
    EXPECT_TRUE(again->is_resumed());
    const auto intruder = router.connect(
        {.server_name = "app.d", .least = version, .most = version, .session = first->session()});
    EXPECT_EQ(intruder->get("app.d").status(), 0);
    // Who has shown one need not do so again.
    const auto known =
        router.connect({.server_name = "app.d", .least = version, .most = version, .own = &good_});
    EXPECT_EQ(known->get("app.d").status(), 200);
    const auto back = router.connect(
        {.server_name = "app.d", .least = version, .most = version, .session = known->session()});
    const RawMessage reply = back->get("app.d");
    EXPECT_TRUE(back->is_resumed());
    EXPECT_EQ(TlsRouted::seen(reply).header("X-Forwarded-Client-Cert"),
              der_in_base64(good_.certificate));
  }
}

}  // namespace
}  // namespace causeway::test
