// causeway-placement: how well and how fast placing does.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "bench/placement/placement_report.h"

int main(int argc, char** argv) {
  causeway::placement::Foundation foundation;
  CLI::App app("how well and how fast the auctioneer places, on cells and apps made from a seed");
  app.add_option("--cells", foundation.cells)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--zones", foundation.zones)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--cell-memory", foundation.cell_memory_mb, "MB")->capture_default_str();
  app.add_option("--cell-containers", foundation.cell_containers)->capture_default_str();
  app.add_option("--instances", foundation.instances)->capture_default_str();
  app.add_option("--round", foundation.round, "instances placed at once")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--bin-pack-weight", foundation.bin_pack_weight)->capture_default_str();
  app.add_option("--seed", foundation.seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto report = causeway::placement::place_all(foundation);
  std::fputs(to_text(foundation, report).c_str(), stdout);
  return 0;
}
