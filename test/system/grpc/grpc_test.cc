// gRPC through the router: nothing of a call may change on the way.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "test/system/grpc/echo_app.h"
#include "test/system/router/routed.h"

using namespace causeway::test;

namespace {

class Grpc : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    app_ = std::make_unique<EchoApp>();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(message_bytes_max);
    builder.RegisterService(app_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    routed_ = std::make_unique<Routed>(
        "enable_h2c: true\nbackends: {http2_prior_knowledge: true, max_attempts: 3}");
    routed_->add("grpc.example", static_cast<uint16_t>(port), R"(,"protocol":"http2")");
    const ClosedPort nobody;
    routed_->add("down.example", nobody.port(), R"(,"protocol":"http2")");
  }
  static void TearDownTestSuite() {
    routed_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    app_.reset();
  }

  static std::unique_ptr<Echo::Stub> stub(const std::string& host = "grpc.example") {
    grpc::ChannelArguments arguments;
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, host);
    arguments.SetMaxReceiveMessageSize(message_bytes_max);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return Echo::NewStub(
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(routed_->router().port()),
                                  grpc::InsecureChannelCredentials(), arguments));
  }
  void TearDown() override {
    // Every exchange has ended, on both sides.
    EXPECT_TRUE(eventually([] { return routed_->router().metric("backend_streams") == 0; }));
  }

  static std::unique_ptr<EchoApp> app_;
  static std::unique_ptr<grpc::Server> server_;
  static std::unique_ptr<Routed> routed_;
};

std::unique_ptr<EchoApp> Grpc::app_;
std::unique_ptr<grpc::Server> Grpc::server_;
std::unique_ptr<Routed> Grpc::routed_;

TEST_F(Grpc, unary_calls_bring_metadata_both_ways) {
  const auto echo = stub();
  for (int64_t i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    give_time(context);
    Text reply;
    const grpc::Status status = echo->Say(&context, text_of("hello", i), &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reply.text(), "hello");
    EXPECT_EQ(reply.number(), i);
    EXPECT_EQ(value_of(context.GetServerInitialMetadata(), "x-initial"), "here");
    EXPECT_FALSE(value_of(context.GetServerInitialMetadata(), "x-vcap-request-id").empty());
    EXPECT_EQ(value_of(context.GetServerTrailingMetadata(), "x-trailing"), "there");
    EXPECT_EQ(value_of(context.GetServerTrailingMetadata(), "x-binary-bin"),
              std::string("\0\xff\1", 3));
  }
}

TEST_F(Grpc, errors_keep_their_code_and_their_words) {
  const auto echo = stub();
  for (int code = 1; code <= 16; ++code) {
    grpc::ClientContext context;
    give_time(context);
    context.AddMetadata("fail", std::to_string(code));
    Text reply;
    const grpc::Status status = echo->Say(&context, text_of("x"), &reply);
    EXPECT_EQ(status.error_code(), code);
    EXPECT_EQ(status.error_message(), "because: 100% \xC3\xA4");
    EXPECT_EQ(status.error_details(), "details");
    EXPECT_EQ(value_of(context.GetServerTrailingMetadata(), "x-trailing"), "there");
  }
}

TEST_F(Grpc, a_service_streams_to_its_client) {
  const auto echo = stub();
  grpc::ClientContext context;
  give_time(context);
  const auto reader = echo->Count(&context, text_of(std::string(1000, 'c'), 5000));
  Text text;
  int64_t count = 0;
  while (reader->Read(&text)) EXPECT_EQ(text.number(), count++);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(count, 5000);
}

