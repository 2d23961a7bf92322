#include "redis/client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "log/logger.h"
#include "test/support/server_process.h"
#include "test/support/waiting_loop.h"

namespace causeway::redis {
namespace {

using namespace std::chrono_literals;
using test::RedisServer;
using testing::ElementsAre;
using testing::HasSubstr;

// A loop, and clients on it, against a real server.
class ClientTest : public testing::Test, public test::WaitingLoop {
 protected:
  Options options(const RedisServer& server) {
    Options given;
    given.port = server.port();
    given.reconnect_wait_max = 100ms;
    given.command_timeout = 20s;
    return given;
  }

  std::unique_ptr<Client> connected(const RedisServer& server) {
    return connected(options(server));
  }
  std::unique_ptr<Client> connected(const Options& given) {
    auto client = std::make_unique<Client>(loop_, logger_, given);
    EXPECT_TRUE(until([&] { return client->is_connected(); }));
    return client;
  }

  // Sends one command and waits for its answer.
  Result<Value> ask(Client& client, std::vector<std::string> args) {
    std::optional<Result<Value>> answer;
    client.command(std::move(args), [&](Result<Value> reply) { answer = std::move(reply); });
    EXPECT_FALSE(answer.has_value());  // never from inside command()
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  Result<Value> run(Client& client, const Script& script, const std::vector<std::string>& keys,
                    const std::vector<std::string>& args) {
    std::optional<Result<Value>> answer;
    client.eval(script, keys, args, [&](Result<Value> reply) { answer = std::move(reply); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }

  test::TempFolder folder_;
  log::Sink sink_{{.path = folder_.path() + "/log"}};
  log::Logger logger_{sink_, "test"};
};

TEST_F(ClientTest, answers_pipelined_commands_in_order) {
  RedisServer server;
  auto client = connected(server);
  std::vector<int64_t> answers;
  for (int i = 0; i < 5000; ++i) {
    client->command({"INCR", "n"},
                    [&](Result<Value> reply) { answers.push_back(reply ? reply->integer : -1); });
  }
  ASSERT_TRUE(until([&] { return answers.size() == 5000; }));
  for (size_t i = 0; i < answers.size(); ++i) ASSERT_EQ(answers[i], static_cast<int64_t>(i + 1));
}

TEST_F(ClientTest, carries_any_bytes_and_large_values) {
  RedisServer server;
  auto client = connected(server);
  std::string large(5'000'000, 'x');
  large[1'000'000] = '\0';
  large[2'000'000] = '\r';
  ASSERT_TRUE(ask(*client, {"SET", "k", large}));
  EXPECT_EQ(ask(*client, {"GET", "k"})->text, large);
  EXPECT_TRUE(ask(*client, {"GET", "absent"})->is_nil());
  EXPECT_TRUE(ask(*client, {"RPUSH", "l", "a", "", "c"}));
  const auto list = ask(*client, {"LRANGE", "l", "0", "-1"});
  ASSERT_EQ(list->items.size(), 3u);
  EXPECT_EQ(list->items[1].text, "");
}

TEST_F(ClientTest, without_a_server_commands_fail_at_once_and_may_be_retried) {
  Options given;
  given.port = test::free_port();
  Client client(loop_, logger_, given);
  const auto reply = ask(client, {"PING"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, Fault::unavailable);
  EXPECT_EQ(reply.error().retry, Retry::always);
}

TEST_F(ClientTest, a_link_that_is_given_up_is_reset_so_that_nothing_more_arrives) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  Options given;
  given.port = ntohs(at.sin_port);
  given.command_timeout = 1s;
  Client client(loop_, logger_, given);
  pollfd waiting{listener, POLLIN, 0};
  ASSERT_TRUE(until([&] { return ::poll(&waiting, 1, 0) == 1; }));
  const int server = ::accept(listener, nullptr, nullptr);
  ASSERT_EQ(::send(server, "+PONG\r\n", 7, 0), 7);
  ASSERT_TRUE(until([&] { return client.is_connected(); }));
  const auto reply = ask(client, {"SET", "k", "v"});
  EXPECT_EQ(reply.error().fault, Fault::unavailable) << "nobody answers in time";
  const timeval patience{60, 0};
  ASSERT_EQ(::setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  char bytes[4096];
  ssize_t read = 1;
  while (read > 0) read = ::recv(server, bytes, sizeof bytes, 0);
  EXPECT_EQ(read, -1)
      << "an orderly end: the kernel would have sent what was left, again and again";
  EXPECT_EQ(errno, ECONNRESET);
  ::close(server);
  ::close(listener);
}

TEST_F(ClientTest, connects_by_name_to_a_database_with_a_password) {
  RedisServer server({.password = "p w\r\n"});
  Options given = options(server);
  given.host = "localhost";
  given.password = "p w\r\n";
  given.database = 3;
  auto client = connected(given);
  ASSERT_TRUE(ask(*client, {"SET", "k", "v"}));
  EXPECT_THAT(ask(*client, {"CLIENT", "INFO"})->text, HasSubstr(" db=3 "));

  given.password = "wrong";
  Client refused(loop_, logger_, given);
  const auto until_then = std::chrono::steady_clock::now() + 300ms;
  ASSERT_TRUE(until([&] { return std::chrono::steady_clock::now() > until_then; }));
  EXPECT_FALSE(refused.is_connected());
}

TEST_F(ClientTest, errors_of_redis_are_sorted_by_what_they_mean) {
  RedisServer server;
  auto client = connected(server);
  ASSERT_TRUE(ask(*client, {"SET", "k", "text"}));
  const auto wrong = ask(*client, {"INCR", "k"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().fault, Fault::internal);
  EXPECT_THAT(wrong.error().detail, HasSubstr("not an integer"));

  const Script conflict("return redis.error_reply('CONFLICT row changed')");
  const auto refused = run(*client, conflict, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::conflict);
  EXPECT_EQ(refused.error().detail, "CONFLICT row changed");

  ASSERT_TRUE(ask(*client, {"CONFIG", "SET", "maxmemory", "1"}));
  const auto full = ask(*client, {"SET", "k", "v"});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().fault, Fault::unavailable);
}

TEST_F(ClientTest, scripts_are_loaded_once_and_again_when_the_server_forgets_them) {
  RedisServer server;
  auto client = connected(server);
  const Script add("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  EXPECT_EQ(run(*client, add, {"n"}, {"2"})->integer, 2);
  EXPECT_EQ(run(*client, add, {"n"}, {"3"})->integer, 5);
  EXPECT_THAT(ask(*client, {"INFO", "commandstats"})->text, HasSubstr("cmdstat_evalsha:calls=1,"));

  ASSERT_TRUE(ask(*client, {"SCRIPT", "FLUSH"}));
  std::vector<int64_t> answers;
  for (int i = 0; i < 3; ++i) {
    client->eval(add, {"n"}, {"1"},
                 [&](Result<Value> reply) { answers.push_back(reply ? reply->integer : -1); });
  }
  ASSERT_TRUE(until([&] { return answers.size() == 3; }));
  EXPECT_THAT(answers, ElementsAre(6, 7, 8));

  server.restart();
  ASSERT_TRUE(until([&] { return !client->is_connected(); }));
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  EXPECT_EQ(run(*client, add, {"n"}, {"1"})->integer, 1);
  const auto broken = run(*client, Script("this is not lua"), {}, {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().fault, Fault::internal);
}

TEST_F(ClientTest, a_killed_server_fails_what_is_under_way_and_is_found_again) {
  RedisServer server({.persist = true});
  auto client = connected(server);
  std::vector<bool> links;
  client->on_link([&](bool up) { links.push_back(up); });
  ASSERT_TRUE(ask(*client, {"SET", "k", "kept"}));

  server.kill(SIGSTOP);  // so that the commands are under way for certain
  std::vector<Error> errors;
  for (int i = 0; i < 10; ++i) {
    client->command({"GET", "k"}, [&](Result<Value> reply) {
      ASSERT_FALSE(reply);
      errors.push_back(reply.error());
      if (errors.size() > 1) return;
      // Told of the break, somebody asks again at once: refused like everybody while the link is
      // down.
      client->command({"GET", "k"}, [&](Result<Value> again) { errors.push_back(again.error()); });
    });
  }
  for (int i = 0; i < 20; ++i) loop_.run_once();
  EXPECT_TRUE(errors.empty());
  server.kill(SIGKILL);
  ASSERT_TRUE(until([&] { return errors.size() == 11; }));
  for (const Error& error : errors) EXPECT_EQ(error.fault, Fault::unavailable);
  EXPECT_EQ(errors[0].retry, Retry::never);
  EXPECT_FALSE(client->is_connected());

  server.start();
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  EXPECT_EQ(ask(*client, {"GET", "k"})->text, "kept");
  EXPECT_THAT(links, ElementsAre(false, true));
}

TEST_F(ClientTest, a_silent_server_costs_the_timeout_and_a_new_link) {
  RedisServer server;
  Options given = options(server);
  given.command_timeout = 200ms;
  auto client = connected(given);
  server.kill(SIGSTOP);
  const auto reply = ask(*client, {"PING"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, Fault::unavailable);
  EXPECT_THAT(reply.error().detail, HasSubstr("no reply in time"));
  server.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return client->is_connected(); }));
  // A loaded machine may well need more than 200 ms for one answer.
  ASSERT_TRUE(until([&] { return ask(*client, {"PING"}).has_value(); }));
}

TEST_F(ClientTest, commands_beyond_the_bound_are_refused) {
  RedisServer server;
  Options given = options(server);
  given.pending_commands_max = 10;
  auto client = connected(given);
  size_t answered = 0;
  std::vector<Error> errors;
  for (int i = 0; i < 12; ++i) {
    client->command({"PING"}, [&](Result<Value> reply) {
      ++answered;
      if (!reply) errors.push_back(reply.error());
    });
  }
  ASSERT_TRUE(until([&] { return answered == 12; }));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].fault, Fault::limit);
  EXPECT_TRUE(ask(*client, {"PING"}));
}

TEST_F(ClientTest, subscriptions_outlive_the_server_and_tell_of_gaps) {
  RedisServer server;
  Options given = options(server);
  auto publisher = connected(given);
  given.command_timeout = 1s;  // pings of the subscriber
  auto client = connected(given);
  std::vector<std::string> messages;
  int gaps = 0;
  int other_gaps = 0;
  client->subscribe(
      "a", [&](std::string_view payload) { messages.emplace_back(payload); }, [&] { ++gaps; });
  ASSERT_TRUE(until([&] { return gaps == 1; }));
  client->subscribe(
      "b", [&](std::string_view payload) { messages.push_back("b:" + std::string(payload)); },
      [&] { ++other_gaps; });
  ASSERT_TRUE(until([&] { return other_gaps == 1; }));
  EXPECT_EQ(ask(*publisher, {"PUBLISH", "a", "one"})->integer, 1);
  EXPECT_EQ(ask(*publisher, {"PUBLISH", "b", "two"})->integer, 1);
  ASSERT_TRUE(until([&] { return messages.size() == 2; }));
  EXPECT_THAT(messages, ElementsAre("one", "b:two"));

  server.restart();
  ASSERT_TRUE(until([&] { return gaps >= 2 && other_gaps >= 2 && publisher->is_connected(); }));
  ASSERT_TRUE(until([&] {
    const auto heard = ask(*publisher, {"PUBLISH", "a", "three"});
    return heard && heard->integer == 1;
  }));
  ASSERT_TRUE(until([&] { return messages.back() == "three"; }));

  // Silent, not gone: the pings notice.
  const int before = gaps;
  server.kill(SIGSTOP);
  const auto then = std::chrono::steady_clock::now() + 3s;
  ASSERT_TRUE(until([&] { return std::chrono::steady_clock::now() > then; }));
  server.kill(SIGCONT);
  ASSERT_TRUE(until([&] { return gaps > before; }));
}

TEST_F(ClientTest, ends_without_calling_those_who_wait) {
  RedisServer server;
  auto client = connected(server);
  bool called = false;
  client->command({"PING"}, [&](const Result<Value>&) { called = true; });
  client->subscribe(
      "a", [&](std::string_view) { called = true; }, [&] { called = true; });
  client.reset();
  auto another = connected(server);
  EXPECT_TRUE(ask(*another, {"PING"}));
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace causeway::redis
