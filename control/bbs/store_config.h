#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "control/store/redis_store.h"
#include "rpc/identity.h"

namespace causeway::config {
class Section;
}

namespace causeway::bbs {

// What the configuration says of the state in Redis and of who may write to it. Files are read and
// checked. A value.
struct StoreConfig {
  redis::Options redis;
  uint32_t shards = 1;             // of a state that is begun; 16 in a cluster
  bool insists_on_shards = false;  // named: a state that is cut otherwise is not taken
  uint32_t wait_replicas = 0;
  Duration wait_timeout = std::chrono::seconds(1);
  std::string appendfsync = "everysec";  // what is expected of the server; "unchecked"
  uint32_t reencryption_rows_per_second = 5000;
  std::shared_ptr<const store::KeyRing> keys;  // absent: rows are kept in the clear

  // Over TLS: with these files, which may change while we run.
  std::optional<rpc::Identity::Files> redis_tls;

  bool stands_by = false;  // locks_locket_enabled
  Duration lock_ttl = std::chrono::seconds(14);
  Duration lock_retry_interval = std::chrono::seconds(5);
  std::string uuid;  // of this bbs, as the lock's owner; "": one is made

  // "127.0.0.1:6379", for logs.
  std::string place() const;
};

// Reads `redis`, the lock's and the encryption's keys; problems go to the section.
StoreConfig read_store_config(config::Section& root);

}  // namespace causeway::bbs
