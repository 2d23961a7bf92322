#pragma once

#include <cstdint>
#include <string>

namespace causeway::platform {

// The ports of a platform on one machine. All on loopback but `router`, which serves apps on every
// interface.
struct Ports {
  uint16_t router = 8081;
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

// What a platform on one machine is made from. A value.
struct Options {
  std::string state_dir;   // configuration, logs, data: everything the platform writes
  std::string bin_dir;     // our binaries
  std::string rootfs_dir;  // the preloaded root file system of the cell
  std::string cell_id = "cell-1";
  uint32_t router_workers = 0;  // 0: one per core
  Ports ports;
};

}  // namespace causeway::platform
