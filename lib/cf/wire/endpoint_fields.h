#pragma once

// Internal to lib/cf/wire: what registrations of HTTP and of TCP routes say alike of an instance.
// `Message` has members of these names.

#include <string_view>
#include <type_traits>

#include "cf/wire/json_fields.h"

namespace causeway::cf {

// Calls visit(name, member) for each but its address.
template <class Message, class Visit>
void visit_instance(Message& message, Visit visit) {
  visit("app", message.app);
  visit("private_instance_id", message.private_instance_id);
  visit("private_instance_index", message.private_instance_index);
  visit("server_cert_domain_san", message.server_cert_domain_san);
  visit("isolation_segment", message.isolation_segment);
  visit("availability_zone", message.availability_zone);
  visit("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  visit("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
}

template <class Message>
void write_instance(SparseMembers& members, const Message& message) {
  visit_instance(message, [&members](std::string_view name, const auto& member) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(member)>>) {
      members.number(name, member);
    } else {
      members.text(name, member);
    }
  });
}

template <class Message>
void read_endpoint(const JsonFields& fields, Message& message) {
  fields.read("host", message.host);
  fields.read_whole("port", message.port);
  fields.read_whole("tls_port", message.tls_port);
  visit_instance(message, [&fields](std::string_view name, auto& member) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(member)>>) {
      fields.read_whole(name, member);
    } else {
      fields.read(name, member);
    }
  });
}

template <class Message>
void check_endpoint(const Message& message, WireFault& fault) {
  if (message.host.empty()) fault.note("", "host", "missing");
  if (message.port == 0 && message.tls_port == 0) fault.note("", "port", "missing");
}

}  // namespace causeway::cf
