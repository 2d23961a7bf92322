#include "tls/handshake.h"

#include <sys/socket.h>

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "net/loopback_test.h"
#include "tls/trouble.h"

namespace causeway::tls {
namespace {

using net::loopback::Recorder;
using net::loopback::settle;

// Nothing here is a socket, and a turn may wait for one after its timers have run.
template <class Done>
bool run_until(net::Loop& loop, Done done) {
  net::Timer nudge(loop);
  nudge.every(Milliseconds(1), [] {});
  return net::loopback::run_until(loop, done);
}

// A carrier in memory: what one end writes the other one reads, in pieces of a chosen size.
class MemoryStream final : public net::Stream {
 public:
  explicit MemoryStream(net::Loop& loop) : loop_(loop), pump_(loop) {}
  ~MemoryStream() override {
    if (other_ == nullptr) return;
    other_->other_ = nullptr;
    other_->in_has_ended_ = true;
    other_->wake();
  }
  static void join(MemoryStream& a, MemoryStream& b) {
    a.other_ = &b;
    b.other_ = &a;
  }
  size_t piece_bytes = 65536;
  std::string* tap = nullptr;  // gets a copy of what is written

  using Stream::write;
  void listen(Events& events) override {
    events_ = &events;
    wake();
  }
  void pause(net::Pause reason) override { pauses_ |= static_cast<unsigned>(reason); }
  void resume(net::Pause reason) override {
    pauses_ &= ~static_cast<unsigned>(reason);
    wake();
  }
  void write(std::span<const std::string_view> pieces) override {
    for (const std::string_view piece : pieces) {
      if (tap != nullptr) *tap += piece;
      if (other_ != nullptr) other_->in_ += piece;
    }
    if (other_ != nullptr) other_->wake();
  }
  size_t queued_bytes() const override { return 0; }
  void watermarks(size_t) override {}
  size_t high_mark() const override { return 65536; }
  void shutdown() override {
    if (other_ == nullptr) return;
    other_->in_has_ended_ = true;
    other_->wake();
  }
  void abort_on_close() override {}
  const net::Address& peer() const override { return address_; }
  const net::Address& local() const override { return address_; }
  net::Loop& loop() override { return loop_; }
  int descriptor() const override { return -1; }

 private:
  void wake() {
    if (!pump_.is_armed()) pump_.once(Duration::zero(), [this] { deliver(); });
  }
  void deliver() {
    if (events_ == nullptr || pauses_ != 0) return;
    if (in_.empty()) {
      if (in_has_ended_ && !std::exchange(end_is_told_, true)) events_->on_end();
      return;
    }
    std::string piece = in_.substr(0, piece_bytes);
    in_.erase(0, piece.size());
    wake();
    events_->on_read({piece.data(), piece.size()});
  }

  net::Loop& loop_;
  net::Timer pump_;
  MemoryStream* other_ = nullptr;
  Events* events_ = nullptr;
  std::string in_;
  unsigned pauses_ = 0;
  bool in_has_ended_ = false, end_is_told_ = false;
  net::Address address_ = net::Address::loopback(1);
};

const KeyPair& localhost_pair() {
  static const KeyPair pair = make_self_signed({"localhost", "app.test", "127.0.0.1"});
  return pair;
}

struct Ends {
  net::Loop loop;
  std::string tap;  // all that crossed the wire, to the last close_notify
  ClientContext::Options client_options{.ca_pem = localhost_pair().certificate_pem};
  ServerContext::Options server_options{.key_pair = localhost_pair()};
  Handshake::ConnectOptions connect_options{.server_name = "localhost",
                                            .timeout = net::loopback::patience};
  SessionCache sessions;
  std::unique_ptr<ClientContext> client_context;
  std::unique_ptr<ServerContext> server_context;
  std::unique_ptr<Handshake> client_handshake, server_handshake;
  std::optional<Result<Secured>> client, server;
  Recorder client_end, server_end;
  MemoryStream* client_carrier = nullptr;

