// What a server's context is made of: names of suites, ticket keys, certificates, OCSP responses.
#include <string>

#include <gtest/gtest.h>

#include "tls/certificate.h"
#include "tls/cipher_suites.h"
#include "tls/context.h"
#include "tls/digest.h"
#include "tls/key_pair.h"
#include "tls/ticket_keys.h"
#include "tls/trouble.h"

namespace causeway::tls {
namespace {

TEST(CipherSuites, are_known_by_either_name) {
  for (const char* name :
       {"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "AES128-SHA"})
    EXPECT_TRUE(has_cipher_suite(name)) << name;
  for (const char* name : {"RC4-SHA", "TLS_RSA_WITH_RC4_128_SHA", "nonsense", ""})
    EXPECT_FALSE(has_cipher_suite(name)) << name;
  EXPECT_EQ(cipher_list({"a", "TLS_X_WITH_CHACHA20_POLY1305"}),
            "a:TLS_X_WITH_CHACHA20_POLY1305_SHA256");
}

TEST(TicketKeys, are_lines_of_80_bytes) {
  const std::string a = base64(std::string(80, 'a')), b = base64(std::string(80, 'b'));
  const auto keys = parse_ticket_keys("# first the present one\n" + a + "\r\n\n  " + b);
  ASSERT_TRUE(keys) << keys.error().detail;
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].name[0], 'a');
  EXPECT_EQ((*keys)[1].mac[31], 'b');
  for (const auto& [text, reason] :
       {std::pair(std::string(), "no key"), std::pair(a + "\n" + "short\n", "line 2"),
        std::pair(base64(std::string(48, 'a')), "line 1 is not 80 bytes")}) {
    const auto refused = parse_ticket_keys(text);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().detail.find(reason), std::string::npos) << refused.error().detail;
  }
  std::string many;
  for (size_t i = 0; i <= kTicketKeysMax; ++i) many += a + "\n";
  EXPECT_FALSE(parse_ticket_keys(many));
  EXPECT_NE(make_ticket_key(), make_ticket_key());
}

TEST(Certificates, say_their_names_subject_and_time) {
  const KeyPair pair = make_self_signed({"A.example.com", "*.b.org"}, std::chrono::hours(2));
  const auto facts = read_certificates(pair.certificate_pem + pair.certificate_pem);
  ASSERT_TRUE(facts) << facts.error().detail;
  ASSERT_EQ(facts->size(), 2u);
  const CertificateFacts& first = facts->front();
  EXPECT_EQ(first.names, (std::vector<std::string>{"a.example.com", "*.b.org"}));
  EXPECT_EQ(first.subject, "CN=A.example.com");
  EXPECT_EQ(first.parts.parts[static_cast<size_t>(SubjectPart::common_name)],
            std::vector<std::string>{"A.example.com"});
  EXPECT_TRUE(first.is_authority);
  EXPECT_EQ(first.not_after_unix - first.not_before_unix, 2 * 3600 + 60);
  EXPECT_FALSE(read_certificates(""));
  EXPECT_FALSE(read_certificates(pair.key_pem));
  EXPECT_FALSE(read_certificates(pair.certificate_pem + "-----BEGIN CERTIFICATE-----\nAAAA\n"));
}

TEST(OcspResponses, are_whole_and_successful) {
  const std::string good(
      "\x30\x13\x0a\x01\x00\xa0\x0e\x30\x0c\x06\x01\x2b\x04\x07"
      "answers",
      21);
  EXPECT_TRUE(check_ocsp_response(good));
  std::string failed = good;
  failed[4] = 3;  // try later
  EXPECT_FALSE(check_ocsp_response(failed));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(check_ocsp_response(good.substr(0, size))) << size;
  EXPECT_FALSE(check_ocsp_response(good + "x"));
}

TEST(ServerContext, says_why_it_cannot_be_made) {
  const KeyPair pair = make_self_signed({"localhost"});
  using Options = ServerContext::Options;
  using Wanted = Options::ClientCertificate;
  EXPECT_TRUE(ServerContext::make({.key_pair = pair}));
  for (const Options& options :
       {Options{}, Options{.key_pair = pair, .more_certificates = {{.key_pair = {}}}},
        Options{.key_pair = pair, .cipher_suites = {"RC4-SHA"}},
        Options{.key_pair = pair, .client_certificate = Wanted::required},
        Options{.key_pair = pair, .domains = {{.name = "a.b", .client_ca_pem = "nothing"}}},
        Options{.key_pair = pair, .least = Version::tls_1_3, .most = Version::tls_1_2}}) {
    const auto made = ServerContext::make(options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().fault, Fault::invalid);
    EXPECT_NE(made.error().detail, "");
  }
}

TEST(Trouble, is_none_where_tls_is_not_what_failed) {
  EXPECT_EQ(trouble_of({.fault = Fault::reset, .detail = "connection reset"}), Trouble::none);
  EXPECT_EQ(trouble_of({.fault = Fault::protocol, .detail = "TLS: WRONG_VERSION_NUMBER"}),
            Trouble::other);
}

}  // namespace
}  // namespace causeway::tls
