#include "router/route/route_table.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace causeway::router {
namespace {

std::shared_ptr<const Endpoint> some_endpoint() {
  static const std::shared_ptr<const Endpoint> endpoint = [] {
    EndpointSpec spec;
    spec.host = "10.0.0.1";
    spec.port = 8080;
    return std::make_shared<const Endpoint>(1, spec);
  }();
  return endpoint;
}

// A route whose pool is full or emptied.
struct Given {
  std::string uri;
  bool full = true;
};

std::shared_ptr<const Pool> pool_of(std::string_view key, bool full) {
  static PoolId last_id = 0;
  const std::vector<std::shared_ptr<const Endpoint>> endpoints(full ? 1 : 0, some_endpoint());
  return std::make_shared<const Pool>(++last_id, key, Pool::Terms{}, endpoints);
}

std::shared_ptr<const RouteTable> with(const RouteTable& before, const std::vector<Given>& given) {
  std::vector<std::shared_ptr<const Pool>> pools;
  std::vector<RouteTableBuilder::Change> changes;
  for (const Given& route : given) {
    pools.push_back(pool_of(route_key(route.uri), route.full));
    changes.push_back({pools.back()->key(), pools.back()});
  }
  return RouteTableBuilder::build(before, std::move(changes));
}

std::shared_ptr<const RouteTable> table_of(const std::vector<Given>& given) {
  return with(RouteTable(), given);
}

std::shared_ptr<const RouteTable> without(const RouteTable& before, std::string_view key) {
  return RouteTableBuilder::build(before, {{key, nullptr}});
}

// The key of the pool found, "none", or the key and " (empty)".
std::string found(const RouteTable& table, std::string_view host, std::string_view path) {
  const Pool* pool = table.find(host, path);
  if (pool == nullptr) return "none";
  return std::string(pool->key()) + (pool->empty() ? " (empty)" : "");
}

TEST(RouteKeyTest, is_lower_case_without_query_and_one_trailing_slash) {
  EXPECT_EQ(route_key("App.Example.COM"), "app.example.com");
  EXPECT_EQ(route_key("app.d/Path/"), "app.d/path");
  EXPECT_EQ(route_key("app.d/path//"), "app.d/path/");
  EXPECT_EQ(route_key("app.d/path?x=/"), "app.d/path");
  EXPECT_EQ(route_key("/app.d"), "app.d");
  EXPECT_EQ(route_key(""), "");
}

struct Lookup {
  const char* rule;
  std::vector<Given> given;
  std::string host;
  std::string path;
  std::string expected;
};

class LookupTest : public testing::TestWithParam<Lookup> {};

TEST_P(LookupTest, finds_the_pool_of_the_rule) {
  const Lookup& row = GetParam();
  EXPECT_EQ(found(*table_of(row.given), row.host, row.path), row.expected) << row.rule;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, LookupTest,
    testing::Values(
        Lookup{"exact host", {{"a.d"}}, "a.d", "/", "a.d"},
        Lookup{"unknown host", {{"a.d"}}, "b.d", "/", "none"},
        Lookup{"empty table", {}, "a.d", "/", "none"},
        Lookup{"empty host", {{"a.d"}}, "", "/", "none"},
        Lookup{"host in any case", {{"A.d"}}, "a.D", "/", "a.d"},
        Lookup{"path in any case", {{"a.d/Foo"}}, "a.d", "/fOO/x", "a.d/foo"},
        Lookup{"port cut off", {{"a.d"}}, "a.d:8080", "/", "a.d"},
        Lookup{"cut at the first colon", {{"[::1]"}}, "[::1]:80", "/", "none"},
        Lookup{"trailing dot stays", {{"a.d"}}, "a.d.", "/", "none"},
        Lookup{"no path given", {{"a.d"}}, "a.d", "", "a.d"},
        Lookup{"host serves deeper paths", {{"a.d"}}, "a.d", "/x/y/z", "a.d"},
        Lookup{"path matches itself", {{"a.d/x"}}, "a.d", "/x", "a.d/x"},
        Lookup{"trailing slash trimmed", {{"a.d/x"}}, "a.d", "/x/", "a.d/x"},
        Lookup{"a route with trailing slash", {{"a.d/x/"}}, "a.d", "/x", "a.d/x"},
        Lookup{"path matches whole segments", {{"a.d/x"}}, "a.d", "/xy", "none"},
        Lookup{"path does not match above", {{"a.d/x/y"}}, "a.d", "/x", "none"},
        Lookup{"deepest wins", {{"a.d"}, {"a.d/x"}, {"a.d/x/y"}}, "a.d", "/x/y/z", "a.d/x/y"},
        Lookup{"shallower when deeper fails",
               {{"a.d"}, {"a.d/x"}, {"a.d/x/y"}},
               "a.d",
               "/x/z",
               "a.d/x"},
        Lookup{"host when no path fits", {{"a.d"}, {"a.d/x"}}, "a.d", "/z", "a.d"},
        Lookup{"siblings that sort around the slash",
               {{"a.d/x-y"}, {"a.d/x"}, {"a.d/x/y"}, {"a.d/x0"}},
               "a.d",
               "/x/y/1",
               "a.d/x/y"},
        Lookup{"siblings, other one",
               {{"a.d/x-y"}, {"a.d/x"}, {"a.d/x/y"}},
               "a.d",
               "/x-y/1",
               "a.d/x-y"},
        Lookup{"double slash is an empty segment", {{"a.d/x"}}, "a.d", "//x", "none"},
        Lookup{"double slash registered", {{"a.d//x"}}, "a.d", "//x", "a.d//x"},
        Lookup{"escapes are text", {{"a.d/%7e"}}, "a.d", "/%7E/1", "a.d/%7e"},
        Lookup{"wildcard", {{"*.d"}}, "a.d", "/", "*.d"},
        Lookup{"wildcard for deeper names", {{"*.d"}}, "x.y.a.d", "/", "*.d"},
        Lookup{"wildcard is not the domain itself", {{"*.d"}}, "d", "/", "none"},
        Lookup{"nearest wildcard", {{"*.d"}, {"*.a.d"}}, "x.a.d", "/", "*.a.d"},
        Lookup{"exact before wildcard", {{"*.d"}, {"a.d"}}, "a.d", "/", "a.d"},
        Lookup{"wildcard with path", {{"*.d/x"}}, "a.d", "/x/1", "*.d/x"},
        Lookup{"wildcard when the exact host has another path",
               {{"a.d/foo"}, {"*.d"}},
               "a.d",
               "/bar",
               "*.d"},
        Lookup{"path repeated for each wildcard",
               {{"*.a.d/foo"}, {"*.d/bar"}},
               "x.a.d",
               "/bar",
               "*.d/bar"},
        Lookup{"a wildcard asked for", {{"*.d"}}, "*.d", "/", "*.d"},
        Lookup{"a wildcard asked for, deeper", {{"*.d"}}, "*.a.d", "/", "*.d"},
        Lookup{"empty first label", {{"*.d"}}, ".d", "/", "*.d"},
        Lookup{"dots only", {{"*.d"}}, "...", "/", "none"},
        Lookup{"a dot of the path is none of the host", {{"*.y"}}, "d", "/x.y", "none"},
        Lookup{"emptied pool answers", {{"a.d", false}}, "a.d", "/", "a.d (empty)"},
        Lookup{"emptied pool, path given", {{"a.d", false}}, "a.d", "/x", "a.d (empty)"},
        Lookup{"emptied deeper one falls back", {{"a.d"}, {"a.d/x", false}}, "a.d", "/x/y", "a.d"},
        Lookup{"full deeper one", {{"a.d", false}, {"a.d/x"}}, "a.d", "/x/y", "a.d/x"},
        Lookup{"deepest of emptied ones",
               {{"a.d", false}, {"a.d/x", false}},
               "a.d",
               "/x/y",
               "a.d/x (empty)"},
        Lookup{
            "emptied one hides the wildcard", {{"a.d", false}, {"*.d"}}, "a.d", "/", "a.d (empty)"},
        Lookup{
            "way ends below the emptied one", {{"a.d", false}, {"a.d/x/y"}}, "a.d", "/x", "none"},
        Lookup{"way ends below, wildcard",
               {{"a.d", false}, {"a.d/x/y"}, {"*.d"}},
               "a.d",
               "/x/z",
               "*.d"},
        Lookup{"way ends at the emptied one",
               {{"a.d", false}, {"a.d/x/y"}},
               "a.d",
               "/z",
               "a.d (empty)"},
        Lookup{"way ends at the emptied one, neighbours",
               {{"a.d", false}, {"a.d/x-1/y"}, {"a.d/x0/y"}},
               "a.d",
               "/x",
               "a.d (empty)"}));

TEST(RouteTableTest, a_long_host_has_no_route) {
  const std::string long_host = std::string(600, 'a') + ".d";
  EXPECT_EQ(found(*table_of({{"*.d"}}), long_host, "/"), "none");
  EXPECT_EQ(found(*table_of({{"*.d"}}), std::string(300, 'a') + ".d", "/"), "*.d");
}

TEST(RouteTableTest, a_path_of_a_million_segments_is_walked_only_as_deep_as_routes_go) {
  const auto table = table_of({{"a.d/x"}, {"a.d"}});
  std::string path;
  for (int i = 0; i < 1'000'000; ++i) path += "/";
  EXPECT_EQ(found(*table, "a.d", path), "a.d");
}

TEST(RouteTableTest, snapshots_do_not_change) {
  const auto first = table_of({{"a.d"}});
  const auto second = with(*first, {{"b.d"}});
  const auto third = without(*second, "a.d");
  EXPECT_EQ(found(*first, "b.d", "/"), "none");
  EXPECT_EQ(found(*second, "a.d", "/"), "a.d");
  EXPECT_EQ(found(*second, "b.d", "/"), "b.d");
  EXPECT_EQ(found(*third, "a.d", "/"), "none");
  EXPECT_EQ(found(*third, "b.d", "/"), "b.d");
  EXPECT_EQ(first->size(), 1u);
  EXPECT_EQ(second->size(), 2u);
  EXPECT_EQ(third->size(), 1u);
  EXPECT_EQ(third->version(), 3u);
  EXPECT_EQ(second->find_exact("b.d"), third->find_exact("b.d"));  // shared, not copied
}

TEST(RouteTableTest, the_last_change_of_a_route_counts) {
  const auto pool = pool_of("a.d", true);
  EXPECT_EQ(RouteTableBuilder::build(RouteTable(), {{"a.d", nullptr}, {"a.d", pool}})->size(), 1u);
  EXPECT_EQ(RouteTableBuilder::build(RouteTable(), {{"a.d", pool}, {"a.d", nullptr}})->size(), 0u);
}

TEST(RouteTableTest, a_host_with_thousands_of_paths) {
  std::vector<Given> given;
  for (int i = 0; i < 5000; ++i) given.push_back({"api.d/v" + std::to_string(i)});
  const auto table = table_of(given);
  EXPECT_EQ(table->size(), 5000u);
  EXPECT_EQ(found(*table, "api.d", "/v4711/x"), "api.d/v4711");
  EXPECT_EQ(found(*table, "api.d", "/v5000"), "none");
  EXPECT_EQ(table->find_exact("api.d/v12")->key(), "api.d/v12");
  EXPECT_EQ(table->find_exact("api.d/v1200000"), nullptr);
}

// What the table must answer, in the plainest way: gorouter's trie, written as a map.
const std::string* naive_find(const std::map<std::string, bool>& routes, std::string host,
                              std::string path) {
  if (path.ends_with('/')) path.pop_back();
  while (true) {
    const std::string* full = nullptr;
    const std::string* last = nullptr;
    for (size_t end = 0;; end = std::min(path.find('/', end + 1), path.size())) {
      const std::string key = host + path.substr(0, end);
      const auto exact = routes.find(key);
      const auto below = routes.lower_bound(key + "/");
      const bool is_node =
          exact != routes.end() || (below != routes.end() && below->first.starts_with(key + "/"));
      if (!is_node) break;
      last = exact == routes.end() ? nullptr : &exact->first;
      if (exact != routes.end() && exact->second) full = &exact->first;
      if (end == path.size()) break;
    }
    if (full != nullptr) return full;
    if (last != nullptr) return last;
    if (host.starts_with("*.")) host = host.substr(2);
    const size_t dot = host.find('.');
    if (dot == std::string::npos) return nullptr;
    host = "*" + host.substr(dot);
  }
}

TEST(RouteTableTest, agrees_with_a_plain_trie_through_random_changes) {
  Rng rng(20'240'711);
  const std::vector<std::string> labels{"a", "b", "*", "c-d"};
  const std::vector<std::string> segments{"", "/x", "/y", "/x-1", "/", "/x0"};
  const auto random_host = [&] {
    std::string host = labels[rng.below(labels.size())];
    for (uint64_t i = rng.below(3); i > 0; --i) host += "." + labels[rng.below(labels.size())];
    return host;
  };
  const auto random_path = [&] {
    std::string path;
    for (uint64_t i = rng.below(4); i > 0; --i) path += segments[rng.below(segments.size())];
    return path;
  };
  std::map<std::string, bool> model;
  std::shared_ptr<const RouteTable> table = std::make_shared<const RouteTable>();
  for (int round = 0; round < 400; ++round) {
    std::vector<std::shared_ptr<const Pool>> pools;
    std::vector<std::string> keys;
    keys.reserve(16);
    std::vector<RouteTableBuilder::Change> changes;
    for (uint64_t i = rng.below(12); i > 0; --i) {
      keys.push_back(route_key(random_host() + random_path()));
      const uint64_t kind = rng.below(4);
      if (kind == 0) {
        model.erase(keys.back());
        changes.push_back({keys.back(), nullptr});
      } else {
        model[keys.back()] = kind > 1;
        pools.push_back(pool_of(keys.back(), kind > 1));
        changes.push_back({keys.back(), pools.back()});
      }
    }
    table = RouteTableBuilder::build(*table, std::move(changes));
    ASSERT_EQ(table->size(), model.size());
    for (int i = 0; i < 60; ++i) {
      const std::string host = random_host();
      const std::string path = random_path();
      const std::string* expected = naive_find(model, host, path);
      const Pool* pool = table->find(host, path);
      ASSERT_EQ(pool == nullptr, expected == nullptr) << host << " " << path;
      if (pool == nullptr) continue;
      ASSERT_EQ(pool->key(), *expected) << host << " " << path;
    }
    for (const auto& [key, full] : model) {
      ASSERT_NE(table->find_exact(key), nullptr);
      ASSERT_EQ(table->find_exact(key)->empty(), !full);
    }
  }
}

TEST(RouteTableTest, grows_and_shrinks_through_every_size) {
  std::shared_ptr<const RouteTable> table = std::make_shared<const RouteTable>();
  constexpr int kRoutes = 20'000;
  const auto name = [](int i) { return "app-" + std::to_string(i) + ".apps.example.com"; };
  for (int first = 0; first < kRoutes; first += 500) {
    std::vector<Given> given;
    for (int i = first; i < first + 500; ++i) given.push_back({name(i)});
    table = with(*table, given);
  }
  ASSERT_EQ(table->size(), size_t{kRoutes});
  for (int i = 0; i < kRoutes; ++i) ASSERT_EQ(found(*table, name(i), "/"), name(i));
  size_t visited = 0;
  table->for_each([&](const Pool&) { ++visited; });
  EXPECT_EQ(visited, size_t{kRoutes});
  EXPECT_GT(table->footprint_bytes(), size_t{kRoutes} * 100);

  for (int first = 0; first < kRoutes; first += 500) {
    std::vector<std::string> keys;
    std::vector<RouteTableBuilder::Change> changes;
    for (int i = first; i < first + 500; ++i) keys.push_back(name(i));
    for (const std::string& key : keys) changes.push_back({key, nullptr});
    table = RouteTableBuilder::build(*table, std::move(changes));
    ASSERT_EQ(found(*table, name(first + 499), "/"), "none");
    const std::string next = first + 500 < kRoutes ? name(first + 500) : "none";
    ASSERT_EQ(found(*table, name(first + 500), "/"), next);
  }
  EXPECT_EQ(table->size(), 0u);
}

}  // namespace
}  // namespace causeway::router