TEST_F(Grpc, a_stream_that_fails_in_the_end_says_so_after_its_messages) {
  const auto echo = stub();
  grpc::ClientContext context;
  give_time(context);
  context.AddMetadata("fail", "8");
  const auto reader = echo->Count(&context, text_of("x", 3));
  Text text;
  int count = 0;
  while (reader->Read(&text)) ++count;
  EXPECT_EQ(count, 3);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(Grpc, a_client_streams_to_a_service) {
  const auto echo = stub();
  grpc::ClientContext context;
  give_time(context);
  Text reply;
  const auto writer = echo->Gather(&context, &reply);
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(writer->Write(text_of(std::string(2000, 'g'))));
  ASSERT_TRUE(writer->WritesDone());
  EXPECT_TRUE(writer->Finish().ok());
  EXPECT_EQ(reply.number(), 2000 * 2000);
}

TEST_F(Grpc, both_talk_in_turns) {
  const auto echo = stub();
  grpc::ClientContext context;
  give_time(context);
  const auto stream = echo->Talk(&context);
  for (int64_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(stream->Write(text_of("ping", i)));
    Text text;
    ASSERT_TRUE(stream->Read(&text));
    EXPECT_EQ(text.number(), i);
  }
  ASSERT_TRUE(stream->WritesDone());
  Text text;
  EXPECT_FALSE(stream->Read(&text));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Grpc, a_deadline_reaches_the_service_and_ends_the_call) {
  const auto echo = stub();
  const int before = app_->cancelled;
  grpc::ClientContext context;
  give_time(context, std::chrono::milliseconds(500));
  context.AddMetadata("wait", "yes");
  Text reply;
  const grpc::Status status = echo->Say(&context, text_of("x"), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(eventually([&] { return app_->cancelled > before; }));
  EXPECT_LE(app_->deadline_ms, 500);
}

TEST_F(Grpc, a_call_that_is_cancelled_ends_at_the_service) {
  const auto echo = stub();
  const int cancelled = app_->cancelled;
  const int waiting = app_->waiting;
  grpc::ClientContext context;
  give_time(context);
  context.AddMetadata("wait", "yes");
  std::thread canceller([&] {
    EXPECT_TRUE(eventually([&] { return app_->waiting > waiting; }));
    context.TryCancel();
  });
  Text reply;
  const grpc::Status status = echo->Say(&context, text_of("x"), &reply);
  canceller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(eventually([&] { return app_->cancelled > cancelled; }));
}

TEST_F(Grpc, large_messages_arrive_whole) {
  const auto echo = stub();
  std::string bytes(16u << 20, 'b');
  for (size_t i = 0; i < bytes.size(); i += 11) bytes[i] = static_cast<char>(i * 7);
  grpc::ClientContext context;
  give_time(context);
  Text reply;
  const grpc::Status status = echo->Say(&context, text_of(bytes), &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(reply.text() == bytes);
}

TEST_F(Grpc, many_calls_share_few_connections) {
  const auto echo = stub();
  constexpr int callers = 32;
  constexpr int calls = 50;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      for (int i = 0; i < calls; ++i) {
        grpc::ClientContext context;
        give_time(context);
        Text reply;
        const int64_t number = caller * calls + i;
        if (echo->Say(&context, text_of(std::string(200, 'm'), number), &reply).ok() &&
            reply.number() == number)
          ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, callers * calls);
  EXPECT_LE(routed_->router().metric("backend_connections"), 4);
}

TEST_F(Grpc, open_streams_do_not_disturb_each_other) {
  const auto echo = stub();
  constexpr size_t many = 150;  // more than a connection to an endpoint takes
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<Text, Text>> stream;
  };
  std::vector<std::unique_ptr<Call>> calls;
  for (size_t i = 0; i < many; ++i) {
    calls.push_back(std::make_unique<Call>());
    give_time(calls.back()->context);
    calls.back()->stream = echo->Talk(&calls.back()->context);
  }
  for (int64_t round = 0; round < 3; ++round) {
    for (const auto& call : calls) ASSERT_TRUE(call->stream->Write(text_of("t", round)));
    for (const auto& call : calls) {
      Text text;
      ASSERT_TRUE(call->stream->Read(&text));
      EXPECT_EQ(text.number(), round);
    }
  }
  for (const auto& call : calls) {
    EXPECT_TRUE(call->stream->WritesDone());
    EXPECT_TRUE(call->stream->Finish().ok());
  }
}

TEST_F(Grpc, what_the_router_refuses_is_a_status_too) {
  grpc::ClientContext context;
  give_time(context);
  Text reply;
  EXPECT_EQ(stub("nobody.example")->Say(&context, text_of("x"), &reply).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);  // 404
  grpc::ClientContext other;
  give_time(other);
  EXPECT_EQ(stub("down.example")->Say(&other, text_of("x"), &reply).error_code(),
            grpc::StatusCode::UNAVAILABLE);  // 502
}

}  // namespace
