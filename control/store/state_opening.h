#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/store/key_space.h"
#include "control/store/row_cipher.h"
#include "log/logger.h"
#include "redis/client.h"

namespace causeway::store {

// What the state in Redis is like.
struct StateFacts {
  int schema = 0;  // 0: there is none yet
  size_t shards = 0;
  std::map<std::string, std::string> key_checks;  // by label under which rows may be sealed
  bool in_the_clear = false;                      // rows may be

  // As RowForm wants it.
  std::vector<std::string> labels() const;
};

// Whether this program, with these keys (null: none), can work on it. Fault::unsupported for a
// newer schema, Fault::invalid for keys that are missing or wrong.
Result<void> check_state(const StateFacts& facts, const KeyRing* keys);

// Looks at the state, and makes it fit: an empty one is begun, an older one migrated, the active
// key noted. Everything may be interrupted and begun again. Owner: main(). Thread: its loop's.
// Ends: what is under way is dropped.
class StateOpening {
 public:
  struct Options {
    const KeyRing* keys = nullptr;
    size_t shards = 1;               // of a state that is begun
    bool insists_on_shards = false;  // a state that is cut otherwise is Fault::invalid
  };
  using OnFacts = std::function<void(Result<StateFacts>)>;

  StateOpening(redis::Client& client, const log::Logger& logger, const Options& options);
  StateOpening(const StateOpening&) = delete;
  StateOpening& operator=(const StateOpening&) = delete;

  // Reads only, and checks.
  void inspect(OnFacts on_facts);
  // For the leader: `token` is checked with everything that is written.
  void prepare(const std::string& token, OnFacts on_facts);
  // Rows are under the active key only from now on.
  void forget_other_keys(const std::string& token, std::function<void(Result<void>)> on_done);

  size_t keys_migrated() const { return keys_migrated_; }

 private:
  // Whether a key of schema 1 is there, and the fields of the meta hash.
  struct Found {
    bool any_old = false;
    std::optional<Error> error;
    size_t missing = 0;
    redis::Value meta;
  };
  void take_found();
  void write_meta(const std::string& token);
  void begin_migration(const std::string& token);
  void migrate(const std::string& token, const std::string& cursor);
  void rename(const std::string& token, const std::vector<std::string>& names,
              const std::string& cursor);
  void fail(Error error);

  redis::Client& client_;
  const log::Logger logger_;
  const Options options_;
  const redis::Script write_script_, rename_script_;
  Found found_;
  StateFacts facts_;
  OnFacts on_facts_;
  size_t keys_migrated_ = 0;
};

// The key of schema 2 that holds what this one of schema 1 held; "" when it is none of schema 1.
std::string migrated_key(const std::string& name);

}  // namespace causeway::store
