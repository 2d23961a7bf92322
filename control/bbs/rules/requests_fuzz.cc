// Any bytes as any request of the API: refused, or understood, checked, and written again alike.
// The first byte says which. Rows are looked into as well, decoded or not.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cf/models/models.h"
#include "control/bbs/rows/rows.h"
#include "control/bbs/rows/stored_bytes.h"
#include "control/bbs/rules/validation.h"

namespace {

using namespace causeway;

template <class Request>
void try_request(std::string_view bytes) {
  Request request;
  if (!cf::decode(bytes, request)) return;
  bbs::Complaints complaints;
  check(request, complaints);
  if (!complaints.empty() && complaints.text().empty()) std::abort();
  // Written the same way twice: decisions compare bytes.
  const std::string once = cf::encode(request);
  Request again;
  if (!cf::decode(once, again) || cf::encode(again) != once) std::abort();
}

void try_rows(std::string_view bytes) {
  const std::string row = "\x01" + std::string(bytes);
  models::ActualLRP lrp;
  const auto looked = bbs::look_into_actual(row);
  // What can be decoded can be looked into, and is the same.
  if (bbs::decode_row(row, lrp)) {
    if (!looked) std::abort();
    const auto& key = lrp.actual_lrp_key();
    const bool is_plain = cf::encode(lrp) == bytes;  // fields may come twice, or unknown ones
    const bool is_same = looked->process_guid == key.process_guid() &&
                         looked->domain == key.domain() && looked->index == key.index() &&
                         looked->cell_id == lrp.actual_lrp_instance_key().cell_id();
    if (is_plain && !is_same) std::abort();
  }
  bbs::look_into_desired(row);
  std::string answer;
  if (bbs::append_whole_desired(answer, 2, row, row) == answer.empty()) std::abort();
}

using Try = void (*)(std::string_view);
constexpr Try tries[] = {
    try_rows,
    try_request<models::DesireLRPRequest>,
    try_request<models::UpdateDesiredLRPRequest>,
    try_request<models::RemoveDesiredLRPRequest>,
    try_request<models::DesiredLRPsRequest>,
    try_request<models::ClaimActualLRPRequest>,
    try_request<models::StartActualLRPRequest>,
    try_request<models::CrashActualLRPRequest>,
    try_request<models::FailActualLRPRequest>,
    try_request<models::RetireActualLRPRequest>,
    try_request<models::RemoveActualLRPRequest>,
    try_request<models::EvacuateRunningActualLRPRequest>,
    try_request<models::DesireTaskRequest>,
    try_request<models::StartTaskRequest>,
    try_request<models::CompleteTaskRequest>,
    try_request<models::RejectTaskRequest>,
    try_request<models::TaskGuidRequest>,
    try_request<models::UpsertDomainRequest>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tries[data[0] % std::size(tries)](bytes.substr(1));
  return 0;
}
