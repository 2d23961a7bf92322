// Where the lines go: files and syslog servers that are well, slow, full, away.
#include "router/observe/access_log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/check.h"
#include "router/observe/file_outlet.h"
#include "router/observe/process_metrics.h"
#include "test/support/fake_backend.h"
#include "test/support/raw_client.h"

namespace causeway::router {
namespace {

using test::eventually;
using test::FakeBackend;
using test::RawSocket;

class AccessLogSinks : public testing::Test {
 protected:
  AccessLogSinks() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "access_log_sinks.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AccessLogSinks() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<AccessLog> open(AccessLog::Options options) {
    auto opened = AccessLog::open(std::move(options));
    CHECK(opened);
    return std::move(opened).value();
  }
  static void submit(AccessLog& log, std::string text, size_t lines = 1) {
    log.submit(text, lines);
    EXPECT_EQ(text, "");
  }
  static std::string content(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static SyslogOutlet::Options tcp(uint16_t port) {
    return {.host = "127.0.0.1", .port = port, .is_tcp = true, .tag = "gorouter"};
  }

  std::string folder_;
};

// A syslog server over TCP that keeps what it hears.
class SyslogServer {
 public:
  SyslogServer()
      : backend_([this](RawSocket& peer, size_t) {
          while (true) {
            const std::string bytes = peer.receive();
            if (bytes.empty()) return;
            const std::lock_guard lock(mutex_);
            heard_ += bytes;
            if (hangs_up_after_ > 0 && heard_.size() >= hangs_up_after_) {
              hangs_up_after_ = 0;
              return;
            }
          }
        }) {}
  uint16_t port() const { return backend_.port(); }
  size_t connections() const { return backend_.connections(); }
  std::string heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  void hang_up_after(size_t bytes) {
    const std::lock_guard lock(mutex_);
    hangs_up_after_ = bytes;
  }

