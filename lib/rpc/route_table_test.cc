#include "rpc/route_table.h"

#include <gtest/gtest.h>

namespace causeway::rpc {
namespace {

TEST(RouteTable, exact_paths_before_patterns) {
  RouteTable table;
  const size_t pattern = table.add("GET", "/v1/:what");
  const size_t exact = table.add("GET", "/v1/ping");
  EXPECT_EQ(table.find("GET", "/v1/ping").route, exact);
  EXPECT_EQ(table.find("GET", "/v1/pong").route, pattern);
}

TEST(RouteTable, parameters_are_decoded_after_the_path_is_split) {
  RouteTable table;
  const size_t stop = table.add("POST", "/v1/lrps/:process_guid/instances/:instance_guid/stop");
  const auto match = table.find("POST", "/v1/lrps/a%2Fb/instances/i%20j/stop");
  EXPECT_EQ(match.route, stop);
  EXPECT_EQ(match.params, (std::map<std::string, std::string>{{"process_guid", "a/b"},
                                                              {"instance_guid", "i j"}}));
  EXPECT_FALSE(table.find("POST", "/v1/lrps//instances/i/stop").route);
  EXPECT_FALSE(table.find("POST", "/v1/lrps/%zz/instances/i/stop").route);
  EXPECT_FALSE(table.find("POST", "/v1/lrps/a/instances/i/stop/").route);
  EXPECT_FALSE(table.find("POST", "/v1/lrps/a/b/instances/i/stop").route);
}

TEST(RouteTable, another_method_is_told_what_is_allowed) {
  RouteTable table;
  table.add("GET", "/x");
  table.add("PUT", "/x");
  table.add("POST", "/y/:z");
  auto match = table.find("DELETE", "/x");
  EXPECT_FALSE(match.route);
  EXPECT_EQ(match.allow, "GET, PUT");
  match = table.find("GET", "/y/1");
  EXPECT_FALSE(match.route);
  EXPECT_EQ(match.allow, "POST");
  EXPECT_TRUE(match.params.empty());
  EXPECT_EQ(table.find("GET", "/z").allow, "");
}

TEST(RouteTable, any_method_and_head) {
  RouteTable table;
  const size_t any = table.add("*", "/any");
  const size_t get = table.add("GET", "/get");
  EXPECT_EQ(table.find("BREW", "/any").route, any);
  EXPECT_EQ(table.find("HEAD", "/get").route, get);
}

}  // namespace
}  // namespace causeway::rpc
