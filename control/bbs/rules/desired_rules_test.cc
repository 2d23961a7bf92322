#include "control/bbs/rules/desired_rules.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::bbs {
namespace {

const Moment kUpdated{2'000'000'000, "updated-epoch"};

// What is stored of p, whose logs come from `source`.
ProcessState desired_from(const std::string& source, const std::string& metrics_guid) {
  models::DesiredLRP lrp;
  lrp.set_process_guid("p");
  lrp.set_domain("d");
  lrp.set_instances(1);
  lrp.set_metrics_guid(metrics_guid);
  if (!source.empty()) (*lrp.mutable_metric_tags())["source_id"].set_static_(source);
  return desire({}, lrp, kUpdated).after;
}

std::string guid_after(const ProcessState& state, const std::string& tag,
                       const std::string& value) {
  models::DesiredLRPUpdate change;
  (*change.mutable_metric_tags())[tag].set_static_(value);
  const Verdict verdict = update(state, change, kUpdated);
  EXPECT_FALSE(verdict.refusal);
  return verdict.after.run->metrics_guid();
}

TEST(DesiredRules, the_metrics_guid_follows_the_source_and_outlives_it) {
  EXPECT_EQ(guid_after(desired_from("app", ""), "source_id", "other"), "other");
  EXPECT_EQ(guid_after(desired_from("app", "app"), "source_id", "other"), "other");
  EXPECT_EQ(guid_after(desired_from("", ""), "source_id", "other"), "other");
  EXPECT_EQ(guid_after(desired_from("app", "app"), "process_type", "web"), "app")
      << "an update without a source says nothing of it";
  EXPECT_EQ(guid_after(desired_from("", "app"), "process_type", "web"), "app");
}

TEST(DesiredRules, an_update_of_what_has_lost_its_large_row_is_refused) {
  ProcessState state = desired_from("app", "app");
  state.run.reset();
  models::DesiredLRPUpdate change;
  change.set_instances(2);
  const Verdict verdict = update(state, change, kUpdated);
  ASSERT_TRUE(verdict.refusal);
  EXPECT_EQ(verdict.refusal->type, models::Error::Deserialize);
  EXPECT_EQ(verdict.refusal->message, "could not deserialize record");
}

}  // namespace
}  // namespace causeway::bbs
