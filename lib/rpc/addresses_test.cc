// Names with several addresses, and calls that may not be sent any more.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rpc/client.h"
#include "rpc/server.h"
#include "rpc/test_bed.h"

namespace causeway::rpc {
namespace {

using namespace std::chrono_literals;

// What a name service says, as the test wants it.
class ToldAddresses final : public net::Resolver {
 public:
  ToldAddresses(net::Loop& loop, std::vector<net::Address> addresses, OnAll on_all) : timer_(loop) {
    timer_.once(Duration::zero(),
                [addresses = std::move(addresses), on = std::move(on_all)] { on(addresses); });
  }

 private:
  net::Timer timer_;
};

// Servers on one port of several loopback addresses, as stand-bys on several machines.
class SeveralAddresses : public testing::Test {
 protected:
  SeveralAddresses() {
    Client::Options options;
    options.resolve = [this](net::Loop& loop, const std::string& host, uint16_t,
                             net::Resolver::OnAll on_all) -> std::unique_ptr<net::Resolver> {
      EXPECT_EQ(host, "bbs.service");
      ++lookups;
      return std::make_unique<ToldAddresses>(loop, addresses, std::move(on_all));
    };
    client.emplace(bed.loop(), options);
  }
  std::unique_ptr<Server> serve(const net::Address& address, const std::string& name) {
    auto server = std::make_unique<Server>(bed.loop(), bed.logger());
    server->route("GET", "/who", [name](const Request&, Responder responder) {
      responder.reply(200, "text/plain", name);
    });
    server->route("GET", "/events",
                  [this](const Request&, Responder responder) { stream = responder.stream(); });
    auto listened = server->listen(address);
    EXPECT_TRUE(listened) << to_string(listened.error());
    if (listened) port = listened->port();
    return server;
  }
  std::string url(const std::string& path) const {
    return "http://bbs.service:" + std::to_string(port) + path;
  }
  std::string who() {
    std::optional<std::string> answer;
    client->send({.method = "GET", .url = url("/who")}, [&](const Result<Reply>& reply) {
      answer = reply ? reply->body : to_string(reply.error());
    });
    EXPECT_TRUE(bed.until([&] { return answer.has_value(); }));
    return answer.value_or("none");
  }
  static net::Address address(const char* ip, uint16_t port) {
    return net::Address::parse(ip, port).value();
  }

  test::TestBed bed;
  uint16_t port = 0;
  int lookups = 0;
  std::vector<net::Address> addresses;
  std::unique_ptr<Responder::EventStream> stream;
  std::optional<Client> client;
};

TEST_F(SeveralAddresses, the_one_that_listens_is_found_and_followed) {
  auto server = serve(address("127.0.0.3", 0), "three");
  for (const char* ip : {"127.0.0.2", "127.0.0.3", "127.0.0.4"})
    addresses.push_back(address(ip, port));
  EXPECT_EQ(who(), "three");
  server.reset();
  EXPECT_NE(who().find("bbs.service"), std::string::npos) << "nobody listens: an error, by name";
  server = serve(address("127.0.0.2", port), "two");
  EXPECT_EQ(who(), "two");
  server.reset();
  server = serve(address("127.0.0.4", port), "four");
  EXPECT_EQ(who(), "four");
  EXPECT_GE(lookups, 4) << "the name may lead elsewhere by now";
}

TEST_F(SeveralAddresses, the_one_that_served_last_is_asked_first) {
  auto last = serve(address("127.0.0.3", 0), "three");
  addresses = {address("127.0.0.2", port), address("127.0.0.3", port)};
  EXPECT_EQ(who(), "three");
  auto first = serve(address("127.0.0.2", port), "two");
  std::vector<std::string> answers;
  for (int i = 0; i < 4; ++i) {  // at once: over new connections
    client->send({.method = "GET", .url = url("/who")}, [&](const Result<Reply>& reply) {
      answers.push_back(reply ? reply->body : to_string(reply.error()));
    });
  }
  ASSERT_TRUE(bed.until([&] { return answers.size() == 4; }));
  EXPECT_EQ(answers, std::vector<std::string>(4, "three"));
}

TEST_F(SeveralAddresses, streams_find_it_as_well) {
  auto server = serve(address("127.0.0.3", 0), "three");
  addresses = {address("127.0.0.2", port), address("127.0.0.3", port)};
  std::vector<std::string> events;
  auto in =
      client->subscribe({.method = "GET", .url = url("/events")},
                        {.on_event = [&](std::string_view, std::string_view,
                                         std::string_view data) { events.emplace_back(data); }});
  ASSERT_TRUE(bed.until([&] { return stream != nullptr; }));
  ASSERT_TRUE(stream->send("1", "a", "here"));
  ASSERT_TRUE(bed.until([&] { return !events.empty(); }));
  EXPECT_EQ(events[0], "here");
}

TEST(MaySend, a_call_that_may_not_be_sent_fails_unsent_wherever_it_waits) {
  test::TestBed bed;
  Server server(bed.loop(), bed.logger());
  int served = 0;
  std::vector<Responder> held;
  server.route("POST", "/work", [&](const Request&, Responder responder) {
    ++served;
    held.push_back(std::move(responder));
  });
  const auto listened = server.listen(net::Address::loopback(0));
  ASSERT_TRUE(listened);
  bool may_send = true;
  Client client(bed.loop(), {.connections_per_host_max = 1, .may_send = [&] { return may_send; }});
  std::vector<Result<Reply>> replies;
  const auto send = [&] {
    client.send({.url = "http://" + listened->to_string() + "/work"},
                [&](Result<Reply> reply) { replies.push_back(std::move(reply)); });
  };
  send();
  send();  // waits in line
  ASSERT_TRUE(bed.until([&] { return held.size() == 1; }));
  may_send = false;
  held[0].reply(200);
  ASSERT_TRUE(bed.until([&] { return replies.size() == 2; }));
  EXPECT_TRUE(replies[0]);
  ASSERT_FALSE(replies[1]);
  EXPECT_EQ(replies[1].error().fault, Fault::refused);
  send();  // on a kept connection: not from inside send()
  EXPECT_EQ(replies.size(), 2u);
  ASSERT_TRUE(bed.until([&] { return replies.size() == 3; }));
  EXPECT_FALSE(replies[2]);
  EXPECT_EQ(served, 1);
  may_send = true;
  send();
  ASSERT_TRUE(bed.until([&] { return held.size() == 2; }));
  held[1].reply(200);
  ASSERT_TRUE(bed.until([&] { return replies.size() == 4; }));
  EXPECT_TRUE(replies[3]);
}

}  // namespace
}  // namespace causeway::rpc
