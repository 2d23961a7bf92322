#include "control/route_emitter/farewells.h"

#include <gmock/gmock.h>

namespace causeway::route_emitter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RouteMessage message(const std::string& uri, std::string payload = "x") {
  return {{uri, "10.0.0.1", 80}, std::move(payload)};
}

std::vector<std::string> repeat(Farewells& farewells) {
  std::vector<std::string> uris;
  farewells.repeat([&uris](const RouteMessage& sent) { uris.push_back(sent.route.uri); });
  return uris;
}

TEST(FarewellsTest, each_is_said_again_a_number_of_times) {
  Farewells farewells({.repeats = 2});
  farewells.add(message("a"));
  EXPECT_THAT(repeat(farewells), ElementsAre("a"));
  farewells.add(message("b"));
  EXPECT_THAT(repeat(farewells), ElementsAre("a", "b"));
  EXPECT_THAT(repeat(farewells), ElementsAre("b"));
  EXPECT_THAT(repeat(farewells), IsEmpty());
}

TEST(FarewellsTest, not_to_a_route_that_is_registered_again) {
  Farewells farewells({.repeats = 20});
  farewells.add(message("a"));
  farewells.add(message("b"));
  farewells.forget(message("a").route);
  EXPECT_THAT(repeat(farewells), ElementsAre("b"));
}

TEST(FarewellsTest, visiting_does_not_count) {
  Farewells farewells({.repeats = 1});
  farewells.add(message("a"));
  int visited = 0;
  for (int i = 0; i < 3; ++i) farewells.visit([&visited](const RouteMessage&) { ++visited; });
  EXPECT_EQ(visited, 3);
  EXPECT_THAT(repeat(farewells), ElementsAre("a"));
}

TEST(FarewellsTest, said_anew_it_counts_anew) {
  Farewells farewells({.repeats = 2});
  farewells.add(message("a"));
  repeat(farewells);
  farewells.add(message("a"));
  repeat(farewells);
  EXPECT_THAT(repeat(farewells), ElementsAre("a"));
}

TEST(FarewellsTest, are_bounded) {
  Farewells farewells({.repeats = 1, .entries_max = 1});
  farewells.add(message("a"));
  farewells.add(message("b"));
  farewells.add(message("a"));
  EXPECT_EQ(farewells.size(), 1u);
  EXPECT_EQ(farewells.dropped(), 1u);
  Farewells none({.repeats = 0});
  none.add(message("a"));
  EXPECT_EQ(none.size(), 0u);
}

}  // namespace
}  // namespace causeway::route_emitter
