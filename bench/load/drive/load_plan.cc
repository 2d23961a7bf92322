#include "bench/load/drive/load_plan.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "net/loop.h"
#include "net/tcp.h"

namespace causeway::load {
namespace {

constexpr size_t probes_max = 100;
constexpr unsigned connections_max = 1'000'000;
constexpr unsigned threads_max = 256;

Error bad_option(std::string detail) {
  return {.fault = Fault::invalid, .detail = std::move(detail)};
}

Result<void> check_load(const LoadOptions& options) {
  if (options.connections == 0 || options.connections > connections_max)
    return bad_option("--connections: expected 1.." + std::to_string(connections_max));
  if (options.threads == 0 || options.threads > threads_max)
    return bad_option("--threads: expected 1.." + std::to_string(threads_max));
  if (options.threads > options.connections)
    return bad_option("--threads: a thread without a connection has nothing to do; " +
                      std::to_string(options.connections) + " connections allow as many threads");
  if (options.duration <= Duration::zero()) return bad_option("--duration: must be longer than 0");
  if (options.timeout <= Duration::zero()) return bad_option("--timeout: must be longer than 0");
  if (options.speed.send < 0 || options.speed.read < 0)
    return bad_option("--send-speed, --read-speed: must not be negative");
  return {};
}

}  // namespace

Result<void> set_load_plan(LoadPlan& plan, const LoadOptions& options) {
  if (auto checked = check_load(options); !checked) return checked;
  plan.pace = options.holds_only ? LoadPlan::Pace::hold : LoadPlan::Pace::closed;
  if (!options.rate.empty()) {
    auto profile = RateProfile::parse(options.rate, options.duration, options.warm_up);
    if (!profile) return profile.error();
    plan.profile = std::move(profile).value();
    plan.pace = LoadPlan::Pace::open;
  }
  plan.spacing = options.spacing;
  plan.seed = options.seed;
  plan.connections = options.connections;
  plan.threads = options.threads;
  plan.warm_up = options.warm_up;
  plan.duration = options.duration;
  plan.timeout = options.timeout;
  plan.digits = options.digits;
  plan.speed = options.speed;
  // At most 60 points, none shorter than 100 ms.
  plan.interval = std::max<Duration>(options.duration / 60, Milliseconds(100));
  if (options.duration >= std::chrono::seconds(5) && plan.interval < std::chrono::seconds(1) &&
      options.duration <= std::chrono::seconds(60))
    plan.interval = std::chrono::seconds(1);
  plan.interval_count =
      static_cast<size_t>((options.duration + plan.interval - Duration(1)) / plan.interval);
  return {};
}

Result<void> set_tls(LoadPlan& plan, const TlsOptions& options, std::vector<std::string> names,
                     std::vector<std::string> alpn) {
  using Context = tls::ClientContext;
  if (options.certificate_pem.empty() != options.key_pem.empty())
    return bad_option("--cert and --key belong together");
  Context::Options wanted;
  wanted.verify =
      options.is_insecure ? Context::Options::Verify::none : Context::Options::Verify::peer;
  wanted.ca_pem = options.ca_pem;
  if (!options.key_pem.empty())
    wanted.key_pair = tls::KeyPair{options.certificate_pem, options.key_pem};
  wanted.alpn = std::move(alpn);
  if (options.is_1_2_at_most) wanted.most = tls::Version::tls_1_2;
  auto context = Context::make(wanted);
  if (!context) return bad_option("TLS: " + context.error().detail);
  plan.tls = std::move(context).value();
  plan.resumes_sessions = options.resumes;
  plan.server_names = std::move(names);
  if (!options.server_name.empty())
    plan.server_names.assign(plan.server_names.size(), options.server_name);
  return {};
}

Result<net::Address> resolve(const std::string& host, uint16_t port) {
  if (auto numeric = net::Address::parse(host, port)) return numeric;
  net::Loop loop;
  Result<net::Address> answer = Error{};
  const auto resolver = net::Resolver::start(loop, host, port, [&](Result<net::Address> resolved) {
    answer = std::move(resolved);
    loop.stop();
  });
  loop.run();
  if (!answer) {
    Error error = answer.error();
    error.detail = "cannot resolve " + host + (error.detail.empty() ? "" : ": " + error.detail);
    return error;
  }
  return answer;
}

Result<void> probe_addresses(const LoadPlan& plan) {
  for (size_t i = 0; i < plan.addresses.size() && i < probes_max; ++i) {
    net::Loop loop;
    const net::Address& address = plan.addresses[i];
    Result<void> outcome;
    const auto connector =
        net::Connector::start(loop, address, {.timeout = plan.timeout},
                              [&](Result<std::unique_ptr<net::Stream>> connected) {
                                if (!connected) outcome = connected.error();
                                loop.stop();
                              });
    loop.run();
    if (outcome) continue;
    Error error = outcome.error();
    error.detail = "cannot connect to " + address.to_string() +
                   (error.os != 0 ? std::string(": ") + std::strerror(error.os)
                                  : ": " + std::string(fault_name(error.fault)));
    return error;
  }
  return {};
}

}  // namespace causeway::load
