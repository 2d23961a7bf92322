#include "redis/slot_map.h"

#include <algorithm>
#include <charconv>

namespace causeway::redis {

namespace {

// CRC16-CCITT (XMODEM), bit by bit: keys are short, and tags one or two characters.
uint16_t crc16(std::string_view text) {
  uint16_t crc = 0;
  for (const char c : text) {
    crc = static_cast<uint16_t>(crc ^ static_cast<unsigned char>(c) << 8);
    for (int bit = 0; bit < 8; ++bit)
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Error bad_slots() {
  return {.fault = Fault::protocol,
          .side = Side::backend,
          .detail = "CLUSTER SLOTS: not the expected reply"};
}

}  // namespace

uint16_t slot_of(std::string_view key) {
  const size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1)
      key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

Result<SlotMap> SlotMap::parse(const Value& reply, const std::string& asked) {
  if (reply.kind != Kind::array) return bad_slots();
  SlotMap map;
  for (const Value& range : reply.items) {
    // First slot, last slot, the primary, replicas; a node is host, port, id.
    if (range.items.size() < 3 || range.items[2].items.size() < 2) return bad_slots();
    const int64_t first = range.items[0].integer, last = range.items[1].integer;
    const Value& host = range.items[2].items[0];
    const int64_t port = range.items[2].items[1].integer;
    if (first < 0 || last >= kSlots || first > last || port < 1 || port > UINT16_MAX)
      return bad_slots();
    const bool is_known = host.kind == Kind::string && !host.text.empty() && host.text != "?";
    const Node node{is_known ? host.text : asked, static_cast<uint16_t>(port)};
    std::fill(map.slots_.begin() + first, map.slots_.begin() + last + 1, map.number_of(node));
  }
  return map;
}

uint16_t SlotMap::number_of(const Node& node) {
  const auto known = std::find(nodes_.begin(), nodes_.end(), node);
  const auto number = static_cast<uint16_t>(known - nodes_.begin());
  if (known == nodes_.end()) nodes_.push_back(node);
  return number;
}

const Node* SlotMap::node_of(uint16_t slot) const {
  return slots_[slot] == kNobody ? nullptr : &nodes_[slots_[slot]];
}

void SlotMap::move(uint16_t slot, const Node& node) { slots_[slot] = number_of(node); }

bool SlotMap::is_complete() const {
  return std::find(slots_.begin(), slots_.end(), kNobody) == slots_.end();
}

std::vector<Node> SlotMap::nodes() const {
  std::vector<Node> serving;
  for (uint16_t number = 0; number < nodes_.size(); ++number) {
    if (std::find(slots_.begin(), slots_.end(), number) != slots_.end())
      serving.push_back(nodes_[number]);
  }
  return serving;
}

ClusterHealth parse_cluster_health(std::string_view text) {
  ClusterHealth health;
  constexpr std::string_view state = "cluster_state:", epoch = "cluster_current_epoch:";
  while (!text.empty()) {
    const size_t end = text.find_first_of("\r\n");
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(state)) health.is_ok = line.substr(state.size()) == "ok";
    if (line.starts_with(epoch))
      health.epoch = number_in<uint64_t>(line.substr(epoch.size())).value_or(0);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return health;
}

std::optional<Redirect> parse_redirect(std::string_view error) {
  Redirect redirect;
  if (error.starts_with("ASK ")) {
    redirect.is_ask = true;
  } else if (!error.starts_with("MOVED ")) {
    return std::nullopt;
  }
  error.remove_prefix(error.find(' ') + 1);
  const size_t space = error.find(' '), colon = error.rfind(':');
  if (space == std::string_view::npos || colon == std::string_view::npos || colon < space)
    return std::nullopt;
  const auto slot = number_in<uint16_t>(error.substr(0, space));
  const auto port = number_in<uint16_t>(error.substr(colon + 1));
  if (!slot || *slot >= kSlots || !port) return std::nullopt;
  redirect.slot = *slot;
  redirect.node = {std::string(error.substr(space + 1, colon - space - 1)), *port};
  return redirect;
}

}  // namespace causeway::redis