  void shake(size_t piece_bytes = 65536) {
    if (!client_context) client_context = ClientContext::make(client_options).value();
    if (!server_context) server_context = ServerContext::make(server_options).value();
    auto a = std::make_unique<MemoryStream>(loop), b = std::make_unique<MemoryStream>(loop);
    MemoryStream::join(*a, *b);
    a->piece_bytes = b->piece_bytes = piece_bytes;
    a->tap = b->tap = &tap;
    client_carrier = a.get();
    client.reset();
    server.reset();
    client_handshake = Handshake::connect(std::move(a), *client_context, connect_options,
                                          [this](Result<Secured> got) { client = std::move(got); });
    server_handshake =
        Handshake::accept(std::move(b), *server_context, {.timeout = net::loopback::patience},
                          [this](Result<Secured> got) { server = std::move(got); });
    EXPECT_FALSE(client.has_value());
    EXPECT_TRUE(run_until(loop, [this] { return client && server; }));
  }
  void open() {
    ASSERT_TRUE(*client) << client->error().detail;
    ASSERT_TRUE(*server) << server->error().detail;
    client_end.take(std::move((*client)->stream));
    server_end.take(std::move((*server)->stream));
  }
};

TEST(TlsHandshake, needs_the_contexts_at_its_beginning_only) {
  Ends ends;
  ends.server_options.alpn = {"http/1.1"};
  ends.client_options.alpn = {"http/1.1"};
  ends.client_context = ClientContext::make(ends.client_options).value();
  ends.server_context = ServerContext::make(ends.server_options).value();
  auto a = std::make_unique<MemoryStream>(ends.loop), b = std::make_unique<MemoryStream>(ends.loop);
  MemoryStream::join(*a, *b);
  ends.client_handshake =
      Handshake::connect(std::move(a), *ends.client_context, ends.connect_options,
                         [&ends](Result<Secured> got) { ends.client = std::move(got); });
  ends.server_handshake =
      Handshake::accept(std::move(b), *ends.server_context, {},
                        [&ends](Result<Secured> got) { ends.server = std::move(got); });
  ends.client_context.reset();
  ends.server_context.reset();
  EXPECT_TRUE(run_until(ends.loop, [&ends] { return ends.client && ends.server; }));
  ends.open();
  EXPECT_EQ((*ends.server)->protocol, "http/1.1");
  EXPECT_EQ((*ends.server)->server_name, "localhost");
  EXPECT_EQ((*ends.server)->cipher, "TLS_AES_128_GCM_SHA256");
}

TEST(TlsHandshake, agrees_on_keys_name_and_protocol_however_the_bytes_fall) {
  for (const size_t piece_bytes : {size_t{1}, size_t{7}, size_t{65536}}) {
    for (const Version version : {Version::tls_1_2, Version::tls_1_3}) {
      Ends ends;
      ends.client_options.most = version;
      ends.client_options.alpn = {"h2", "http/1.1"};
      ends.server_options.alpn = {"http/1.1", "h2"};
      ends.shake(piece_bytes);
      ASSERT_TRUE(*ends.client) << ends.client->error().detail;
      EXPECT_EQ((*ends.client)->protocol, "http/1.1");
      EXPECT_EQ((*ends.server)->protocol, "http/1.1");
      EXPECT_EQ((*ends.client)->version, version == Version::tls_1_2 ? "TLSv1.2" : "TLSv1.3");
      EXPECT_FALSE((*ends.client)->is_resumed);
      ends.open();
      ends.client_end.stream->write("a secret question");
      EXPECT_TRUE(
          run_until(ends.loop, [&] { return ends.server_end.bytes == "a secret question"; }));
      ends.server_end.stream->write("an answer");
      ends.server_end.stream->shutdown();
      EXPECT_TRUE(run_until(ends.loop, [&] { return ends.client_end.ends == 1; }));
      EXPECT_EQ(ends.client_end.bytes, "an answer");
      EXPECT_EQ(ends.tap.find("secret"), std::string::npos);
    }
  }
}

TEST(TlsHandshake, great_and_small_pieces_arrive_in_order) {
  Ends ends;
  ends.shake();
  ends.open();
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string small(static_cast<size_t>(i * 7), static_cast<char>('a' + i % 26));
    const std::string great(static_cast<size_t>(i) * 3001, static_cast<char>('A' + i % 26));
    const std::array<std::string_view, 3> pieces{small, great, small};
    all += small + great + small;
    ends.client_end.stream->write(pieces);
  }
  EXPECT_TRUE(run_until(ends.loop, [&] { return ends.server_end.bytes.size() >= all.size(); }));
  EXPECT_EQ(ends.server_end.bytes, all);
}

TEST(TlsStream, delivers_nothing_while_paused_and_everything_after) {
  Ends ends;
  ends.shake();
  ends.open();
  struct Pauser : Recorder {
    void on_read(std::span<char> read) override {
      Recorder::on_read(read);
      stream->pause(net::Pause::peer_full);  // after each record
    }
  } pauser;
  pauser.take(std::move(ends.server_end.stream));
  const std::string bytes(100'000, 'p');
  ends.client_end.stream->write(bytes);
  ends.client_end.stream->shutdown();
  while (pauser.bytes.size() < bytes.size()) {
    const size_t before = pauser.bytes.size();
    settle(ends.loop);
    EXPECT_LE(pauser.bytes.size(), before + 16384);
    pauser.stream->resume(net::Pause::peer_full);
    ASSERT_TRUE(run_until(ends.loop, [&] { return pauser.bytes.size() > before; }));
  }
  EXPECT_EQ(pauser.ends, 0);
  pauser.stream->resume(net::Pause::peer_full);
  EXPECT_TRUE(run_until(ends.loop, [&] { return pauser.ends == 1; }));
  EXPECT_EQ(pauser.bytes, bytes);
}

TEST(TlsStream, what_came_before_anybody_listened_is_kept) {
  Ends ends;
  ends.shake();
  ASSERT_TRUE(*ends.client && *ends.server);
  (*ends.client)->stream->write("early");
  settle(ends.loop);
  ends.server_end.take(std::move((*ends.server)->stream));
  EXPECT_TRUE(run_until(ends.loop, [&] { return ends.server_end.bytes == "early"; }));
}

TEST(TlsStream, an_end_without_close_notify_is_a_failure) {
  Ends ends;
  ends.shake();
  ends.open();
  ends.server_end.stream->write("half of it");
  EXPECT_TRUE(run_until(ends.loop, [&] { return ends.client_end.bytes == "half of it"; }));
  ends.server_end.stream->abort_on_close();
  ends.server_end.stream.reset();
  EXPECT_TRUE(run_until(ends.loop, [&] { return ends.client_end.failures == 1; }));
  EXPECT_EQ(ends.client_end.failure.fault, Fault::closed);
  EXPECT_EQ(ends.client_end.ends, 0);
}

TEST(TlsStream, bytes_changed_on_the_wire_are_a_failure) {
  Ends ends;
  ends.shake();
  ends.open();
  settle(ends.loop);
  ends.client_carrier->write("\x17\x03\x03\x01\x01" + std::string(300, 'n'));
  EXPECT_TRUE(run_until(ends.loop, [&] { return ends.server_end.failures == 1; }));
  EXPECT_EQ(ends.server_end.failure.fault, Fault::protocol);
  EXPECT_EQ(ends.server_end.failure.side, Side::client);
}

TEST(TlsStream, may_end_inside_any_of_its_callbacks) {
  Ends ends;
  ends.shake();
  ends.open();
  struct Ender : Recorder {
    void on_read(std::span<char>) override { stream.reset(); }
  } ender;
  ender.take(std::move(ends.server_end.stream));
  ends.client_end.stream->write("a");
  EXPECT_TRUE(run_until(ends.loop, [&] { return ender.stream == nullptr; }));
  EXPECT_TRUE(run_until(ends.loop, [&] { return ends.client_end.ends == 1; }));  // close_notify
}

TEST(TlsHandshake, resumes_sessions) {
  for (const Version version : {Version::tls_1_2, Version::tls_1_3}) {
    Ends ends;
    ends.client_options.most = version;
    ends.connect_options.sessions = &ends.sessions;
    for (int round = 0; round < 3; ++round) {
      ends.shake();
      ASSERT_TRUE(*ends.client && *ends.server);
      EXPECT_EQ((*ends.client)->is_resumed, round > 0);
      EXPECT_EQ((*ends.server)->is_resumed, round > 0);
      ends.open();
      ends.server_end.stream->write("x");  // behind the tickets
      ends.client_end.bytes.clear();
      EXPECT_TRUE(run_until(ends.loop, [&] { return ends.client_end.bytes == "x"; }));
      EXPECT_GT(ends.sessions.size(), 0u);
    }
    ends.connect_options.server_name = "app.test";  // sessions of another name are not its own
    ends.shake();
    EXPECT_FALSE((*ends.client)->is_resumed);
  }
}

TEST(TlsHandshake, resumes_no_session_of_another_context) {
  for (const Version version : {Version::tls_1_2, Version::tls_1_3}) {
    Ends ends;
    ends.client_options.most = version;
    ends.connect_options.sessions = &ends.sessions;
    const auto resumes = [&] {
      ends.shake();
      ends.open();
      ends.server_end.stream->write("x");  // behind the tickets
      ends.client_end.bytes.clear();
      EXPECT_TRUE(run_until(ends.loop, [&] { return ends.client_end.bytes == "x"; }));
      return (*ends.client)->is_resumed;
    };
    EXPECT_FALSE(resumes());
    const auto former = std::exchange(ends.client_context, nullptr);
    EXPECT_FALSE(resumes());
    EXPECT_TRUE(resumes());
    ends.client_context.reset();
    EXPECT_FALSE(resumes());
  }
}

TEST(TlsHandshake, refuses_whom_it_does_not_trust) {
  Ends stranger;
  stranger.client_options.ca_pem = make_self_signed({"localhost"}).certificate_pem;
  stranger.shake();
  ASSERT_FALSE(*stranger.client);
  EXPECT_EQ(stranger.client->error().fault, Fault::protocol);
  EXPECT_NE(stranger.client->error().detail.find("self signed"), std::string::npos)
      << stranger.client->error().detail;
  EXPECT_EQ(trouble_of(stranger.client->error()), Trouble::untrusted);
  ASSERT_FALSE(*stranger.server);  // told by an alert
  EXPECT_EQ(trouble_of(stranger.server->error()), Trouble::refused_certificate);

  Ends other_name;
  other_name.connect_options.server_name = "other.test";
  other_name.shake();
  ASSERT_FALSE(*other_name.client);
  EXPECT_EQ(trouble_of(other_name.client->error()), Trouble::wrong_name);
  EXPECT_NE(other_name.client->error().detail.find("ostname mismatch"), std::string::npos)
      << other_name.client->error().detail;

  Ends by_address;
  by_address.connect_options.server_name = "127.0.0.1";
  by_address.shake();
  EXPECT_TRUE(*by_address.client);

  Ends careless;
  careless.client_options.ca_pem.clear();
  careless.client_options.verify = ClientContext::Options::Verify::none;
  careless.connect_options.server_name = "other.test";
  careless.shake();
  EXPECT_TRUE(*careless.client);
}

TEST(TlsHandshake, asks_clients_for_certificates) {
  using Wanted = ServerContext::Options::ClientCertificate;
  const KeyPair mine = make_self_signed({"client.test"});
  for (const bool shows : {false, true}) {
    Ends ends;
    ends.server_options.client_certificate = Wanted::required;
    ends.server_options.client_ca_pem = mine.certificate_pem;
    ends.client_options.most = Version::tls_1_2;  // in 1.3 the client learns of it later
    if (shows) ends.client_options.key_pair = mine;
    ends.shake();
    EXPECT_EQ(ends.server->has_value(), shows);
    EXPECT_EQ(ends.client->has_value(), shows);
  }
}

TEST(TlsHandshake, is_given_up_in_time_and_when_the_peer_goes) {
  net::Loop loop;
  const auto context = ServerContext::make({.key_pair = localhost_pair()}).value();
  for (const bool is_silent : {true, false}) {
    auto a = std::make_unique<MemoryStream>(loop), b = std::make_unique<MemoryStream>(loop);
    MemoryStream::join(*a, *b);
    if (!is_silent) a->write("\x16\x03\x01");
    std::optional<Result<Secured>> outcome;
    const auto handshake = Handshake::accept(
        std::move(b), *context, {.timeout = Milliseconds(is_silent ? 10 : 60'000)},
        [&](Result<Secured> got) { outcome = std::move(got); });
    if (!is_silent) a.reset();
    ASSERT_TRUE(run_until(loop, [&] { return outcome.has_value(); }));
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().fault, is_silent ? Fault::timeout : Fault::closed);
  }
}

TEST(TlsHandshake, bytes_that_are_no_tls_are_refused) {
  net::Loop loop;
  const auto context = ServerContext::make({.key_pair = localhost_pair()}).value();
  auto a = std::make_unique<MemoryStream>(loop), b = std::make_unique<MemoryStream>(loop);
  MemoryStream::join(*a, *b);
  a->write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  std::optional<Result<Secured>> outcome;
  const auto handshake = Handshake::accept(std::move(b), *context, {},
                                           [&](Result<Secured> got) { outcome = std::move(got); });
  ASSERT_TRUE(run_until(loop, [&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->error().fault, Fault::protocol);
  EXPECT_NE(outcome->error().detail.find("HTTP_REQUEST"), std::string::npos)
      << outcome->error().detail;
}

TEST(TlsContext, refuses_what_it_cannot_use) {
  EXPECT_FALSE(ServerContext::make({.key_pair = {"x", "y"}}));
  EXPECT_FALSE(ClientContext::make({.ca_pem = "no certificate"}));
  EXPECT_FALSE(ClientContext::make(
      {.ca_pem = localhost_pair().certificate_pem, .alpn = {std::string(256, 'a')}}));
  EXPECT_FALSE(ClientContext::make({.ca_pem = localhost_pair().certificate_pem,
                                    .least = Version::tls_1_3,
                                    .most = Version::tls_1_2}));
  EXPECT_TRUE(check_key_pair(localhost_pair().certificate_pem, localhost_pair().key_pem));
}

}  // namespace
}  // namespace causeway::tls
