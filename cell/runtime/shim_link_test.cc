#include "cell/runtime/shim_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::runtime {
namespace {

using Kind = ShimMessage::Kind;

TEST(ShimLine, what_a_shim_says) {
  const auto process = parse_shim_line("process action.0 exited 4711 137 9 1");
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->kind, Kind::process);
  EXPECT_EQ(process->process.id, "action.0");
  EXPECT_EQ(process->process.phase, ProcessState::Phase::exited);
  EXPECT_EQ(process->process.pid, 4711);
  EXPECT_EQ(process->process.exit.status, 137);
  EXPECT_EQ(process->process.exit.signal, 9);
  EXPECT_TRUE(process->process.exit.out_of_memory);
  EXPECT_TRUE(parse_shim_line("container running")->container_runs);
  EXPECT_FALSE(parse_shim_line("container ended")->container_runs);
  EXPECT_EQ(parse_shim_line("started a 12")->process.pid, 12);
  EXPECT_EQ(parse_shim_line("failed a no such file")->text, "no such file");
  EXPECT_EQ(parse_shim_line("exited a 3 0 0")->process.exit.status, 3);
  EXPECT_EQ(parse_shim_line("ended 137 9 1")->exit.status, 137);
  EXPECT_EQ(parse_shim_line("log 5 O APP two  words ")->text, "5 O APP two  words ");
  EXPECT_EQ(parse_shim_line("destroyed")->kind, Kind::destroyed);
  EXPECT_EQ(parse_shim_line("undestroyed busy")->text, "busy");
}

TEST(ShimLine, what_no_shim_says) {
  for (const char* line :
       {"", " ", "hello", "process", "process a", "process a running", "process a dancing 1 0 0 0",
        "started a", "started a x", "exited a 1 2", "exited a 1 2 3x", "ended"}) {
    const auto message = parse_shim_line(line);
    ASSERT_FALSE(message.has_value()) << line;
    EXPECT_EQ(message.error().fault, Fault::protocol);
  }
}

}  // namespace
}  // namespace causeway::runtime
