#include "base/result.h"

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

namespace causeway {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error{.fault = Fault::invalid, .detail = "odd"};
  return number / 2;
}

TEST(Result, carries_the_value_or_the_error) {
  EXPECT_EQ(*half(4), 2);
  const Result<int> odd = half(3);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().fault, Fault::invalid);
  EXPECT_EQ(to_string(odd.error()), "invalid: odd");
  EXPECT_EQ(odd.value_or(7), 7);
}

TEST(Result, moves_values_that_cannot_be_copied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(5);
  std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 5);
}

TEST(Result, void_success_and_failure) {
  Result<void> fine;
  EXPECT_TRUE(fine);
  Result<void> broken = Error{.fault = Fault::io, .os = ENOSPC};
  ASSERT_FALSE(broken);
  EXPECT_EQ(to_string(broken.error()), "io (errno 28)");
}

TEST(ResultDeathTest, reading_the_absent_side_aborts) {
  const Result<int> odd = half(3);
  EXPECT_DEATH((void)odd.value(), "CHECK failed");
  const Result<int> fine = half(2);
  EXPECT_DEATH((void)fine.error(), "CHECK failed");
}

TEST(Error, every_fault_has_a_word_and_errnos_map) {
  for (int i = 0; i <= static_cast<int>(Fault::no_endpoint); ++i) {
    EXPECT_NE(fault_name(static_cast<Fault>(i)), "unknown") << i;
  }
  EXPECT_EQ(fault_of_errno(ECONNREFUSED), Fault::refused);
  EXPECT_EQ(fault_of_errno(EPIPE), Fault::reset);
  EXPECT_EQ(fault_of_errno(ENOSPC), Fault::io);
}

}  // namespace
}  // namespace causeway
