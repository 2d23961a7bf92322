#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "control/store/key_space.h"
#include "control/store/row_cipher.h"
#include "log/logger.h"
#include "net/timer.h"
#include "redis/client.h"

namespace causeway::store {

// Seals again what lies under another key than the active one, or in the clear: goes through all
// rows once, page by page and not faster than asked, each row on the condition that it is still as
// it was read. Nobody waits for it. Owner: main(). Thread: its loop's. Ends: with its owner, at any
// point; the next leader begins anew.
class Resealer {
 public:
  struct Options {
    const KeyRing& keys;
    KeySpace space;
    std::string token;  // of the leader
    uint32_t rows_per_second = 5000;
  };
  // `clean`: nothing but the active key is in use any more.
  using OnEnd = std::function<void(bool clean)>;

  Resealer(net::Loop& loop, redis::Client& client, const log::Logger& logger, Options options,
           OnEnd on_end);
  Resealer(const Resealer&) = delete;
  Resealer& operator=(const Resealer&) = delete;

  uint64_t resealed() const { return resealed_; }
  uint64_t unreadable() const { return unreadable_; }

 private:
  using Values = std::vector<redis::Value>;
  // Where rows lie that have just been asked for: key, field ("": those of a whole hash).
  struct Asked {
    std::string key;
    std::string about;
    bool is_hash = false;
  };

  void next_page();
  void take_page(const redis::Value& members);
  void read_rows(std::vector<Asked> rows);
  void take_row(const Asked& row, const redis::Value& value);
  void reseal(const std::string& key, const std::string& field, const std::string& about,
              const std::string& stored);
  void done_with_one();
  void rest();
  void fail(const Error& error);

  redis::Client& client_;
  const log::Logger logger_;
  const Options options_;
  const OnEnd on_end_;
  const redis::Script reseal_script_;
  net::Timer timer_;
  bool in_tasks_ = false;
  size_t shard_ = 0;
  std::string after_;
  std::string next_after_;  // "": the index ends with this page
  size_t missing_ = 0;      // replies of this page
  uint64_t attempt_ = 0;    // replies to an earlier one do not count
  uint64_t looked_at_ = 0;  // rows of this page
  uint64_t resealed_ = 0, unreadable_ = 0;
};

}  // namespace causeway::store
