#include "bench/platform_load/subscribers.h"

#include <algorithm>
#include <variant>

#include "cf/models/models.h"
#include "diego/bbs_events.h"

namespace causeway::platform {
namespace {

constexpr size_t decoders = 4;
constexpr size_t opening = 100;  // at the same time

}  // namespace

Subscribers::Subscribers(net::Loop& loop, const std::string& bbs_url, size_t count,
                         rpc::Identity* identity)
    : client_(loop, {.identity = identity}), followers_(count), bbs_url_(bbs_url) {
  for (size_t i = 0; i < std::min(count, opening); ++i) open_next();
}

void Subscribers::open_next() {
  if (begun_ == followers_.size()) return;
  const size_t i = begun_++;
  followers_[i].stream = client_.subscribe(
      {.url = bbs_url_ + "/v1/events/lrp_instances.r1"},
      {.on_open =
           [this] {
             ++opened_;
             open_next();
           },
       .on_event = [this, i](auto id, auto event, auto data) { on_event(i, id, event, data); },
       .on_close =
           [this](const Error& error) {
             if (closed_++ == 0) why_closed_ = error.detail;
             open_next();
           }});
}

void Subscribers::expect(const std::string& instance_guid) {
  expected_[instance_guid] = std::chrono::steady_clock::now();
}

void Subscribers::on_event(size_t follower, std::string_view id, std::string_view event,
                           std::string_view data) {
  ++events_;
  Follower& of = followers_[follower];
  if (id != std::to_string(of.next_id++)) ++gaps_;
  if (follower >= decoders) return;
  const auto decoded = diego::decode_lrp_event(event, data);
  if (!decoded || !*decoded) {
    ++gaps_;
    return;
  }
  const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&**decoded);
  if (changed == nullptr) return;
  const auto expected = expected_.find(changed->actual_lrp_instance_key().instance_guid());
  if (expected == expected_.end()) return;
  lag_.record(static_cast<uint64_t>((std::chrono::steady_clock::now() - expected->second).count()));
}

}  // namespace causeway::platform
