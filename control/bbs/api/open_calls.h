#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "cf/models/models.h"
#include "rpc/server.h"

namespace causeway::bbs {

// One call being served: who answers it, what it came with, and a long answer that is being made.
// Owner: OpenCalls, which uses its memory for further calls. Thread: its owner's.
struct OpenCall {
  OpenCall() : arena(in_block()) {}
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;

  // A message that lives until the call is answered.
  template <class Message>
  Message& make() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena);
  }

  google::protobuf::ArenaOptions in_block() {
    google::protobuf::ArenaOptions options;
    options.initial_block = block;
    options.initial_block_size = sizeof block;
    return options;
  }

  static constexpr uint64_t none = ~uint64_t{0};
  uint64_t id = none;
  std::optional<rpc::Responder> responder;
  std::unique_ptr<google::protobuf::MessageLite> draft;  // of an answer, while rows are read
  std::string bytes;                                     // of a list, not sent yet
  std::unique_ptr<rpc::Responder::BodyStream> stream;    // of a long list
  alignas(16) char block[2048];
  google::protobuf::Arena arena;
};

// The calls being served, by number. The memory of as many as there ever were at a time is kept, at
// most one for each connection. Owner: Api. Thread: its owner's.
class OpenCalls {
 public:
  OpenCall& open(rpc::Responder responder) {
    if (free_.empty()) {
      free_.push_back(calls_.size());
      calls_.push_back(std::make_unique<OpenCall>());
    }
    OpenCall& call = *calls_[free_.back()];
    call.id = serial_++ << slot_bits | free_.back();
    call.responder.emplace(std::move(responder));
    free_.pop_back();
    return call;
  }
  OpenCall& at(uint64_t id) {
    OpenCall& call = *calls_[slot_of(id)];
    CHECK(call.id == id);
    return call;
  }
  // Forgets the call, its request with it; answers who is to be told.
  rpc::Responder close(uint64_t id) {
    OpenCall& call = at(id);
    rpc::Responder responder = std::move(*call.responder);
    call.id = OpenCall::none;
    call.responder.reset();
    call.draft.reset();
    std::string().swap(call.bytes);
    call.stream.reset();
    call.arena.Reset();
    free_.push_back(slot_of(id));
    return responder;
  }
  size_t size() const { return calls_.size() - free_.size(); }

 private:
  static constexpr int slot_bits = 32;
  static size_t slot_of(uint64_t id) { return id & ((uint64_t{1} << slot_bits) - 1); }

  std::vector<std::unique_ptr<OpenCall>> calls_;
  std::vector<size_t> free_;  // of calls_; the one used last is taken first
  uint64_t serial_ = 0;
};

}  // namespace causeway::bbs
