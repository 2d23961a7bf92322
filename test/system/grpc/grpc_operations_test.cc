// gRPC over TLS on both sides, while the router is reloaded, drained and replaced: no call is lost.
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "test/support/certificates.h"
#include "test/support/server_process.h"
#include "test/system/grpc/echo_app.h"
#include "test/system/router/routed.h"

using namespace causeway::test;

namespace {

// As a double-quoted scalar of YAML.
std::string yaml_text(const std::string& path) {
  std::string text = "\"";
  for (const char byte : Authority::text_of(path)) {
    if (byte == '\n') {
      text += "\\n";
    } else {
      text += byte;
    }
  }
  return text + "\"";
}

// A router with an https listener before a service with TLS, "instance-1".
class GrpcOverTls : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<Text, Text>;

  struct Talk {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream;
    int64_t said = 0;

    void exchange() {
      ASSERT_TRUE(stream->Write(text_of("talk", said)));
      Text text;
      ASSERT_TRUE(stream->Read(&text));
      EXPECT_EQ(text.number(), said++);
    }
    void finish() {
      EXPECT_TRUE(stream->WritesDone());
      const grpc::Status status = stream->Finish();
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(value_of(context.GetServerTrailingMetadata(), "x-trailing"), "there");
    }
  };

  void SetUp() override {
    const auto own = authority_.sign("instance-1", "DNS:instance-1");
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back(
        {Authority::text_of(own.key), Authority::text_of(own.certificate)});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    builder.RegisterService(&app_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    const auto front = authority_.sign("front", "DNS:grpc.example");
    routed_ = std::make_unique<Routed>(
        "enable_ssl: true\nssl_port: " + std::to_string(port_) +
        "\nclient_cert_validation: none\n"
        "cipher_suites: ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256\n"
        "tls_pem:\n- {cert_chain: " +
        yaml_text(front.certificate) + ", private_key: " + yaml_text(front.key) + "}\nca_certs: [" +
        yaml_text(authority_.certificate()) +
        "]\ndrain_timeout: 60s\nbackends: {max_attempts: 3}\nupgrade: {socket: " + folder_.path() +
        "/upgrade.sock}\n");
    routed_->add("grpc.example", static_cast<uint16_t>(port),
                 R"(,"protocol":"http2","server_cert_domain_san":"instance-1","tls_port":)" +
                     std::to_string(port));
    grpc::SslCredentialsOptions trust;
    trust.pem_root_certs = Authority::text_of(authority_.certificate());
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("grpc.example");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    echo_ = Echo::NewStub(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_),
                                                    grpc::SslCredentials(trust), arguments));
  }
  void TearDown() override {
    echo_.reset();
    routed_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  std::unique_ptr<Talk> talk() {
    auto made = std::make_unique<Talk>();
    give_time(made->context);
    made->stream = echo_->Talk(&made->context);
    return made;
  }
  // Says how it failed.
  grpc::Status call(int64_t number) {
    grpc::ClientContext context;
    give_time(context);
    Text reply;
    const grpc::Status status = echo_->Say(&context, text_of("call", number), &reply);
    if (status.ok()) {
      EXPECT_EQ(reply.number(), number);
    }
    return status;
  }
  // Calls one after the other on some threads until it ends.
  class Callers {
   public:
    explicit Callers(GrpcOverTls& test) {
      for (int64_t i = 0; i < 4; ++i) {
        threads_.emplace_back([this, &test] {
          while (!is_over_) {
            const grpc::Status status = test.call(++made_);
            EXPECT_TRUE(status.ok()) << status.error_code() << ": " << status.error_message();
            ++done_;
          }
        });
      }
    }
    ~Callers() {
      is_over_ = true;
      for (std::thread& thread : threads_) thread.join();
    }
    bool do_more(int64_t calls) {
      const int64_t goal = done_ + calls;
      return eventually([&] { return done_ >= goal; });
    }

   private:
    std::atomic<int64_t> made_{0};
    std::atomic<int64_t> done_{0};
    std::atomic<bool> is_over_{false};
    std::vector<std::thread> threads_;
  };

  const Authority authority_;
  const TempFolder folder_;
  const uint16_t port_ = free_port();
  EchoApp app_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Routed> routed_;
  std::unique_ptr<Echo::Stub> echo_;
};

