#include "router/admin/varz_page.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

TEST(VarzPage, tells_the_registrys_numbers_under_their_old_names) {
  metrics::Registry registry;
  ManualClock clock;
  VarzPage page(registry, clock,
                {.index = 3, .host = "10.0.0.1:8080", .user = "u", .password = "p"});
  page.tick();
  metrics::Counter& requests =
      registry.counter("total_requests", "", {{"component", "cloud-controller"}});
  registry.counter("responses", "", {{"status_group", "2xx"}}).add(7);
  registry.counter("rejected_requests", "").add(2);
  registry.counter("bad_gateways", "").add(1);
  registry.gauge("ms_since_last_registry_update", "").set(1500);
  metrics::Counter& app = registry.counter("app_requests", "", {{"app_id", "app-1"}});
  metrics::Histogram& latency = registry.histogram("latency", "", {10, 20, 100});
  for (int i = 0; i < 100; ++i) latency.observe(15);
  requests.add(50);
  app.add(120);
  page.tick();
  clock.advance(std::chrono::hours(25));
  const std::string json = page.json(4, 9);
  for (const char* part :
       {R"({"type":"Router","index":3,"host":"10.0.0.1:8080","credentials":["u","p"],"uuid":"3-)",
        R"("start":"2023-11-14 22:13:20 +0000")", R"("uptime":"1d:1h:0m:0s","log_counts":{})",
        R"("requests":50,"rate":[)", R"("responses_2xx":7,"responses_3xx":0)",
        R"("latency":{"50":0.015,"75":0.0175,"90":0.019,"95":0.0195,"99":0.0)",
        R"("tags":{"component":{"cloud-controller":{"requests":50,"rate":[10)",
        R"("urls":4,"droplets":9,"bad_requests":2,"bad_gateways":1,"requests_per_sec":)",
        R"("top10_app_requests":[{"application_id":"app-1","rps":2,"rpm":120}])",
        R"("ms_since_last_registry_update":1500})"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
  }
}

TEST(VarzPage, an_app_counts_for_a_minute) {
  metrics::Registry registry;
  ManualClock clock;
  VarzPage page(registry, clock, {});
  metrics::Counter& app = registry.counter("app_requests", "", {{"app_id", "app-1"}});
  page.tick();
  app.add(5);
  EXPECT_NE(page.json(0, 0).find(R"("rpm":5})"), std::string::npos);
  for (int i = 0; i < 12; ++i) page.tick();
  EXPECT_NE(page.json(0, 0).find(R"("top10_app_requests":[])"), std::string::npos);
}

}  // namespace
}  // namespace causeway::router
