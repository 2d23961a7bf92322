#include "cf/models/models.h"

#include <gtest/gtest.h>

namespace causeway::cf {
namespace {

using namespace std::string_literals;

TEST(Models, empty_sub_messages_that_diego_always_writes_are_two_bytes) {
  models::ActualLRP lrp;
  EXPECT_EQ(encode(lrp), "");
  set_always_written(lrp);
  EXPECT_EQ(encode(lrp), "\x0a\x00\x12\x00\x1a\x00\x4a\x00"s);

  models::DesiredLRPSchedulingInfo info;
  set_always_written(info);
  EXPECT_EQ(encode(info), "\x0a\x00\x22\x00\x2a\x00\x32\x00"s);

  models::ActualLRPInstanceChangedEvent changed;
  changed.mutable_before();
  set_always_written(changed);
  EXPECT_EQ(encode(changed), "\x0a\x00\x12\x00\x1a\x04\x1a\x00\x4a\x00"s);
}

TEST(Models, ports_are_written_unpacked_and_read_either_way) {
  models::DesiredLRP lrp;
  lrp.add_ports(1);
  lrp.add_ports(2);
  EXPECT_EQ(encode(lrp), "\x70\x01\x70\x02"s);
  models::DesiredLRP packed;
  ASSERT_TRUE(decode("\x72\x02\x01\x02"s, packed));
  EXPECT_EQ(packed.ports_size(), 2);
  EXPECT_EQ(encode(packed), encode(lrp));
}

TEST(Models, optional_fields_tell_zero_from_absent) {
  models::DesiredLRPUpdate update;
  EXPECT_FALSE(update.has_instances());
  ASSERT_TRUE(decode("\x08\x00"s, update));
  EXPECT_TRUE(update.has_instances());
  EXPECT_EQ(update.instances(), 0);
  EXPECT_EQ(encode(update), "\x08\x00"s);
}

TEST(Models, equal_routes_have_equal_bytes) {
  models::ProtoRoutes forward, backward;
  for (char name = 'a'; name <= 'z'; ++name)
    (*forward.mutable_routes())[std::string(1, name)] = "{}";
  for (char name = 'z'; name >= 'a'; --name)
    (*backward.mutable_routes())[std::string(1, name)] = "{}";
  EXPECT_EQ(encode(forward), encode(backward));
}

TEST(Models, bytes_that_are_no_message_are_refused) {
  models::DesireLRPRequest request;
  EXPECT_FALSE(decode("\x0a\x05zz", request));
  EXPECT_FALSE(decode("not a message", request));
  EXPECT_TRUE(decode("", request));
}

}  // namespace
}  // namespace causeway::cf
