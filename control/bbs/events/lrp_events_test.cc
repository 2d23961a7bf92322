#include "control/bbs/events/lrp_events.h"

#include <gtest/gtest.h>

#include "cf/models/models.h"

namespace causeway::bbs {
namespace {

models::ActualLRP instance_row(const std::string& state, const std::string& name,
                               Presence presence = models::ActualLRP::ORDINARY,
                               uint32_t version = 0) {
  models::ActualLRP row;
  row.set_state(state);
  row.set_presence(presence);
  row.mutable_modification_tag()->set_index(version);
  if (!name.empty()) {
    row.mutable_actual_lrp_instance_key()->set_instance_guid(name);
    row.mutable_actual_lrp_instance_key()->set_cell_id("cell-" + name);
  }
  return row;
}

std::string names_of(const IndexRows& before, const IndexRows& after) {
  std::string names;
  for (const auto& event : index_events(before, after, "trace")) {
    std::string name(event_name(event));
    name.erase(0, std::string("actual_lrp_instance_").size());
    if (const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&event))
      name += "@" + changed->actual_lrp_instance_key().instance_guid();
    if (const auto* created = std::get_if<models::ActualLRPInstanceCreatedEvent>(&event))
      name += "@" + created->actual_lrp().actual_lrp_instance_key().instance_guid();
    if (const auto* removed = std::get_if<models::ActualLRPInstanceRemovedEvent>(&event))
      name += "@" + removed->actual_lrp().actual_lrp_instance_key().instance_guid();
    names += (names.empty() ? "" : " ") + name;
  }
  return names;
}

TEST(LrpEvents, of_one_index) {
  const auto suspect = models::ActualLRP::SUSPECT;
  const auto evacuating = models::ActualLRP::EVACUATING;
  const IndexRows none;
  const IndexRows unclaimed{
      .ordinary = instance_row("UNCLAIMED", ""), .evacuating = {}, .suspect = {}};
  const IndexRows claimed{
      .ordinary = instance_row("CLAIMED", "a"), .evacuating = {}, .suspect = {}};
  const IndexRows running{
      .ordinary = instance_row("RUNNING", "a"), .evacuating = {}, .suspect = {}};
  EXPECT_EQ(names_of(none, none), "");
  EXPECT_EQ(names_of(running, running), "");
  EXPECT_EQ(names_of(none, unclaimed), "created@");
  EXPECT_EQ(names_of(running, none), "removed@a");
  EXPECT_EQ(names_of(unclaimed, claimed), "changed@a");
  EXPECT_EQ(names_of(claimed, running), "changed@a");
  EXPECT_EQ(names_of(running, unclaimed), "created@ removed@a") << "another instance will be there";
  const IndexRows crashed{.ordinary = instance_row("CRASHED", ""), .evacuating = {}, .suspect = {}};
  EXPECT_EQ(names_of(running, crashed), "changed@a") << "keyed by who it was";
  const IndexRows taken{.ordinary = instance_row("RUNNING", "b"), .evacuating = {}, .suspect = {}};
  EXPECT_EQ(names_of(claimed, taken), "changed@b");

  const IndexRows aside{.ordinary = instance_row("UNCLAIMED", ""),
                        .evacuating = {},
                        .suspect = instance_row("RUNNING", "a", suspect)};
  EXPECT_EQ(names_of(running, aside), "changed@a created@");
  const IndexRows replaced{.ordinary = instance_row("CLAIMED", "b"),
                           .evacuating = {},
                           .suspect = instance_row("RUNNING", "a", suspect)};
  EXPECT_EQ(names_of(replaced, taken), "changed@b removed@a")
      << "the new one is there before the old one goes";
  EXPECT_EQ(names_of(replaced, running), "changed@a removed@b");
  const IndexRows leaving{.ordinary = instance_row("UNCLAIMED", ""),
                          .evacuating = instance_row("RUNNING", "a", evacuating),
                          .suspect = {}};
  EXPECT_EQ(names_of(running, leaving), "changed@a created@");
  EXPECT_EQ(names_of(leaving, taken), "changed@b removed@a");
}

TEST(LrpEvents, subscribers_of_a_cell_see_what_concerns_it) {
  const auto events =
      index_events({.ordinary = instance_row("RUNNING", "a"), .evacuating = {}, .suspect = {}},
                   {.ordinary = instance_row("CRASHED", ""), .evacuating = {}, .suspect = {}}, "");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(concerns_cell(events[0], "cell-a"));
  EXPECT_TRUE(concerns_cell(events[0], ""));
  EXPECT_FALSE(concerns_cell(events[0], "cell-b"));
  EXPECT_TRUE(concerns_cell(models::DesiredLRPRemovedEvent(), "cell-b"));
}

TEST(LrpEvents, crashes_come_first) {
  ProcessState before;
  before.indexes[0].ordinary = instance_row("RUNNING", "a");
  Verdict verdict;
  verdict.after.indexes[0].ordinary = instance_row("UNCLAIMED", "");
  verdict.crashed.emplace_back();
  const auto events = events_of(before, verdict, "t");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(event_name(events[0]), "actual_lrp_crashed");
  EXPECT_EQ(encode_event(events[0]).substr(0, 4), std::string("\x0a\x00\x12\x00", 4))
      << "always written";
}

}  // namespace
}  // namespace causeway::bbs
