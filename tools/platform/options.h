#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace causeway::platform {

// The ports of a platform on one machine. All on loopback but those where the router serves apps.
struct Ports {
  uint16_t router = 8081;
  uint16_t router_tls = 8443;  // with certificates only; on every interface too
  uint16_t router_status = 8080;
  uint16_t router_routes = 8082;
  uint16_t router_metrics = 8083;
  uint16_t bbs = 8889;
  uint16_t bbs_health = 8890;
  uint16_t auctioneer = 9016;
  uint16_t auctioneer_health = 9017;
  uint16_t rep = 1801;
  uint16_t rep_admin = 1800;
  uint16_t route_emitter_health = 17011;
  uint16_t nats = 4222;
  uint16_t redis = 6379;
};

// For mutual TLS between all processes, and for the router's https: files as tools/dev-certs lays
// them out, and what of them stands in configuration files as text. A value.
struct Certificates {
  std::string folder;  // ca.pem, and ROLE.pem and ROLE.key of each process and of the operator
  std::string authority, router_certificate, router_key;  // PEM
};

// What a platform on one machine is made from. A value.
struct Options {
  std::string state_dir;   // configuration, logs, data: everything the platform writes
  std::string bin_dir;     // our binaries
  std::string rootfs_dir;  // the preloaded root file system of the cell
  std::string cell_id = "cell-1";
  uint32_t router_workers = 0;  // 0: one per core
  Ports ports;
  std::optional<Certificates> certificates = {};  // absent: plain text on loopback
};

}  // namespace causeway::platform
