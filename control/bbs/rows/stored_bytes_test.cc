#include "control/bbs/rows/stored_bytes.h"

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/rows/rows.h"

namespace causeway::bbs {
namespace {

models::ActualLRP stored_instance() {
  models::ActualLRP lrp;
  lrp.mutable_actual_lrp_key()->set_process_guid("p");
  lrp.mutable_actual_lrp_key()->set_index(300);
  lrp.mutable_actual_lrp_key()->set_domain("d");
  lrp.mutable_actual_lrp_instance_key()->set_instance_guid("i");
  lrp.mutable_actual_lrp_instance_key()->set_cell_id("c");
  lrp.set_state("RUNNING");
  lrp.set_since(-1);
  lrp.mutable_actual_lrp_net_info()->add_ports()->set_host_port(60'000);
  (*lrp.mutable_metric_tags())["a"] = "b";
  cf::set_always_written(lrp);
  return lrp;
}

TEST(StoredBytes, an_instance_is_known_without_decoding_it) {
  const std::string row = encode_row(stored_instance());
  const auto found = look_into_actual(row);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->process_guid, "p");
  EXPECT_EQ(found->index, 300);
  EXPECT_EQ(found->domain, "d");
  EXPECT_EQ(found->cell_id, "c");
  std::string list;
  append_message(list, models::ActualLRPsResponse::kActualLrpsFieldNumber, found->message);
  models::ActualLRPsResponse response;
  ASSERT_TRUE(cf::decode(list, response));
  EXPECT_EQ(cf::encode(response.actual_lrps(0)), cf::encode(stored_instance()));

  models::ActualLRP bare;
  cf::set_always_written(bare);
  const auto nobody = look_into_actual(encode_row(bare));
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->cell_id, "");
  EXPECT_EQ(nobody->index, 0);
}

TEST(StoredBytes, a_desired_lrp_is_put_together_from_its_parts) {
  models::DesiredLRP lrp;
  lrp.set_process_guid("p");
  lrp.set_domain("d");
  lrp.set_instances(3);
  lrp.set_annotation(std::string(300, 'x'));
  lrp.mutable_action()->mutable_run_action()->set_path("/bin/app");
  for (const char* driver : {"nfs", "smb"}) {
    models::VolumeMount& mount = *lrp.add_volume_mounts();
    mount.set_driver(driver);
    mount.set_container_dir("/data");
  }
  (*lrp.mutable_routes()->mutable_routes())["r"] = "{}";
  const DesiredParts parts = split_desired(lrp);
  std::string answer;
  ASSERT_TRUE(append_whole_desired(answer, models::DesiredLRPResponse::kDesiredLrpFieldNumber,
                                   encode_row(parts.scheduling), encode_row(parts.run)));
  models::DesiredLRPResponse response;
  ASSERT_TRUE(cf::decode(answer, response));
  EXPECT_EQ(cf::encode(response.desired_lrp()), cf::encode(lrp));
  EXPECT_EQ(look_into_desired(encode_row(parts.scheduling))->domain, "d");
}

// Cut anywhere, or with any byte another: refused, or passed on as it is, never read past its end.
TEST(StoredBytes, broken_rows_are_refused) {
  const std::string row = encode_row(stored_instance());
  size_t refused = 0;
  for (size_t size = 0; size < row.size(); ++size) {
    const std::string cut(row.data(), size);
    refused += look_into_actual(cut) ? 0 : 1;
    std::string answer;
    if (!append_whole_desired(answer, 2, cut, "")) {
      EXPECT_EQ(answer, "");
    }
  }
  EXPECT_GT(refused, row.size() / 2);
  for (size_t at = 0; at < row.size(); ++at) {
    std::string other = row;
    other[at] = static_cast<char>(other[at] ^ 0x55);
    look_into_actual(other);
    look_into_desired(other);
  }
  EXPECT_FALSE(look_into_actual(""));
  EXPECT_FALSE(look_into_actual("\x02"));
  std::string answer;
  EXPECT_FALSE(append_whole_desired(answer, 2, row, "\x02"));
}

}  // namespace
}  // namespace causeway::bbs
