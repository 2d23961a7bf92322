#include "control/bbs/rows/settled_start.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "actual_lrp.pb.h"
#include "actual_lrp_requests.pb.h"
#include "cf/models/models.h"
#include "control/bbs/rows/rows.h"
#include "control/bbs/rows/wire_fields.h"

namespace causeway::bbs {

namespace {

// What a start gives a row, as encoded. `is_plain`: nothing is there twice, or too often, or
// unexpected.
struct Started {
  // A field that may be there several times.
  struct Repeated {
    std::array<std::string_view, 16> values;
    size_t count = 0;
    auto begin() const { return values.begin(); }
    auto end() const { return values.begin() + count; }
    bool holds(std::string_view value) const { return std::find(begin(), end(), value) != end(); }
  };

  void take(std::string_view& once, const WireField& field) {
    is_plain &= field.kind == WireField::Kind::bytes && once.data() == nullptr;
    once = field.bytes;
  }
  void take(Repeated& values, const WireField& field) {
    is_plain &= field.kind == WireField::Kind::bytes && values.count < values.values.size();
    if (is_plain) values.values[values.count++] = field.bytes;
  }
  void take_routable(const WireField& field) {
    is_plain &= field.kind == WireField::Kind::number && routable == unsaid;
    routable = field.value;
  }

  static constexpr uint64_t unsaid = 2;
  std::string_view key, instance, net_info, zone, state;
  uint64_t routable = unsaid;
  Repeated routes, tags;
  bool is_plain = true;
};

// The numbers of those fields in a start and in a row.
struct FieldNumbers {
  int key, instance, net_info, routes, tags, routable, zone;
};
using Start = models::StartActualLRPRequest;
constexpr FieldNumbers kOfStart{
    Start::kActualLrpKeyFieldNumber,     Start::kActualLrpInstanceKeyFieldNumber,
    Start::kActualLrpNetInfoFieldNumber, Start::kActualLrpInternalRoutesFieldNumber,
    Start::kMetricTagsFieldNumber,       Start::kRoutableFieldNumber,
    Start::kAvailabilityZoneFieldNumber};
using Row = models::ActualLRP;
constexpr FieldNumbers kOfRow{
    Row::kActualLrpKeyFieldNumber,     Row::kActualLrpInstanceKeyFieldNumber,
    Row::kActualLrpNetInfoFieldNumber, Row::kActualLrpInternalRoutesFieldNumber,
    Row::kMetricTagsFieldNumber,       Row::kRoutableFieldNumber,
    Row::kAvailabilityZoneFieldNumber};

// Those fields of a message; `other` gets the rest.
template <class Other>
bool read_fields(std::string_view message, const FieldNumbers& numbers, Started& found,
                 Other other) {
  const auto visit = [&](const WireField& field) {
    const int number = field.number;
    if (number == numbers.key) return found.take(found.key, field);
    if (number == numbers.instance) return found.take(found.instance, field);
    if (number == numbers.net_info) return found.take(found.net_info, field);
    if (number == numbers.routes) return found.take(found.routes, field);
    if (number == numbers.tags) return found.take(found.tags, field);
    if (number == numbers.routable) return found.take_routable(field);
    if (number == numbers.zone) return found.take(found.zone, field);
    other(field);
  };
  return each_field(message, visit) && found.is_plain;
}

bool read_request(std::string_view request, Started& found) {
  return read_fields(request, kOfStart, found, [&](const WireField&) { found.is_plain = false; });
}

bool read_row(std::string_view row, Started& found) {
  const auto message = row_message(row);
  return message && read_fields(*message, kOfRow, found, [&](const WireField& field) {
           if (field.number == Row::kStateFieldNumber) found.take(found.state, field);
           // A start takes it away; the others stay as they are.
           if (field.number == Row::kPlacementErrorFieldNumber) found.is_plain = false;
         });
}

// Maps have no order.
bool same_set(const Started::Repeated& left, const Started::Repeated& right) {
  return left.count == right.count &&
         std::all_of(left.begin(), left.end(), [&](auto each) { return right.holds(each); }) &&
         std::all_of(right.begin(), right.end(), [&](auto each) { return left.holds(each); });
}

}  // namespace

bool is_settled_start(std::string_view row, std::string_view request) {
  Started is, shall;
  if (!read_row(row, is) || !read_request(request, shall)) return false;
  if (shall.routable == Started::unsaid) shall.routable = 1;
  return is.state == cf::kRunning && is.key == shall.key && is.instance == shall.instance &&
         is.net_info == shall.net_info && is.zone == shall.zone && is.routable == shall.routable &&
         std::equal(is.routes.begin(), is.routes.end(), shall.routes.begin(), shall.routes.end()) &&
         same_set(is.tags, shall.tags);
}

}  // namespace causeway::bbs
