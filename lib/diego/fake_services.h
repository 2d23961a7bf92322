#pragma once

// For tests: a service of ours in process, its routes written by the test.

#include <memory>
#include <string>

#include <google/protobuf/message_lite.h>

#include "rpc/server.h"
#include "rpc/test_bed.h"

namespace causeway::diego::test {

// An rpc::Server on a port of its own that can go away and come back on the same port.
class FakeService {
 public:
  explicit FakeService(rpc::test::TestBed& bed) : bed_(bed) { start(); }

  void start() {
    server = std::make_unique<rpc::Server>(bed_.loop(), bed_.logger());
    auto listened = server->listen(address_);
    CHECK(listened.has_value());
    address_ = *listened;
  }
  void stop() { server.reset(); }
  std::string url() const { return "http://" + address_.to_string(); }
  const net::Address& address() const { return address_; }

  std::unique_ptr<rpc::Server> server;

 private:
  rpc::test::TestBed& bed_;
  net::Address address_ = net::Address::loopback(0);
};

inline void reply_with(rpc::Responder& responder, const google::protobuf::MessageLite& message) {
  responder.reply(200, "application/x-protobuf", message.SerializeAsString());
}

}  // namespace causeway::diego::test
