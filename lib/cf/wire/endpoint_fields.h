#pragma once

// Internal to lib/cf/wire: what registrations of HTTP and of TCP routes say alike of an instance.
// `Message` has members of these names.

#include "cf/wire/json_fields.h"

namespace causeway::cf {

template <class Message>
void write_instance(SparseMembers& members, const Message& message) {
  members.text("app", message.app);
  members.text("private_instance_id", message.private_instance_id);
  members.text("private_instance_index", message.private_instance_index);
  members.text("server_cert_domain_san", message.server_cert_domain_san);
  members.text("isolation_segment", message.isolation_segment);
  members.text("availability_zone", message.availability_zone);
  members.number("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  members.number("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
}

template <class Message>
void read_endpoint(const JsonFields& fields, Message& message) {
  fields.read("host", message.host);
  fields.read_whole("port", message.port);
  fields.read_whole("tls_port", message.tls_port);
  fields.read("app", message.app);
  fields.read("private_instance_id", message.private_instance_id);
  fields.read("private_instance_index", message.private_instance_index);
  fields.read("server_cert_domain_san", message.server_cert_domain_san);
  fields.read("isolation_segment", message.isolation_segment);
  fields.read("availability_zone", message.availability_zone);
  fields.read_whole("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  fields.read_whole("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
}

template <class Message>
void check_endpoint(const Message& message, WireFault& fault) {
  if (message.host.empty()) fault.note("", "host", "missing");
  if (message.port == 0 && message.tls_port == 0) fault.note("", "port", "missing");
}

}  // namespace causeway::cf
