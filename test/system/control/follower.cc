#include "test/system/control/follower.h"

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

namespace causeway::platform {

using namespace std::chrono_literals;

Follower::Follower(net::Loop& loop, std::string bbs_url)
    : client_(loop), url_(std::move(bbs_url)), retry_(loop) {
  subscribe();
}

void Follower::subscribe() {
  stream_ = client_.subscribe({.url = url_ + "/v1/events/lrp_instances.r1"},
                              {.on_open = [this] { read(); },
                               .on_event = [this](auto, auto type, auto data) { hear(type, data); },
                               .on_close =
                                   [this](const Error&) {
                                     ++cuts_;
                                     retry_.once(100ms, [this] { subscribe(); });
                                   }});
}

void Follower::read() {
  early_.clear();
  is_reading_ = true;
  client_.send({.url = url_ + "/v1/actual_lrps/list", .timeout = 5s},
               [this, number = ++reads_](const Result<rpc::Reply>& reply) {
                 if (number != reads_) return;
                 is_reading_ = false;
                 models::ActualLRPsResponse response;
                 if (!reply || !cf::decode(reply->body, response) || response.has_error()) {
                   retry_.once(100ms, [this] { subscribe(); });
                   return;
                 }
                 running_.clear();
                 for (const auto& row : response.actual_lrps())
                   note(row.actual_lrp_key(), row.actual_lrp_instance_key(), row.state());
                 for (const auto& event : early_) apply(event);
               });
}

void Follower::hear(std::string_view type, std::string_view data) {
  const auto event = diego::decode_lrp_event(type, data);
  ASSERT_TRUE(event && *event) << type;
  if (is_reading_) {
    early_.push_back(**event);
  } else {
    apply(**event);
  }
}

void Follower::apply(const diego::LrpEvent& event) {
  if (const auto* created = std::get_if<models::ActualLRPInstanceCreatedEvent>(&event))
    note(created->actual_lrp().actual_lrp_key(), created->actual_lrp().actual_lrp_instance_key(),
         created->actual_lrp().state());
  if (const auto* removed = std::get_if<models::ActualLRPInstanceRemovedEvent>(&event))
    note(removed->actual_lrp().actual_lrp_key(), removed->actual_lrp().actual_lrp_instance_key(),
         "");
  if (const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&event))
    note(changed->actual_lrp_key(), changed->actual_lrp_instance_key(), changed->after().state());
}

void Follower::note(const models::ActualLRPKey& key, const models::ActualLRPInstanceKey& instance,
                    const std::string& state) {
  const std::tuple name{key.process_guid(), key.index(), instance.instance_guid()};
  if (state == cf::kRunning) {
    running_.insert(name);
  } else {
    running_.erase(name);
  }
}

}  // namespace causeway::platform
