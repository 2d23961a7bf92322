#include "cell/runtime/fake_runtime.h"

#include <gtest/gtest.h>

#include "cell/runtime/runtime_contract.h"
#include "net/loop.h"

namespace causeway::runtime {
namespace {

TEST(FakeRuntime, keeps_the_contract) {
  net::Loop loop;
  FakeRuntime runtime(loop);
  runtime.exits_at_once = {{"/bin/true", 0}, {"/bin/false", 1}};
  const auto spec = [](const std::string& handle) {
    ContainerSpec made;
    made.handle = handle;
    return made;
  };
  check_runtime_contract(loop, runtime, spec, [&]() -> Runtime& {
    runtime.lose_rep();
    return runtime;
  });
}

}  // namespace
}  // namespace causeway::runtime