 private:
  std::mutex mutex_;
  std::string heard_;
  size_t hangs_up_after_ = 0;
  FakeBackend backend_;
};

// "<14>1 2026-01-02T03:04:05Z HOST gorouter PID - BOM" in front of each line.
void expect_header(std::string_view message, std::string_view line, std::string_view nils = " - ") {
  const std::string pid = std::to_string(::getpid());
  ASSERT_EQ(message.substr(0, 6), "<14>1 ") << message;
  ASSERT_EQ(message[16], 'T') << message;
  ASSERT_EQ(message.substr(25, 2), "Z ") << message;
  const size_t tag = message.find(" gorouter ");
  ASSERT_NE(tag, std::string_view::npos) << message;
  EXPECT_EQ(message.substr(27, tag - 27).find(' '), std::string_view::npos) << message;
  EXPECT_EQ(message.substr(tag),
            " gorouter " + pid + std::string(nils) + "\xEF\xBB\xBF" + std::string(line));
}

// Of a queue that is to end, and has no more time.
class NoTime final : public Ending {
 public:
  bool is_over() const override { return true; }
  bool has_begun() const override { return true; }
  void wait(Duration) override {}
};

TEST_F(AccessLogSinks, a_line_that_was_cut_does_not_swallow_the_next_one) {
  const std::string path = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  auto outlet = FileOutlet::open(path);
  ASSERT_TRUE(outlet);
  NoTime ending;
  const std::string two_lines = "first\n" + std::string(1 << 20, 'x') + "\n";
  const LineOutlet::Written written = (*outlet)->write(two_lines, ending);
  EXPECT_EQ(written.lines, 1u);
  EXPECT_EQ(written.os, EAGAIN);
  std::string taken(2 << 20, '\0');
  const ssize_t cut = ::read(reader, taken.data(), taken.size());
  ASSERT_GT(cut, 6);
  EXPECT_EQ((*outlet)->write("next\n", ending).lines, 1u);
  const ssize_t rest = ::read(reader, taken.data(), taken.size());
  ASSERT_GT(rest, 0);
  EXPECT_EQ(taken.substr(0, static_cast<size_t>(rest)), "\nnext\n");
  ::close(reader);
}

TEST_F(AccessLogSinks, a_full_disk_costs_lines_and_nothing_else) {
  const auto log = open({.path = "/dev/full"});
  submit(*log, "one\ntwo\n", 2);
  log->flush();
  EXPECT_EQ(log->lines_dropped(), 2u);
  EXPECT_EQ(log->lines_written(), 0u);
}

TEST_F(AccessLogSinks, a_file_and_syslog_get_the_same_lines) {
  SyslogServer server;
  metrics::Registry registry;
  const auto log = open({.path = folder_ + "/log", .syslog = tcp(server.port())});
  log->register_metrics(registry);
  submit(*log, "one\ntwo\n", 2);
  log->flush();
  EXPECT_EQ(content(folder_ + "/log"), "one\ntwo\n");
  ASSERT_TRUE(eventually([&] { return server.heard().ends_with("two\n"); })) << server.heard();
  const std::string heard = server.heard();
  const size_t end = heard.find('\n');
  expect_header(std::string_view(heard).substr(0, end + 1), "one\n");
  expect_header(std::string_view(heard).substr(end + 1), "two\n");
  EXPECT_EQ(log->lines_written(), 4u);
  const std::string text = registry.prometheus_text();
  EXPECT_NE(text.find("access_log_lines_written{sink=\"file\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("access_log_lines_written{sink=\"syslog\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# TYPE access_log_lines_dropped counter\n"), std::string::npos) << text;
}

TEST_F(AccessLogSinks, rfc5424_to_the_letter_is_framed_by_octet_counts) {
  SyslogServer server;
  SyslogOutlet::Options options = tcp(server.port());
  options.is_rfc5424 = true;
  options.truncate_bytes = 4;
  const auto log = open({.syslog = options});
  submit(*log, "caf\xC3\xA9 and more\nx\n", 2);
  log->flush();
  ASSERT_TRUE(eventually([&] { return server.heard().ends_with("x"); })) << server.heard();
  const std::string heard = server.heard();
  const size_t blank = heard.find(' ');
  const size_t bytes = static_cast<size_t>(std::strtoul(heard.c_str(), nullptr, 10));
  expect_header(std::string_view(heard).substr(blank + 1, bytes), "caf", " - - ");
}

TEST_F(AccessLogSinks, a_syslog_server_that_comes_late_gets_everything) {
  uint16_t port = 0;
  std::unique_ptr<AccessLog> log;
  {
    test::ClosedPort closed;
    port = closed.port();
    log = open({.syslog = tcp(port)});
    submit(*log, "early\n");
  }
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  RawSocket peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(peer.receive_until("\n").ends_with("early\n"));
  EXPECT_EQ(log->lines_dropped(), 0u);
  ::close(listener);
}

TEST_F(AccessLogSinks, a_broken_connection_to_syslog_is_dialled_again) {
  SyslogServer server;
  const auto log = open({.syslog = tcp(server.port())});
  server.hang_up_after(1);
  submit(*log, "first\n");
  ASSERT_TRUE(eventually([&] { return server.heard().ends_with("first\n"); }));
  size_t sent = 0;
  // Bytes on their way while the other end closes may be lost; the connection comes back.
  ASSERT_TRUE(eventually([&] {
    submit(*log, "again " + std::to_string(++sent) + "\n");
    log->flush();
    return server.connections() >= 2;
  }));
  submit(*log, "last\n");
  EXPECT_TRUE(eventually([&] { return server.heard().ends_with("last\n"); })) << server.heard();
}

TEST_F(AccessLogSinks, a_syslog_server_that_does_not_read_makes_nobody_wait) {
  std::atomic<bool> reads{false};
  FakeBackend server([&](RawSocket& peer, size_t) {
    eventually([&] { return reads.load(); });
    peer.close();
  });
  const std::string line(1000, 'x');
  constexpr size_t lines = 40'000;  // more than sockets hold
  const auto before = std::chrono::steady_clock::now();
  {
    AccessLog::Options options{.path = folder_ + "/log", .queue_bytes_max = 1 << 20};
    options.syslog = tcp(server.port());
    const auto log = open(options);
    for (size_t i = 0; i < lines; i += 100) {
      std::string text;
      for (int k = 0; k < 100; ++k) text += line + "\n";
      submit(*log, std::move(text), 100);
    }
    EXPECT_TRUE(eventually([&] { return log->lines_dropped() > 0; }));
  }
  // The end waits two seconds for it, not longer.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60));
  reads = true;
  EXPECT_GT(content(folder_ + "/log").size(), 1u << 20);
}

TEST_F(AccessLogSinks, syslog_over_udp_is_a_datagram_a_line) {
  const int receiver = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(receiver, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(receiver, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const timeval patience{20, 0};
  ::setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto log =
      open({.syslog = SyslogOutlet::Options{
                .host = "127.0.0.1", .port = ntohs(address.sin_port), .tag = "gorouter"}});
  submit(*log, "one\n" + std::string(70'000, 'y') + "\n", 2);
  std::string buffer(70'000, '\0');
  ssize_t got = ::recv(receiver, buffer.data(), buffer.size(), 0);
  ASSERT_GT(got, 0);
  expect_header(std::string_view(buffer).substr(0, static_cast<size_t>(got)), "one");
  got = ::recv(receiver, buffer.data(), buffer.size(), 0);
  EXPECT_GT(got, 65'000);
  EXPECT_LT(got, 65'508);
  ::close(receiver);
}

TEST_F(AccessLogSinks, nobody_at_the_udp_port_is_counted) {
  const int bound = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(bound, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(bound, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(bound);
  const auto log =
      open({.syslog = SyslogOutlet::Options{.host = "127.0.0.1", .port = ntohs(address.sin_port)}});
  EXPECT_TRUE(eventually([&] {
    submit(*log, "x\n");
    log->flush();
    return log->lines_dropped() > 0;
  }));
}

TEST_F(AccessLogSinks, a_pipe_that_nobody_empties_makes_nobody_wait) {
  const std::string path = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(AccessLog::open({.path = path}));  // nobody reads at all
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  {
    const auto log = open({.path = path, .queue_bytes_max = 200'000});
    for (int i = 0; i < 10; ++i) submit(*log, std::string(99'999, 'x') + "\n");
    EXPECT_GE(log->lines_dropped(), 6u);
  }
  ::close(reader);
}

TEST_F(AccessLogSinks, blocking_waits_for_room_until_the_process_ends) {
  const std::string path = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const auto log = open({.path = path, .queue_bytes_max = 200'000, .blocks_when_full = true});
  std::atomic<int> submitted{0};
  std::thread writer([&] {
    for (int i = 0; i < 6; ++i) {
      submit(*log, std::string(99'999, 'x') + "\n");
      ++submitted;
    }
  });
  // Two fit (what the pipe holds is still counted until the batch is gone), the third waits.
  EXPECT_TRUE(eventually([&] { return submitted == 2; }));
  EXPECT_EQ(log->lines_dropped(), 0u);
  std::string taken(100'000, '\0');
  size_t bytes = 0;
  EXPECT_TRUE(eventually([&] {
    const ssize_t n = ::read(reader, taken.data(), taken.size());
    if (n > 0) bytes += static_cast<size_t>(n);
    return submitted >= 3;
  }));
  log->stop_blocking();
  writer.join();
  EXPECT_EQ(submitted, 6);
  EXPECT_GT(log->lines_dropped(), 0u);
  ::close(reader);
}

TEST_F(AccessLogSinks, a_rotation_into_nowhere_keeps_the_old_file) {
  std::filesystem::create_directory(folder_ + "/logs");
  const auto log = open({.path = folder_ + "/logs/log"});
  submit(*log, "one\n");
  log->flush();
  std::filesystem::rename(folder_ + "/logs", folder_ + "/old");
  log->reopen();
  submit(*log, "two\n");
  log->flush();
  EXPECT_EQ(content(folder_ + "/old/log"), "one\ntwo\n");
}

TEST(ProcessMetrics, tell_of_this_process) {
  metrics::Registry registry;
  register_process_metrics(registry);
  const std::string text = "\n" + registry.prometheus_text();
  const auto value = [&](const std::string& name) {
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0
                                   : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  };
  EXPECT_GE(value("file_descriptors"), 3);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), 3);
  EXPECT_GT(value("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_start_time_seconds"), 1.6e9);
  EXPECT_EQ(value("promhttp_metric_handler_errors_total{cause=\"encoding\"}"), 0);
}

}  // namespace
}  // namespace causeway::router
