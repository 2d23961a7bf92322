#pragma once

#include <memory>

#include "control/bbs/locket/locket.h"
#include "grpc/server.h"

namespace causeway::bbs {

// Locket's own face: its four calls over gRPC, for reps and auctioneers that know no other. Owner:
// Service. Thread: its loop's. Ends: before the Locket.
class LocketGrpc {
 public:
  LocketGrpc(net::Loop& loop, const log::Logger& logger, Locket& locket,
             grpc::Server::Options options);
  LocketGrpc(const LocketGrpc&) = delete;
  LocketGrpc& operator=(const LocketGrpc&) = delete;

  Result<net::Address> listen(const net::Address& address) { return server_.listen(address); }
  void drain() { server_.drain(); }
  uint64_t calls() const { return server_.calls(); }
  uint64_t failed_calls() const { return server_.failed_calls(); }

 private:
  grpc::Server server_;
};

}  // namespace causeway::bbs
