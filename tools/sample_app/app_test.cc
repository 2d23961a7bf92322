#include "tools/sample_app/app.h"

#include <gtest/gtest.h>

namespace causeway::sample {
namespace {

http::RequestHead request(std::string_view method, std::string_view target) {
  http::RequestHead head;
  head.method = method;
  head.target = target;
  return head;
}

const Identity kIdentity{.app = "shop", .index = "3", .guid = "g", .port = 8080};

TEST(SampleApp, says_which_instance_answers) {
  EXPECT_EQ(answer(kIdentity, request("GET", "/"), "", 0).body, "Hello from shop, instance 3\n");
}

TEST(SampleApp, echoes_request_headers_and_body_as_json) {
  http::RequestHead head = request("POST", "/echo?a=b");
  head.headers.add("X-Quote", "say \"hi\"");
  const Answer what = answer(kIdentity, head, "line\n", 5);
  EXPECT_EQ(what.body,
            "{\"app\":\"shop\",\"instance\":\"3\",\"method\":\"POST\",\"target\":\"/echo?a=b\","
            "\"headers\":[[\"X-Quote\",\"say \\\"hi\\\"\"]],\"body\":\"line\\u000a\"}\n");
}

TEST(SampleApp, reads_numbers_from_the_query) {
  EXPECT_EQ(query_number("/bytes?n=12", "n", 7), 12u);
  EXPECT_EQ(query_number("/bytes?m=1&n=12&x", "n", 7), 12u);
  EXPECT_EQ(query_number("/bytes?n=12x", "n", 7), 7u);
  EXPECT_EQ(query_number("/bytes", "n", 7), 7u);
  EXPECT_EQ(answer(kIdentity, request("GET", "/bytes?n=1000000"), "", 0).filler_bytes, 1'000'000u);
  EXPECT_EQ(answer(kIdentity, request("GET", "/sleep?ms=99999999"), "", 0).delay_ms, 600'000u);
}

TEST(SampleApp, unknown_pages_are_not_found) {
  EXPECT_EQ(answer(kIdentity, request("GET", "/nowhere"), "", 0).status, 404);
}

}  // namespace
}  // namespace causeway::sample
