#include "cf/wire/auctioneer_messages.h"

#include <utility>

#include "cf/wire/wire_parts.h"

namespace causeway::cf {

namespace {

void check_demand(const JsonFields& fields, const Demand& demand) {
  if (demand.memory_mb < 0) fields.note("MemoryMB", "less than 0");
  if (demand.disk_mb < 0) fields.note("DiskMB", "less than 0");
  if (demand.root_fs.empty()) fields.note("RootFs", "empty");
}

void read_indices(const JsonFields& fields, std::vector<int32_t>& indices) {
  const json::Node list = fields.node("indices");
  if (list.exists() && !list.is_null() && !list.is_array())
    return fields.note("indices", "not a list");
  for (size_t i = 0; i < list.size(); ++i) {
    const auto index = list.at(i).integer();
    if (!index || *index < 0 || *index > INT32_MAX) {
      return fields.note("indices[" + std::to_string(i) + "]", "not an index");
    }
    indices.push_back(static_cast<int32_t>(*index));
  }
  if (indices.empty()) fields.note("indices", "empty");
}

LrpStartRequest read_lrp_start(const JsonFields& fields) {
  LrpStartRequest request;
  fields.read("process_guid", request.process_guid);
  fields.read("domain", request.domain);
  if (request.process_guid.empty()) fields.note("process_guid", "empty");
  if (request.domain.empty()) fields.note("domain", "empty");
  read_indices(fields, request.indices);
  read_demand(fields, request.demand);
  check_demand(fields, request.demand);
  return request;
}

TaskStartRequest read_task_start(const JsonFields& fields) {
  TaskStartRequest request = read_task(fields);
  if (request.task_guid.empty()) fields.note("TaskGuid", "empty");
  if (request.domain.empty()) fields.note("Domain", "empty");
  check_demand(fields, request.demand);
  return request;
}

template <class Message, class Read>
Result<std::vector<Message>> parse_list(std::string_view text, Read read) {
  auto document = json::Document::parse(text);
  if (!document) return std::move(document).error();
  const json::Node root = document->root();
  WireFault fault;
  if (!root.is_array()) fault.note("", "", "not a list");
  std::vector<Message> messages;
  for (size_t i = 0; fault.is_empty() && i < root.size(); ++i) {
    const std::string path = "[" + std::to_string(i) + "]";
    if (!root.at(i).is_object()) fault.note(path, "", "not an object");
    messages.push_back(read(JsonFields(root.at(i), path, fault)));
  }
  if (!fault.is_empty()) return fault.error();
  return messages;
}

}  // namespace

std::string to_json(const std::vector<LrpStartRequest>& requests) {
  json::Writer writer;
  writer.array();
  for (const LrpStartRequest& request : requests) {
    writer.object().member("process_guid", request.process_guid).member("domain", request.domain);
    writer.key("indices").array();
    for (const int32_t index : request.indices) writer.value(index);
    writer.end();
    write_demand(writer, request.demand);
    writer.end();
  }
  writer.end();
  return writer.take();
}

std::string to_json(const std::vector<TaskStartRequest>& requests) {
  json::Writer writer;
  writer.array();
  for (const TaskStartRequest& request : requests) write_task(writer, request);
  writer.end();
  return writer.take();
}

Result<std::vector<LrpStartRequest>> parse_lrp_start_requests(std::string_view json) {
  return parse_list<LrpStartRequest>(json, read_lrp_start);
}

Result<std::vector<TaskStartRequest>> parse_task_start_requests(std::string_view json) {
  return parse_list<TaskStartRequest>(json, read_task_start);
}

}  // namespace causeway::cf
