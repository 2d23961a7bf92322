#include "control/route_emitter/lrp_values.h"

#include <utility>

#include "cf/models/models.h"

namespace causeway::route_emitter {
namespace {

Tag to_tag(const models::ModificationTag& tag) { return {tag.epoch(), tag.index()}; }

// Ports are uint32 on the wire; what is no port is none.
uint16_t to_port(uint32_t port) { return port <= 65535 ? static_cast<uint16_t>(port) : 0; }

MetricTag to_metric_tag(const models::MetricTagValue& value) {
  if (value.dynamic() == models::MetricTagValue::INDEX) return {MetricTag::Kind::index, {}};
  if (value.dynamic() == models::MetricTagValue::INSTANCE_GUID) {
    return {MetricTag::Kind::instance_guid, {}};
  }
  return {MetricTag::Kind::fixed, value.static_()};
}

void set_address(Instance& instance, const models::ActualLRPNetInfo& net, Reach reach) {
  const bool direct =
      net.preferred_address() == models::ActualLRPNetInfo::INSTANCE ||
      (net.preferred_address() == models::ActualLRPNetInfo::UNKNOWN && reach == Reach::direct);
  instance.host = direct ? net.instance_address() : net.address();
  instance.container_ip = net.instance_address();
  for (const models::PortMapping& mapping : net.ports()) {
    instance.ports.push_back(
        {mapping.container_port(), to_port(direct ? mapping.container_port() : mapping.host_port()),
         to_port(direct ? mapping.container_tls_proxy_port() : mapping.host_tls_proxy_port())});
  }
}

// ActualLRP and ActualLRPInfo name these fields alike.
template <class Row>
void set_state(Instance& instance, const Row& row, Reach reach) {
  instance.key.presence = row.presence();
  instance.tag = to_tag(row.modification_tag());
  instance.is_routable = row.state() == cf::kRunning && (!row.has_routable() || row.routable());
  instance.since_ns = row.since();
  instance.availability_zone = row.availability_zone();
  set_address(instance, row.actual_lrp_net_info(), reach);
}

void set_identity(Instance& instance, const models::ActualLRPKey& key,
                  const models::ActualLRPInstanceKey& instance_key) {
  instance.process_guid = key.process_guid();
  instance.index = key.index();
  instance.key.instance_guid = instance_key.instance_guid();
  instance.cell_id = instance_key.cell_id();
}

}  // namespace

Desired desired_of(const models::DesiredLRP& lrp, Serves serves, std::vector<Unrouted>& unrouted) {
  Desired desired;
  desired.process_guid = lrp.process_guid();
  desired.domain = lrp.domain();
  desired.log_guid = lrp.log_guid();
  desired.tag = tag_of(lrp);
  for (const auto& [name, value] : lrp.metric_tags()) {
    desired.metric_tags.emplace(name, to_metric_tag(value));
  }
  const auto read = [&](const char* router, bool is_served, auto parse, auto& target) {
    const auto found = lrp.routes().routes().find(router);
    if (found == lrp.routes().routes().end()) return;
    auto routes = parse(found->second);
    if (!routes) {
      unrouted.push_back({router, to_string(routes.error())});
    } else if (is_served) {
      target = *std::move(routes);
    } else if (!routes->empty()) {
      unrouted.push_back({router, {}});
    }
  };
  read("cf-router", true, parse_http_routes, desired.routes);
  read("tcp-router", serves.tcp, parse_tcp_routes, desired.tcp_routes);
  read("internal-router", serves.internal, parse_internal_routes, desired.internal_hostnames);
  return desired;
}

Tag tag_of(const models::DesiredLRP& lrp) { return to_tag(lrp.modification_tag()); }

Instance instance_of(const models::ActualLRP& lrp, Reach reach) {
  Instance instance;
  set_identity(instance, lrp.actual_lrp_key(), lrp.actual_lrp_instance_key());
  set_state(instance, lrp, reach);
  return instance;
}

Instance instance_of(const models::ActualLRPKey& key,
                     const models::ActualLRPInstanceKey& instance_key,
                     const models::ActualLRPInfo& state, Reach reach) {
  Instance instance;
  set_identity(instance, key, instance_key);
  set_state(instance, state, reach);
  return instance;
}

}  // namespace causeway::route_emitter
