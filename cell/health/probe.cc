#include "cell/health/probe.h"

#include <charconv>
#include <cstdio>
#include <span>
#include <string_view>
#include <utility>

#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::health {

namespace {

// A status line; what follows does not matter.
constexpr size_t reply_bytes_max = 64;

// Owner: as Probe.
class RunningProbe final : public Probe, private net::Stream::Events {
 public:
  RunningProbe(net::Loop& loop, Check check, Done done)
      : loop_(loop), check_(std::move(check)), done_(std::move(done)), deadline_(loop) {}

  void connect(const std::string& ip) {
    deadline_.once(check_.timeout, [this] { finish(failure(Fault::timeout, timed_out())); });
    const Result<net::Address> address = net::Address::parse(ip, check_.port);
    if (!address) {
      deadline_.once(Duration::zero(), [this, error = address.error()] { finish(error); });
      return;
    }
    host_ = address->to_string();
    net::Connector::Options options;
    options.timeout = check_.timeout;
    connector_ = net::Connector::start(
        loop_, *address, options, [this](Result<std::unique_ptr<net::Stream>> connected) {
          if (!connected) return finish(failure(connected.error().fault, why(connected.error())));
          if (check_.kind == Check::Kind::tcp) return finish({});
          stream_ = std::move(*connected);
          stream_->listen(*this);
          stream_->write("GET " + check_.path + " HTTP/1.1\r\nHost: " + host_ +
                         "\r\nUser-Agent: causeway-healthcheck\r\nConnection: close\r\n\r\n");
        });
  }

 private:
  void on_read(std::span<char> bytes) override {
    reply_.append(bytes.data(), bytes.size());
    // "HTTP/1.1 200"
    if (reply_.size() < 12 && reply_.size() < reply_bytes_max) return;
    int status = 0;
    const bool is_http =
        reply_.starts_with("HTTP/1.") && reply_[8] == ' ' &&
        std::from_chars(reply_.data() + 9, reply_.data() + 12, status).ec == std::errc();
    if (!is_http) return finish(failure(Fault::protocol, "malformed HTTP response"));
    if (status == 200) return finish({});
    finish(failure(Fault::unavailable, "received status code " + std::to_string(status)));
  }
  void on_end() override {
    finish(failure(Fault::closed, "connection closed before a response came"));
  }
  void on_failure(const Error& error) override { finish(failure(error.fault, why(error))); }

  std::string timed_out() const {
    char text[48];
    std::snprintf(text, sizeof text, "timed out after %.2f seconds",
                  static_cast<double>(check_.timeout.count()) / 1e9);
    return text;
  }
  std::string why(const Error& error) const {
    if (error.fault == Fault::refused) return "connection refused";
    if (error.fault == Fault::timeout) return timed_out();
    return error.detail.empty() ? std::string(fault_name(error.fault)) : error.detail;
  }
  Error failure(Fault fault, const std::string& reason) const {
    const std::string port = "port " + std::to_string(check_.port);
    const std::string what =
        check_.kind == Check::Kind::tcp
            ? "Failed to make TCP connection to " + port
            : "Failed to make HTTP request to '" + check_.path + "' on " + port;
    return Error{.fault = fault, .side = Side::backend, .detail = what + ": " + reason};
  }
  void finish(Result<void> outcome) {
    if (!done_) return;
    deadline_.disarm();
    loop_.bury(std::move(stream_));
    std::exchange(done_, nullptr)(std::move(outcome));
  }

  net::Loop& loop_;
  const Check check_;
  Done done_;
  std::string host_, reply_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Stream> stream_;
  net::Timer deadline_;
};

}  // namespace

std::unique_ptr<Probe> Probe::start(net::Loop& loop, const std::string& address, const Check& check,
                                    Done done) {
  auto probe = std::make_unique<RunningProbe>(loop, check, std::move(done));
  probe->connect(address);
  return probe;
}

}  // namespace causeway::health
