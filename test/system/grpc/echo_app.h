#pragma once

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "echo.grpc.pb.h"
#include "test/support/raw_client.h"

namespace causeway::test {

inline constexpr int message_bytes_max = 64 << 20;
inline constexpr std::chrono::seconds call_time = patience;

inline std::string value_of(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                            const char* name) {
  const auto found = metadata.find(name);
  return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
}

// The service; what a call asks for is in its metadata: a status, or to wait until it is cancelled.
// Owner: the test. Threads: gRPC's.
class EchoApp final : public Echo::Service {
 public:
  std::atomic<int> cancelled{0};
  std::atomic<int> waiting{0};
  std::atomic<int64_t> deadline_ms{0};  // of the latest call that waits

 private:
  grpc::Status begin(grpc::ServerContext* context) {
    const auto& metadata = context->client_metadata();
    context->AddInitialMetadata("x-initial", "here");
    context->AddTrailingMetadata("x-trailing", "there");
    context->AddTrailingMetadata("x-binary-bin", std::string("\0\xff\1", 3));
    if (!value_of(metadata, "wait").empty()) {
      deadline_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                        context->deadline() - std::chrono::system_clock::now())
                        .count();
      ++waiting;
      EXPECT_TRUE(eventually([&] { return context->IsCancelled(); }));
      ++cancelled;
      return grpc::Status::CANCELLED;
    }
    const std::string text = value_of(metadata, "fail");
    if (text.empty()) return grpc::Status::OK;
    int code = 0;
    std::from_chars(text.data(), text.data() + text.size(), code);
    return {static_cast<grpc::StatusCode>(code), "because: 100% \xC3\xA4", "details"};
  }

  grpc::Status Say(grpc::ServerContext* context, const Text* request, Text* reply) override {
    const grpc::Status status = begin(context);
    if (status.ok()) *reply = *request;
    return status;
  }

  grpc::Status Count(grpc::ServerContext* context, const Text* request,
                     grpc::ServerWriter<Text>* writer) override {
    Text text = *request;
    for (int64_t i = 0; i < request->number(); ++i) {
      text.set_number(i);
      if (!writer->Write(text)) break;
    }
    return begin(context);
  }

  grpc::Status Gather(grpc::ServerContext* context, grpc::ServerReader<Text>* reader,
                      Text* reply) override {
    Text text;
    int64_t bytes = 0;
    while (reader->Read(&text)) bytes += static_cast<int64_t>(text.text().size());
    reply->set_number(bytes);
    return begin(context);
  }

  grpc::Status Talk(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<Text, Text>* stream) override {
    Text text;
    while (stream->Read(&text)) {
      if (!stream->Write(text)) break;
    }
    return begin(context);
  }
};

inline Text text_of(std::string bytes, int64_t number = 0) {
  Text text;
  text.set_text(std::move(bytes));
  text.set_number(number);
  return text;
}

inline void give_time(grpc::ClientContext& context, std::chrono::milliseconds time = call_time) {
  context.set_deadline(std::chrono::system_clock::now() + time);
}

}  // namespace causeway::test
