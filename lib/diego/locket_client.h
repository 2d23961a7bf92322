#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "diego/retrying_caller.h"
#include "locket.pb.h"

namespace causeway::diego {

// Locks and presences: Locket's messages as plain protobuf over HTTP (POST /models.Locket/Lock ...;
// ADR 0011). A lock held by somebody else is Fault::conflict, a missing resource not_found, a bad
// ttl or owner invalid. Callbacks as RepClient's. Owner: a lease or tool. Thread: its loop's.
class LocketClient {
 public:
  using OnDone = std::function<void(Result<void>)>;

  // `options.attempts`: see RetryingCaller.
  LocketClient(net::Loop& loop, RetryingCaller::Options options)
      : caller_(loop, std::move(options)) {}

  // Takes or renews it.
  void lock(const models::Resource& resource, Duration ttl, OnDone on);
  void release(const models::Resource& resource, OnDone on);
  void fetch(const std::string& key, std::function<void(Result<models::Resource>)> on);
  void fetch_all(models::Resource::TypeCode type,
                 std::function<void(Result<std::vector<models::Resource>>)> on);

 private:
  void post(std::string_view path, std::string body, std::function<void(Result<std::string>)> on);

  RetryingCaller caller_;
};

}  // namespace causeway::diego
