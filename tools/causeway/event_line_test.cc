#include "tools/causeway/event_line.h"

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "tls/digest.h"

namespace causeway::cli {
namespace {

TEST(EventLine, says_who_changed_from_what_to_what) {
  models::ActualLRPInstanceChangedEvent event;
  event.mutable_actual_lrp_key()->set_process_guid("shop");
  event.mutable_actual_lrp_key()->set_index(2);
  event.mutable_actual_lrp_instance_key()->set_cell_id("cell-1");
  event.mutable_before()->set_state("CLAIMED");
  event.mutable_after()->set_state("RUNNING");
  const std::string data = tls::base64(cf::encode(event));
  EXPECT_EQ(event_line("actual_lrp_instance_changed", data, false),
            "actual_lrp_instance_changed shop/2 CLAIMED -> RUNNING on cell-1");
  EXPECT_EQ(event_line("actual_lrp_instance_changed", data, true),
            R"({"type":"actual_lrp_instance_changed","name":"shop/2","before":"CLAIMED",)"
            R"("after":"RUNNING","cell_id":"cell-1","data":")" +
                data + "\"}");
}

TEST(EventLine, crashes_carry_their_reason) {
  models::ActualLRPCrashedEvent event;
  event.mutable_actual_lrp_key()->set_process_guid("shop");
  event.set_crash_count(3);
  event.set_crash_reason("Exited with status 1");
  EXPECT_EQ(event_line("actual_lrp_crashed", tls::base64(cf::encode(event)), false),
            "actual_lrp_crashed shop/0 crash 3: Exited with status 1");
}

TEST(EventLine, what_cannot_be_read_is_said) {
  EXPECT_EQ(event_line("actual_lrp_crashed", "!!", false), "actual_lrp_crashed (cannot be read)");
  EXPECT_EQ(event_line("of_the_future", "", false), "of_the_future (cannot be read)");
  EXPECT_EQ(event_line("of_the_future", "AA==", true), R"({"type":"of_the_future","data":"AA=="})");
}

}  // namespace
}  // namespace causeway::cli
