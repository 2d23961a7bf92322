#include "bench/load/backend/backend_act.h"

#include <array>

#include "bench/load/measure/quantity.h"

namespace causeway::load {
namespace {

struct ActName {
  std::string_view name;
  BackendAct::Kind kind;
};

constexpr std::array<ActName, 11> act_names{{{"bytes", BackendAct::Kind::bytes},
                                             {"chunked", BackendAct::Kind::chunked},
                                             {"trailers", BackendAct::Kind::trailers},
                                             {"delay", BackendAct::Kind::delayed},
                                             {"drip", BackendAct::Kind::drip},
                                             {"reset", BackendAct::Kind::reset},
                                             {"cut", BackendAct::Kind::cut},
                                             {"half", BackendAct::Kind::half_open},
                                             {"hang", BackendAct::Kind::hang},
                                             {"status", BackendAct::Kind::status},
                                             {"echo", BackendAct::Kind::echo}}};

std::string_view next_segment(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool read_act(BackendAct& act, std::string_view rest) {
  const bool wants_time =
      act.kind == BackendAct::Kind::delayed || act.kind == BackendAct::Kind::drip;
  const bool wants_nothing = act.kind == BackendAct::Kind::half_open ||
                             act.kind == BackendAct::Kind::hang ||
                             act.kind == BackendAct::Kind::echo;
  if (!wants_nothing && act.kind != BackendAct::Kind::delayed) {
    const auto number = parse_bytes(next_segment(rest));
    if (!number) return false;
    act.bytes = *number;
  }
  if (wants_time) {
    const auto time = parse_duration(next_segment(rest));
    if (!time) return false;
    act.time = *time;
  }
  if (act.kind == BackendAct::Kind::status) {
    if (act.bytes < 200 || act.bytes > 599) return false;
    act.status = static_cast<uint16_t>(act.bytes);
    act.bytes = 0;
  }
  return rest.empty() || rest == "/";
}

}  // namespace

BackendAct act_of(std::string_view target) {
  std::string_view rest = target.substr(0, target.find('?'));
  const std::string_view name = next_segment(rest);
  for (const ActName& known : act_names) {
    if (known.name != name) continue;
    BackendAct act{.kind = known.kind};
    return read_act(act, rest) ? act : BackendAct{.kind = BackendAct::Kind::unknown};
  }
  return {};
}

}  // namespace causeway::load
