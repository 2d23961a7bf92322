// Against another implementation: the openssl command of the system.

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "net/child.h"
#include "net/loopback_test.h"
#include "tls/handshake.h"

namespace causeway::tls {
namespace {

using net::loopback::Recorder;

// Certificate and key as files, in a folder of their own.
struct PairFiles {
  PairFiles() : folder(testing::TempDir() + "causeway-tls-XXXXXX") {
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    certificate = folder + "/certificate.pem";
    key = folder + "/key.pem";
    std::ofstream(certificate) << pair.certificate_pem;
    std::ofstream(key) << pair.key_pem;
  }
  ~PairFiles() {
    ::unlink(certificate.c_str());
    ::unlink(key.c_str());
    ::rmdir(folder.c_str());
  }
  KeyPair pair = make_self_signed({"localhost"});
  std::string folder, certificate, key;
};

// A running openssl command; ended with the object.
struct OpenSsl {
  OpenSsl(net::Loop& loop, std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), "openssl");
    net::Child::Command command;
    command.argv = std::move(arguments);
    command.input = input;
    child = net::Child::spawn(loop, command,
                              {.on_stdout = [this](std::string_view text) { out += text; },
                               .on_stderr = [this](std::string_view text) { err += text; },
                               .on_exit = [this](net::ChildExit how) { exit = how; }})
                .value();
  }
  ~OpenSsl() { child->kill(9); }
  std::string out, err;
  std::optional<net::ChildExit> exit;
  std::unique_ptr<net::Child> child;
};

TEST(TlsPeers, openssl_as_client_talks_to_our_server) {
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    net::Loop loop;
    const PairFiles files;
    const auto context =
        ServerContext::make({.key_pair = files.pair, .alpn = {"http/1.1"}}).value();
    std::unique_ptr<Handshake> handshake;
    std::optional<Result<Secured>> secured;
    Recorder end;
    const auto listener =
        net::Listener::open(loop, net::Address::loopback(0),
                            [&](std::unique_ptr<net::Stream> stream) {
                              handshake = Handshake::accept(
                                  std::move(stream), *context, {.timeout = net::loopback::patience},
                                  [&](Result<Secured> got) {
                                    secured = std::move(got);
                                    if (*secured) end.take(std::move((*secured)->stream));
                                  });
                            })
            .value();
    OpenSsl client(loop,
                   {"s_client", "-connect", listener->address().to_string(), "-CAfile",
                    files.certificate, "-verify_return_error", "-verify_hostname", "localhost",
                    "-servername", "localhost", "-alpn", "http/1.1", version, "-ign_eof"},
                   "hello\n");
    ASSERT_TRUE(net::loopback::run_until(loop, [&] { return secured.has_value() || client.exit; }))
        << client.err;
    ASSERT_TRUE(secured && *secured) << client.out << client.err;
    EXPECT_EQ((*secured)->protocol, "http/1.1");
    EXPECT_TRUE(
        net::loopback::run_until(loop, [&] { return end.bytes == "hello\n" || client.exit; }));
    end.stream->write(std::string(100'000, 'z'));
    end.stream->shutdown();
    EXPECT_TRUE(net::loopback::run_until(loop, [&] { return client.exit.has_value(); }));
    EXPECT_NE(client.out.find(std::string(1000, 'z')), std::string::npos);
    EXPECT_NE(client.out.find("Verify return code: 0 (ok)"), std::string::npos);
  }
}

TEST(TlsPeers, our_client_talks_to_openssl_as_server_and_resumes) {
  net::Loop loop;
  const PairFiles files;
  OpenSsl server(loop, {"s_server", "-accept", "127.0.0.1:0", "-cert", files.certificate, "-key",
                        files.key, "-rev", "-alpn", "http/1.1"});
  const std::string mark = "ACCEPT 127.0.0.1:";
  ASSERT_TRUE(net::loopback::run_until(loop, [&] {
    const size_t at = server.out.find(mark);
    return server.exit ||
           (at != std::string::npos && server.out.find('\n', at) != std::string::npos);
  }));
  ASSERT_FALSE(server.exit) << server.err;
  uint16_t port = 0;
  const char* const digits = server.out.data() + server.out.find(mark) + mark.size();
  std::from_chars(digits, server.out.data() + server.out.size(), port);
  const auto context =
      ClientContext::make({.ca_pem = files.pair.certificate_pem, .alpn = {"h2", "http/1.1"}})
          .value();
  SessionCache sessions;
  for (const bool resumes : {false, true}) {
    std::optional<Result<Secured>> secured;
    std::unique_ptr<Handshake> handshake;
    Recorder end;
    const auto connector = net::Connector::start(
        loop, net::Address::loopback(port), {}, [&](Result<std::unique_ptr<net::Stream>> stream) {
          handshake = Handshake::connect(std::move(stream).value(), *context,
                                         {.server_name = "localhost",
                                          .sessions = &sessions,
                                          .timeout = net::loopback::patience},
                                         [&](Result<Secured> got) { secured = std::move(got); });
        });
    ASSERT_TRUE(net::loopback::run_until(loop, [&] { return secured.has_value(); }));
    ASSERT_TRUE(*secured) << secured->error().detail;
    EXPECT_EQ((*secured)->is_resumed, resumes);
    EXPECT_EQ((*secured)->protocol, "http/1.1");
    end.take(std::move((*secured)->stream));
    end.stream->write("abc\n");
    EXPECT_TRUE(net::loopback::run_until(loop, [&] { return end.bytes == "cba\n"; })) << end.bytes;
  }
}

}  // namespace
}  // namespace causeway::tls
