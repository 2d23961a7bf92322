#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace causeway::placement {

// What is placed where. A value.
struct Foundation {
  uint64_t cells = 1000;
  unsigned zones = 3;
  int32_t cell_memory_mb = 65'536;
  int32_t cell_containers = 250;
  uint64_t instances = 100'000;
  uint64_t round = 10'000;  // instances that come at once
  uint64_t seed = 1;
  double bin_pack_weight = 0;
};

// Least, middle, most and standard deviation of some numbers.
struct Spread {
  double least = 0, middle = 0, most = 0, deviation = 0;
  static Spread of(std::vector<double> numbers);
};

struct Report {
  uint64_t placed = 0, processes = 0;
  std::map<std::string, uint64_t> failed;  // by reason
  Duration took{}, longest_round{};
  uint64_t rounds = 0;
  std::map<std::string, uint64_t> zones;  // instances in each
  Spread containers, memory_used, score;  // of cells; memory and score: 0 empty, 1 full
  // Of processes with several instances.
  uint64_t shared = 0;       // how many there are
  uint64_t same_cell = 0;    // with two of them in one cell, though there are more cells
  uint64_t zone_uneven = 0;  // with zones that differ by more than one
  uint64_t in_one_zone = 0;  // that a zone's end takes away
};

Report place_all(const Foundation& foundation);
std::string to_text(const Foundation& foundation, const Report& report);

}  // namespace causeway::placement
