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

bool read_request(std::string_view request, Started& found) {
  using Request = models::StartActualLRPRequest;
  return each_field(request,
                    [&found](const WireField& field) {
                      switch (field.number) {
                        case Request::kActualLrpKeyFieldNumber:
                          return found.take(found.key, field);
                        case Request::kActualLrpInstanceKeyFieldNumber:
                          return found.take(found.instance, field);
                        case Request::kActualLrpNetInfoFieldNumber:
                          return found.take(found.net_info, field);
                        case Request::kActualLrpInternalRoutesFieldNumber:
                          return found.take(found.routes, field);
                        case Request::kMetricTagsFieldNumber:
                          return found.take(found.tags, field);
                        case Request::kRoutableFieldNumber:
                          return found.take_routable(field);
                        case Request::kAvailabilityZoneFieldNumber:
                          return found.take(found.zone, field);
                        default:
                          found.is_plain = false;
                      }
                    }) &&
         found.is_plain;
}

bool read_row(std::string_view row, Started& found) {
  const auto message = row_message(row);
  if (!message) return false;
  using Row = models::ActualLRP;
  return each_field(*message,
                    [&found](const WireField& field) {
                      switch (field.number) {
                        case Row::kActualLrpKeyFieldNumber:
                          return found.take(found.key, field);
                        case Row::kActualLrpInstanceKeyFieldNumber:
                          return found.take(found.instance, field);
                        case Row::kActualLrpNetInfoFieldNumber:
                          return found.take(found.net_info, field);
                        case Row::kActualLrpInternalRoutesFieldNumber:
                          return found.take(found.routes, field);
                        case Row::kMetricTagsFieldNumber:
                          return found.take(found.tags, field);
                        case Row::kRoutableFieldNumber:
                          return found.take_routable(field);
                        case Row::kAvailabilityZoneFieldNumber:
                          return found.take(found.zone, field);
                        case Row::kStateFieldNumber:
                          return found.take(found.state, field);
                        case Row::kPlacementErrorFieldNumber:
                          found.is_plain = false;  // a start takes it away
                          return;
                        default:  // stays as it is
                          return;
                      }
                    }) &&
         found.is_plain;
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
