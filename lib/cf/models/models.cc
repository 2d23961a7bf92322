#include "cf/models/models.h"

#include <climits>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include "base/check.h"

namespace causeway::cf {

void set_always_written(models::ActualLRP& lrp) {
  lrp.mutable_actual_lrp_key();
  lrp.mutable_actual_lrp_instance_key();
  lrp.mutable_actual_lrp_net_info();
  lrp.mutable_modification_tag();
}

void set_always_written(models::ActualLRPInfo& info) {
  info.mutable_actual_lrp_net_info();
  info.mutable_modification_tag();
}

void set_always_written(models::ActualLRPInstanceChangedEvent& event) {
  event.mutable_actual_lrp_key();
  event.mutable_actual_lrp_instance_key();
  if (event.has_before()) set_always_written(*event.mutable_before());
  if (event.has_after()) set_always_written(*event.mutable_after());
}

void set_always_written(models::ActualLRPCrashedEvent& event) {
  event.mutable_actual_lrp_key();
  event.mutable_actual_lrp_instance_key();
}

void set_always_written(models::DesiredLRPSchedulingInfo& lrp) {
  lrp.mutable_desired_lrp_key();
  lrp.mutable_desired_lrp_resource();
  lrp.mutable_routes();
  lrp.mutable_modification_tag();
}

std::string encode(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    CHECK(message.SerializeToCodedStream(&coded));
  }
  return bytes;
}

bool decode(std::string_view bytes, google::protobuf::MessageLite& message) {
  if (bytes.size() > INT_MAX) return false;
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace causeway::cf
