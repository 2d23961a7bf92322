#include "router/workbench/workbench.h"

#include <algorithm>
#include <utility>

#include "router/observe/access_log.h"
#include "tls/random.h"

namespace causeway::router {
namespace {

// How often a connection that only waits for its last bytes to go out is looked at.
constexpr Duration linger_interval = std::chrono::milliseconds(500);
// An idle connection is closed this long after a drain began, or after its last reply: time for a
// request that is on its way, whose client would see the connection close instead of an answer.
constexpr Duration drain_idle_time = std::chrono::seconds(1);
// Lines wait this long at most before the log thread gets them, or until so many bytes are there.
constexpr Duration access_flush_interval = std::chrono::milliseconds(50);
constexpr size_t access_flush_bytes = 128u << 10;
// Go's default (http.Transport.MaxResponseHeaderBytes).
constexpr size_t reply_head_bytes_default = 10u << 20;
// Guards memory when max_response_headers is off.
constexpr size_t reply_headers_default = 100'000;

Balancer::Options balancer_options(const Settings& settings) {
  Balancer::Options options;
  options.failed_mark_lifetime = settings.failed_mark_lifetime;
  options.in_flight_max = settings.max_conns;
  options.zone = settings.zone;
  options.prefer_zone = settings.prefer_zone;
  return options;
}

BackendPool::Options pool_options(const Settings& settings, tls::SessionCache& sessions) {
  BackendPool::Options options;
  options.keep_alive = !settings.disable_keep_alives;
  options.idle_max = std::min(settings.max_idle_conns_per_host, settings.max_idle_conns);
  options.buffer_bytes_max = settings.buffer_bytes_max;
  options.reply_limits.head_bytes_max = settings.max_response_header_bytes > 0
                                            ? settings.max_response_header_bytes
                                            : reply_head_bytes_default;
  options.reply_limits.headers_max =
      settings.max_response_headers > 0 ? settings.max_response_headers : reply_headers_default;
  options.http2.dial = {.connect_timeout = settings.endpoint_dial_timeout,
                        .handshake_timeout = settings.tls_handshake_timeout,
                        .keep_alive_probe = settings.endpoint_keep_alive_probe_interval,
                        .tls = settings.backend_tls.get(),
                        .sessions = &sessions};
  options.http2.connection.limits.reply_head = options.reply_limits;
  options.http2.connection.buffer_bytes_max = settings.buffer_bytes_max;
  options.http2.connection.keeps_idle = options.keep_alive;
  return options;
}

std::optional<ServiceSigner> make_service_signer(const Settings::RouteServices& services) {
  if (!services.key) return std::nullopt;
  return std::optional<ServiceSigner>(std::in_place, *services.key, services.former_key,
                                      services.timeout);
}

Tracer::Options tracer_options(const Settings& settings) {
  return {.zipkin = settings.enable_zipkin,
          .w3c = settings.enable_w3c,
          .tenant_id = settings.w3c_tenant_id};
}

Duration head_time(const Settings& settings) {
  return settings.read_header_timeout > Duration::zero() ? settings.read_header_timeout
                                                         : settings.frontend_idle_timeout;
}

bool wants_local_address(const Settings& settings) {
  const auto& fields = settings.extra_access_log_fields;
  return std::count(fields.begin(), fields.end(), "local_address") > 0;
}

}  // namespace

Workbench::Workbench(net::Loop& l, std::shared_ptr<const Settings> s, const log::Logger& log,
                     metrics::Registry& registry, AccessLog* access_log, uint64_t seed)
    : present_settings_(*s),
      loop(l),
      settings_history(std::move(s)),
      settings(present_settings_),
      logger(log),
      metrics(registry, settings),
      front_metrics(registry),
      balancer(balancer_options(settings), seed),
      request_ids([](std::span<std::byte> out) { tls::random_bytes(out); }),
      tracer(tracer_options(settings), [this](std::span<std::byte> out) { request_ids.take(out); }),
      service_signer(make_service_signer(settings.route_services)),
      deadlines(loop),
      client_idle(deadlines, settings.frontend_idle_timeout),
      client_head(deadlines, head_time(settings)),
      endpoint_answers(deadlines, settings.endpoint_timeout),
      http2_endpoint_answers(deadlines, settings.http2_endpoint_timeout),
      backend_idle(deadlines, settings.backend_idle_timeout),
      backend_silence(deadlines, settings.http2_ping_interval),
      lingering(deadlines, linger_interval),
      drain_idle(deadlines, drain_idle_time),
      http2_age(deadlines, settings.http2.connection_age_max),
      http2_stall(deadlines, settings.http2.stall_timeout),
      access_flush(deadlines, access_flush_interval),
      backends(loop, {.idle = backend_idle, .silence = backend_silence}, arena_blocks, http2_memory,
               metrics, pool_options(settings, backend_sessions)),
      turns(loop),
      logs_local_address(wants_local_address(settings)),
      access_log_(access_log),
      flush_tick_(*this) {}

void Workbench::use(std::shared_ptr<const Settings> next) {
  Settings replaced = std::exchange(present_settings_, *next);
  settings_history.replace(std::move(next), std::move(replaced), loop.now());
  balancer.use(balancer_options(settings));
  tracer.use(tracer_options(settings));
  service_signer.reset();
  if (const Settings::RouteServices& services = settings.route_services; services.key) {
    service_signer.emplace(*services.key, services.former_key, services.timeout);
  }
  client_idle.length(settings.frontend_idle_timeout);
  client_head.length(head_time(settings));
  endpoint_answers.length(settings.endpoint_timeout);
  http2_endpoint_answers.length(settings.http2_endpoint_timeout);
  backend_idle.length(settings.backend_idle_timeout);
  backend_silence.length(settings.http2_ping_interval);
  http2_age.length(settings.http2.connection_age_max);
  http2_stall.length(settings.http2.stall_timeout);
  // Whom to trust may have changed, and a session that is resumed asks nobody.
  backend_sessions.clear();
  service_sessions.clear();
  backends.close_idle();
  backends.use(pool_options(settings, backend_sessions));
  logs_local_address = wants_local_address(settings);
}

Workbench::~Workbench() { flush_access_lines(); }

std::string_view Workbench::http_date() {
  const int64_t second = unix_ns() / 1'000'000'000;
  if (second != date_second_) {
    http::format_date(second, date_.data());
    date_second_ = second;
  }
  return {date_.data(), date_.size()};
}

int64_t Workbench::unix_ns() const { return SystemClock().wall().unix_ns; }

void Workbench::write_access_line(const AccessRecord& record, const http::Headers* request) {
  if (access_log_ == nullptr) return;
  if (access_lines_.empty()) access_flush.arm(flush_tick_);
  append_access_line(access_lines_, record, settings, request);
  ++access_line_count_;
  if (access_lines_.size() >= access_flush_bytes) flush_access_lines();
}

void Workbench::flush_access_lines() {
  flush_tick_.call_off();
  if (access_log_ == nullptr || access_line_count_ == 0) return;
  access_log_->submit(access_lines_, access_line_count_);
  access_line_count_ = 0;
}

}  // namespace causeway::router
