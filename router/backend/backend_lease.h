#pragma once

#include <memory>

#include "router/backend/backend_connection.h"

namespace causeway::router {

class BackendPool;

// An attempt's claim on one connection. A move-only value. When it goes, the connection goes back
// to the pool if it is fit for another request, and ends otherwise.
class BackendLease {
 public:
  BackendLease() = default;
  BackendLease(BackendPool& pool, std::unique_ptr<BackendConnection> connection);
  BackendLease(BackendLease&&) noexcept;
  BackendLease& operator=(BackendLease&&) noexcept;
  ~BackendLease() { give_back(); }

  explicit operator bool() const { return connection_ != nullptr; }
  BackendConnection* operator->() const { return connection_.get(); }
  BackendConnection& operator*() const { return *connection_; }

  // Back to the pool; ends it when it is not reusable.
  void give_back();
  // Ends the connection, whatever its state.
  void drop();

 private:
  BackendPool* pool_ = nullptr;
  std::unique_ptr<BackendConnection> connection_;
};

}  // namespace causeway::router