TEST_F(GrpcOverTls, every_kind_of_call_passes) {
  EXPECT_TRUE(call(1).ok());
  {
    grpc::ClientContext context;
    give_time(context);
    context.AddMetadata("fail", "7");
    const auto reader = echo_->Count(&context, text_of("c", 300));
    Text text;
    int64_t count = 0;
    while (reader->Read(&text)) EXPECT_EQ(text.number(), count++);
    EXPECT_EQ(count, 300);
    const grpc::Status status = reader->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(status.error_details(), "details");
  }
  {
    grpc::ClientContext context;
    give_time(context);
    Text reply;
    const auto writer = echo_->Gather(&context, &reply);
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(writer->Write(text_of(std::string(1000, 'g'))));
    ASSERT_TRUE(writer->WritesDone());
    EXPECT_TRUE(writer->Finish().ok());
    EXPECT_EQ(reply.number(), 300'000);
  }
  const auto both = talk();
  for (int i = 0; i < 50; ++i) both->exchange();
  both->finish();
  grpc::ClientContext context;
  give_time(context, std::chrono::milliseconds(500));
  context.AddMetadata("wait", "yes");
  Text reply;
  EXPECT_EQ(echo_->Say(&context, text_of("x"), &reply).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(eventually([&] { return app_.cancelled == 1; }));
  EXPECT_EQ(routed_->router().metric("backend_streams", 0), 0);
}

TEST_F(GrpcOverTls, reloads_cost_no_call) {
  const auto open = talk();
  open->exchange();
  Callers callers(*this);
  for (size_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(callers.do_more(50));
    routed_->router().process().signal(SIGHUP);
    EXPECT_GE(routed_->router().process().count_in_output("config-reloaded", i), i);
    open->exchange();
  }
  ASSERT_TRUE(callers.do_more(50));
  open->exchange();
  open->finish();
}

TEST_F(GrpcOverTls, a_drain_waits_for_calls_that_are_open) {
  std::vector<std::unique_ptr<Talk>> open;
  for (int i = 0; i < 8; ++i) {
    open.push_back(talk());
    open.back()->exchange();
  }
  Process& process = routed_->router().process();
  process.signal(SIGUSR1);
  ASSERT_TRUE(process.wait_for_output("gorouter-draining"));
  for (int round = 0; round < 20; ++round)
    for (const auto& each : open) each->exchange();
  EXPECT_TRUE(process.is_running());
  for (const auto& each : open) each->finish();
  EXPECT_EQ(process.wait_for_exit(), 0);
}

TEST_F(GrpcOverTls, a_router_is_replaced_without_a_lost_call) {
  std::vector<std::unique_ptr<Talk>> open;
  for (int i = 0; i < 4; ++i) {
    open.push_back(talk());
    open.back()->exchange();
  }
  std::vector<std::string> command = routed_->router().command();
  command.emplace_back("--take-over");
  std::unique_ptr<Process> successor;  // outlives those who call
  Callers callers(*this);
  ASSERT_TRUE(callers.do_more(100));
  successor = std::make_unique<Process>(command, folder_.path() + "/successor.log");
  ASSERT_TRUE(successor->wait_for_output("gorouter.started")) << successor->output();
  ASSERT_TRUE(callers.do_more(500));
  // The streams go on where they began, and the router there waits for them.
  Process& former = routed_->router().process();
  for (const auto& each : open) each->exchange();
  EXPECT_TRUE(former.is_running());
  for (const auto& each : open) each->finish();
  EXPECT_EQ(former.wait_for_exit(), 0);
  ASSERT_TRUE(callers.do_more(100));
}

}  // namespace
