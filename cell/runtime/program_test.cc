#include "cell/runtime/program.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::runtime {
namespace {

TEST(RunProgram, feeds_input_and_answers_output) {
  const std::string text(300'000, 'x');
  EXPECT_EQ(run_program({"cat"}, "hello\n").value(), "hello");
  EXPECT_EQ(run_program({"wc", "-c"}, text).value(), "300000");
}

TEST(RunProgram, a_failure_says_what_the_program_said) {
  const Result<std::string> result = run_program({"sh", "-c", "echo broken >&2; exit 3"});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().detail, "sh: status 3: broken");
  EXPECT_FALSE(run_program({"causeway-no-such-program"}).has_value());
}

TEST(RunProgram, ends_what_takes_too_long_and_does_not_wait_for_grandchildren) {
  const Result<std::string> late =
      run_program({"sleep", "1000"}, {}, std::chrono::milliseconds(50));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().fault, Fault::timeout);
  EXPECT_EQ(run_program({"sh", "-c", "sleep 5 & echo done"}, {}, std::chrono::seconds(60)).value(),
            "done");
}

}  // namespace
}  // namespace causeway::runtime
