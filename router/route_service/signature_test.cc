#include "router/route_service/signature.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tls/aead.h"
#include "tls/digest.h"

namespace causeway::router {
namespace {

constexpr int64_t kNow = 1'700'000'000'123'456'789;
constexpr int64_t kSecond = 1'000'000'000;

class SignatureTest : public testing::Test {
 protected:
  // Seals `contents` as a router with the first key would.
  ServiceSigner::Headers seal(std::string_view contents) const {
    const tls::Aes128Gcm::Nonce nonce{std::byte{7}};
    const auto url = [](std::string text) {
      std::replace(text.begin(), text.end(), '+', '-');
      std::replace(text.begin(), text.end(), '/', '_');
      return text;
    };
    return {url(tls::base64(tls::Aes128Gcm(key_).seal(nonce, contents))),
            url(tls::base64(R"({"nonce":")" + tls::base64(nonce) + "\"}"))};
  }
  Result<ServiceVisit> check(const ServiceSigner::Headers& headers, int64_t now = kNow) const {
    return signer_.check(headers.signature, headers.metadata, now);
  }

  const ServiceKey key_{std::byte{1}};
  const ServiceKey other_key_{std::byte{2}};
  const ServiceSigner signer_{key_, {}, std::chrono::seconds(60)};
};

TEST_F(SignatureTest, what_is_signed_is_read_again) {
  const ServiceVisit visit{"https://app.example/a?b=<c>&d=\"\xc3\xa4\"", kNow};
  const auto headers = signer_.sign(visit);
  const auto read = check(headers, kNow + 60 * kSecond);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->forwarded_url, visit.forwarded_url);
  EXPECT_EQ(read->requested_unix_ns, kNow);
  EXPECT_EQ(headers.signature.find_first_of("+/"), std::string::npos);
  EXPECT_NE(signer_.sign(visit).signature, headers.signature);  // a nonce is used once
}

TEST_F(SignatureTest, expires) {
  const auto headers = signer_.sign({"https://app.example/", kNow});
  const auto read = check(headers, kNow + 60 * kSecond + 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::timeout);
  EXPECT_EQ(read.error().detail, "Route service request expired");
}

TEST_F(SignatureTest, a_former_secret_still_checks) {
  const auto headers = ServiceSigner(other_key_, {}, std::chrono::seconds(60)).sign({"u", kNow});
  EXPECT_FALSE(check(headers));
  const ServiceSigner rotated(key_, other_key_, std::chrono::seconds(60));
  EXPECT_TRUE(rotated.check(headers.signature, headers.metadata, kNow));
  // It signs with the present one.
  const auto fresh = rotated.sign({"u", kNow});
  EXPECT_TRUE(check(fresh));
}

TEST_F(SignatureTest, reads_what_another_router_wrote) {
  const auto zulu = check(
      seal(R"({"forwarded_url":"http:\/\/a.d\/\u0026","requested_time":"2023-11-14T22:13:20Z"})"));
  ASSERT_TRUE(zulu) << zulu.error().detail;
  EXPECT_EQ(zulu->forwarded_url, "http://a.d/&");
  EXPECT_EQ(zulu->requested_unix_ns, 1'700'000'000 * kSecond);
  const auto zoned = check(
      seal(R"({"forwarded_url":"u","requested_time":"2023-11-15T00:13:20.123456789+02:00"})"));
  ASSERT_TRUE(zoned) << zoned.error().detail;
  EXPECT_EQ(zoned->requested_unix_ns, kNow);
}

TEST_F(SignatureTest, refuses_everything_else) {
  for (const char* contents :
       {"", "{}", "[]", R"({"forwarded_url":"u"})", R"({"requested_time":"2023-11-14T22:13:20Z"})",
        R"({"forwarded_url":"u","requested_time":"yesterday"})",
        R"({"forwarded_url":"u","requested_time":"2023-11-14T22:13:20"})",
        R"({"forwarded_url":"u","requested_time":"2023-13-14T22:13:20Z"})",
        R"({"forwarded_url":"u","requested_time":"2023-11-14T22:13:20Zx"})",
        R"({"forwarded_url":"u","requested_time":"9999-11-14T22:13:20Z"})"}) {
    const auto read = check(seal(contents));
    ASSERT_FALSE(read) << contents;
    EXPECT_EQ(read.error().fault, Fault::invalid);
  }
  const auto good = signer_.sign({"u", kNow});
  for (const char* text : {"", "x", "!!!!", "YQ==", "e30=", "eyJub25jZSI6IllRPT0ifQ=="}) {
    EXPECT_FALSE(check({good.signature, text})) << text;
    EXPECT_FALSE(check({text, good.metadata})) << text;
  }
  EXPECT_FALSE(check({std::string(3u << 20, 'A'), good.metadata}));
}

TEST_F(SignatureTest, keys_come_from_secrets_as_the_original_derives_them) {
  // PBKDF2-HMAC-SHA256("secret", "", 100001, 16 bytes), by another implementation.
  EXPECT_EQ(tls::hex(derive_service_key("secret")), "1f2b6e613f704b5c5602c46ba1ab02a7");
}

}  // namespace
}  // namespace causeway::router
