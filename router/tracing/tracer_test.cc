#include "router/tracing/tracer.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

constexpr const char* kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* kSpan = "b7ad6b7169203331";

// Its random bytes are 0x11, 0x22 ... for the first, second ... id.
struct Traced {
  explicit Traced(Tracer::Options options)
      : tracer(options, [this](std::span<std::byte> out) {
          std::fill(out.begin(), out.end(), std::byte(0x11 * ++fills));
        }) {}
  std::string get(const char* name) const { return std::string(headers.get(name)); }

  int fills = 0;
  Arena arena;
  http::Headers headers;
  Tracer tracer;
};

TEST(TracerTest, zipkin_makes_ids_where_none_are) {
  Traced traced({.zipkin = true});
  const std::string trace(32, '1');
  const std::string span = "23" + std::string(14, '2');
  EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), trace);
  EXPECT_EQ(traced.get("X-B3-TraceId"), trace);
  EXPECT_EQ(traced.get("X-B3-SpanId"), span);
  EXPECT_EQ(traced.get("b3"), trace + "-" + span);
  EXPECT_FALSE(traced.headers.has("traceparent"));
}

TEST(TracerTest, zipkin_keeps_a_valid_single_header) {
  for (const char* tail : {"", "-1", "-0", "-d", "-1-00f067aa0ba902b7"}) {
    Traced traced({.zipkin = true});
    const std::string value = std::string(kTrace) + "-" + kSpan + tail;
    traced.headers.add("b3", value);
    EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), kTrace) << tail;
    EXPECT_EQ(traced.headers.size(), 1u);
    EXPECT_EQ(traced.get("b3"), value);
  }
}

TEST(TracerTest, zipkin_replaces_what_is_no_b3) {
  for (const char* value :
       {"0", "d", "-", "x-y", "0af7651916cd43dd8448eb211c80319c",
        "0af7651916cd43dd8448eb211c80319c-", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
        "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-2",
        "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-x",
        "00000000000000000000000000000000-b7ad6b7169203331",
        "0af7651916cd43dd8448eb211c80319c-0000000000000000",
        "0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331"}) {
    Traced traced({.zipkin = true});
    traced.headers.add("b3", value);
    EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), std::string(32, '1')) << value;
    EXPECT_TRUE(traced.get("b3").starts_with(std::string(32, '1') + "-2")) << value;
  }
}

TEST(TracerTest, zipkin_derives_the_single_header_from_the_others) {
  Traced traced({.zipkin = true});
  traced.headers.add("X-B3-TraceId", kTrace);
  traced.headers.add("x-b3-spanid", kSpan);
  EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), kTrace);
  EXPECT_EQ(traced.get("b3"), std::string(kTrace) + "-" + kSpan);

  Traced sampled({.zipkin = true});
  sampled.headers.add("X-B3-TraceId", "48485a3953bb6124");
  sampled.headers.add("X-B3-SpanId", kSpan);
  sampled.headers.add("X-B3-ParentSpanId", "00f067aa0ba902b7");
  sampled.headers.add("X-B3-Sampled", "1");
  // 64 bits are no UUID.
  EXPECT_EQ(sampled.tracer.trace(sampled.headers, sampled.arena), "");
  EXPECT_EQ(sampled.get("b3"), "48485a3953bb6124-" + std::string(kSpan) + "-1-00f067aa0ba902b7");
}

TEST(TracerTest, w3c_continues_a_trace) {
  Traced traced({.w3c = true});
  traced.headers.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
  traced.headers.add("tracestate", "a=1, gorouter=0011223344556677");
  traced.headers.add("tracestate", "b=2");
  EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), kTrace);
  EXPECT_EQ(traced.get("traceparent"), "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-00");
  EXPECT_EQ(traced.get("tracestate"), "gorouter=1111111111111111,a=1,b=2");
  EXPECT_EQ(traced.headers.size(), 2u);
}

TEST(TracerTest, w3c_begins_a_trace_where_the_parent_is_malformed) {
  for (const char* parent : {"", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                             "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                             "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                             "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    Traced traced({.w3c = true, .tenant_id = "t"});
    traced.headers.add("traceparent", parent);
    traced.headers.add("tracestate", "a=1");
    EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), std::string(32, '1')) << parent;
    EXPECT_EQ(traced.get("traceparent"), "00-" + std::string(32, '1') + "-2322222222222222-01");
    EXPECT_EQ(traced.get("tracestate"), "t@gorouter=2322222222222222");
  }
  Traced twice({.w3c = true});
  for (int i = 0; i < 2; ++i)
    twice.headers.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(twice.tracer.trace(twice.headers, twice.arena), std::string(32, '1'));
  EXPECT_EQ(twice.headers.size(), 2u);
}

TEST(TracerTest, w3c_reads_what_it_knows_of_later_versions) {
  Traced traced({.w3c = true});
  traced.headers.add("traceparent", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-new");
  EXPECT_EQ(traced.tracer.trace(traced.headers, traced.arena), kTrace);
}

TEST(TracerTest, an_over_long_tracestate_is_dropped) {
  Traced traced({.w3c = true});
  const std::string longest = "a=" + std::string(2046, 'x');
  traced.headers.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  traced.headers.add("tracestate", longest);
  traced.tracer.trace(traced.headers, traced.arena);
  EXPECT_EQ(traced.get("tracestate"), "gorouter=1111111111111111," + longest);
  const std::string longer = longest + "y";
  traced.headers.set("tracestate", longer);
  traced.tracer.trace(traced.headers, traced.arena);
  EXPECT_EQ(traced.get("tracestate"), "gorouter=2322222222222222");
}

TEST(TracerTest, both_share_one_trace) {
  Traced traced({.zipkin = true, .w3c = true});
  const std::string_view trace = traced.tracer.trace(traced.headers, traced.arena);
  EXPECT_EQ(traced.get("X-B3-TraceId"), trace);
  EXPECT_EQ(traced.get("traceparent"),
            "00-" + std::string(trace) + "-" + traced.get("X-B3-SpanId") + "-01");
}

}  // namespace
}  // namespace causeway::router
