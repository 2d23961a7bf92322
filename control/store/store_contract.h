#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/store/store.h"

namespace causeway::store {

// What a store must be given to take part in the contract test (store_contract_test.cc). Test code.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  // Lets callbacks run once, waiting a moment for the first one if none is due.
  virtual void turn() = 0;
};

// Each test binary has its own. The contract is kept in each of these ways.
std::vector<std::string> ways_to_keep_the_contract();
// An empty store.
std::unique_ptr<StoreUnderTest> make_store_under_test(const std::string& way);

}  // namespace causeway::store
