#include "router/feed/subscriber.h"

#include <algorithm>
#include <utility>

namespace causeway::router {

namespace {

// Bytes of a malformed payload that are worth a log line.
constexpr size_t kLoggedPayloadBytes = 512;

std::string_view or_dash(const std::string& text) {
  return text.empty() ? std::string_view("-") : std::string_view(text);
}

// The options of the whole route; what is wrong with them, or "".
std::string_view take_options(cf::RegistryMessage& message, EndpointSpec& spec) {
  spec.balancing = parse_load_balancing(message.loadbalancing);
  spec.hash_header.clear();
  spec.hash_balance = 0;
  if (!message.loadbalancing.empty() && !spec.balancing) return "loadbalancing names no algorithm";
  if (spec.balancing != LoadBalancing::hash) return "";
  if (message.hash_header.empty()) {
    spec.balancing = std::nullopt;
    return "loadbalancing hash without hash_header";
  }
  spec.hash_header = std::move(message.hash_header);
  const double balance = message.hash_balance;
  if (balance != 0 && (balance < kHashBalanceMin || balance > kHashBalanceMax)) {
    return "hash_balance is neither 0 nor from 1.1 to 1000";
  }
  spec.hash_balance = balance;
  return "";
}

}  // namespace

std::string_view to_change(cf::RegistryMessage&& message, RouteChange::Kind kind,
                           RouteChange& change) {
  change.kind = kind;
  change.uris = std::move(message.uris);
  EndpointSpec& spec = change.endpoint;
  spec.host = std::move(message.host);
  spec.tls = message.tls_port != 0;
  spec.port = spec.tls ? message.tls_port : message.port;
  // Other names are served as the original serves them: in HTTP/1.
  spec.protocol = message.protocol == name_of(Protocol::http2) ? Protocol::http2 : Protocol::http1;
  const std::string_view wrong = take_options(message, spec);
  spec.app_id = std::move(message.app);
  spec.instance_id = std::move(message.private_instance_id);
  spec.instance_index = std::move(message.private_instance_index);
  spec.server_cert_domain_san = std::move(message.server_cert_domain_san);
  spec.route_service_url = std::move(message.route_service_url);
  spec.isolation_segment = std::move(message.isolation_segment);
  spec.availability_zone = std::move(message.availability_zone);
  spec.tags = std::move(message.tags);
  spec.stale_threshold =
      std::chrono::seconds(std::clamp<int64_t>(message.stale_threshold_in_seconds, 0, INT32_MAX));
  spec.updated_at_ns = message.endpoint_updated_at_ns;
  return wrong;
}

cf::RegistryMessage to_message(const Endpoint& endpoint, std::vector<std::string> uris) {
  cf::RegistryMessage message;
  message.host = endpoint.host();
  (endpoint.is_tls() ? message.tls_port : message.port) = endpoint.port();
  message.uris = std::move(uris);
  message.app = endpoint.app_id();
  message.private_instance_id = endpoint.instance_id();
  message.private_instance_index = endpoint.instance_index();
  message.server_cert_domain_san = endpoint.server_cert_domain_san();
  message.protocol = name_of(endpoint.protocol());
  message.route_service_url = endpoint.route_service_url();
  message.stale_threshold_in_seconds =
      std::chrono::duration_cast<std::chrono::seconds>(endpoint.stale_threshold()).count();
  message.isolation_segment = endpoint.isolation_segment();
  message.availability_zone = endpoint.availability_zone();
  endpoint.for_each_tag([&message](std::string_view name, std::string_view value) {
    message.tags.emplace(name, value);
  });
  if (endpoint.balancing()) message.loadbalancing = name_of(*endpoint.balancing());
  message.hash_header = endpoint.hash_header();
  message.hash_balance = endpoint.hash_balance();
  return message;
}

Subscriber::Subscriber(RouteBook& book, const Clock& clock, const log::Logger& logger,
                       metrics::Registry& registry, std::vector<double> latency_bounds_ms)
    : book_(book),
      clock_(clock),
      logger_(logger.session("subscriber")),
      registry_(logger.session("registry")),
      metrics_(registry),
      malformed_(registry.counter("registry_messages_malformed",
                                  "Route messages that were dropped because they are not valid")),
      refused_(registry.counter("registry_messages_refused",
                                "Routes that were refused because of a limit")),
      latency_ms_(
          registry.histogram("route_registration_latency",
                             "Milliseconds from the change of an endpoint to its registration here",
                             std::move(latency_bounds_ms))) {
  registry.histogram_view("route_registration_latency_seconds",
                          "From the change of an endpoint to its registration here.",
                          "route_registration_latency", 1e3);
  book_.on_applied([this](const RouteBook::Applied& result, const EndpointSpec& spec) {
    applied(result, spec);
  });
}

void Subscriber::take(std::string_view subject, std::string_view payload, Duration age) {
  const bool adds = subject == "router.register";
  if (!adds && subject != "router.unregister") return;
  Result<cf::RegistryMessage> message = cf::parse_registry_message(payload);
  if (!message) return malformed(subject, payload, message.error().detail);
  const auto kind = adds ? RouteChange::Kind::add : RouteChange::Kind::remove;
  const std::string algorithm = message->loadbalancing;
  const std::string_view wrong = to_change(std::move(message).value(), kind, change_);
  if (is_http1_only_) change_.endpoint.protocol = Protocol::http1;
  if (!wrong.empty() && adds) {
    logger_.error("invalid-load-balancing-algorithm",
                  {{"algorithm", algorithm},
                   {"error", wrong},
                   {"uri", change_.uris.empty() ? "" : change_.uris.front().c_str()}});
  }
  change_.age = age;
  book_.apply(change_);
}

void Subscriber::malformed(std::string_view subject, std::string_view payload,
                           std::string_view reason) {
  malformed_.add();
  logger_.error("validation-error", {{"subject", subject},
                                     {"error", reason},
                                     {"payload", payload.substr(0, kLoggedPayloadBytes)}});
}

Subscriber::OfComponent& Subscriber::of_component(std::string_view component) {
  auto found = components_.find(component);
  if (found != components_.end()) return found->second;
  const std::string name(components_.size() < kComponentsMax ? component : "other");
  found = components_.find(name);
  if (found != components_.end()) return found->second;
  const auto registered = [&](const char* action) {
    return &metrics_.counter("registry_message", "Registrations, by uri",
                             {{"component", name}, {"action", action}});
  };
  const OfComponent counters{
      registered("endpoint-added"), registered("endpoint-updated"),
      registered("endpoint-unmodified"),
      &metrics_.counter("unregistry_message", "Withdrawals, by uri", {{"component", name}})};
  return components_.emplace(name, counters).first->second;
}

void Subscriber::applied(const RouteBook::Applied& result, const EndpointSpec& spec) {
  const auto component = spec.tags.find("component");
  OfComponent& counters =
      of_component(component == spec.tags.end() ? std::string_view() : component->second);
  switch (result.outcome) {
    case Outcome::added:
      counters.added->add();
      if (result.is_route_edge) registry_.info("route-registered", {{"uri", result.key}});
      log_endpoint(log::Level::info, "endpoint-registered", result.key, spec);
      if (spec.updated_at_ns > 0) {
        latency_ms_.observe(static_cast<double>(clock_.wall().unix_ns - spec.updated_at_ns) / 1e6);
      }
      break;
    case Outcome::updated:
      counters.updated->add();
      log_endpoint(log::Level::debug, "endpoint-registered", result.key, spec);
      break;
    case Outcome::refreshed:
      counters.unmodified->add();
      log_endpoint(log::Level::debug, "endpoint-registered", result.key, spec);
      break;
    case Outcome::outdated:
      counters.unmodified->add();
      break;
    case Outcome::removed:
      counters.unregistered->add();
      log_endpoint(log::Level::info, "endpoint-unregistered", result.key, spec);
      if (result.is_route_edge) registry_.info("route-unregistered", {{"uri", result.key}});
      break;
    case Outcome::not_found:
      counters.unregistered->add();
      log_endpoint(log::Level::debug, "endpoint-not-unregistered", result.key, spec);
      break;
    case Outcome::out_of_shard:
      break;
    case Outcome::refused:
      refused_.add();
      log_endpoint(log::Level::error, "endpoint-refused", result.key.substr(0, kLoggedPayloadBytes),
                   spec);
      break;
  }
}

void Subscriber::log_endpoint(log::Level level, std::string_view message, std::string_view key,
                              const EndpointSpec& spec) {
  if (!registry_.enabled(level)) return;
  const std::string backend = spec.host + ":" + std::to_string(spec.port);
  const std::string tag =
      spec.modification_tag.guid + ":" + std::to_string(spec.modification_tag.index);
  const log::Fields fields{{"uri", key},
                           {"route_service_url", spec.route_service_url},
                           {"backend", backend},
                           {"application_id", spec.app_id},
                           {"instance_id", spec.instance_id},
                           {"server_cert_domain_san", spec.server_cert_domain_san},
                           {"protocol", name_of(spec.protocol)},
                           {"modification_tag", tag},
                           {"isolation_segment", or_dash(spec.isolation_segment)},
                           {"isTLS", spec.tls}};
  switch (level) {
    case log::Level::debug:
      return registry_.debug(message, fields);
    case log::Level::info:
      return registry_.info(message, fields);
    case log::Level::warn:
      return registry_.warn(message, fields);
    case log::Level::error:
      return registry_.error(message, fields);
  }
}

}  // namespace causeway::router
