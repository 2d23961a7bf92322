#include "base/list.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace causeway {
namespace {

struct Car : ListLink<Car> {
  explicit Car(int n) : number(n) {}
  int number;
};

std::vector<int> numbers(List<Car>& list) {
  std::vector<int> seen;
  list.for_each([&](Car& car) { seen.push_back(car.number); });
  return seen;
}

TEST(List, keeps_order_and_size) {
  Car one(1), two(2), three(3);
  List<Car> train;
  train.push_back(two);
  train.push_back(three);
  train.push_front(one);
  EXPECT_EQ(numbers(train), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(train.size(), 3u);
  two.unlink();
  EXPECT_EQ(numbers(train), (std::vector<int>{1, 3}));
  EXPECT_FALSE(two.is_linked());
  EXPECT_EQ(train.front().number, 1);
  EXPECT_EQ(train.back().number, 3);
}

TEST(List, an_object_that_ends_leaves_its_list) {
  List<Car> train;
  auto car = std::make_unique<Car>(1);
  train.push_back(*car);
  car.reset();
  EXPECT_TRUE(train.empty());
}

TEST(List, objects_may_leave_while_visited) {
  Car one(1), two(2);
  List<Car> train;
  train.push_back(one);
  train.push_back(two);
  train.for_each([](Car& car) { car.unlink(); });
  EXPECT_TRUE(train.empty());
}

TEST(List, a_list_that_ends_first_lets_its_objects_go) {
  Car one(1);
  {
    List<Car> train;
    train.push_back(one);
  }
  EXPECT_FALSE(one.is_linked());
}

}  // namespace
}  // namespace causeway
