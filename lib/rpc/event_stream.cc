#include "rpc/event_stream.h"

#include <utility>

#include "base/check.h"

namespace causeway::rpc {

EventStreamParser::EventStreamParser(size_t event_bytes_max, OnEvent on_event)
    : event_bytes_max_(event_bytes_max), on_event_(std::move(on_event)) {}

Result<void> EventStreamParser::feed(std::string_view bytes) {
  while (!bytes.empty() && !stopped_) {
    if (after_cr_ && bytes.front() == '\n') {
      after_cr_ = false;
      bytes.remove_prefix(1);
      continue;
    }
    after_cr_ = false;
    const size_t line_end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, line_end);
    if (partial_.size() + data_.size() + piece.size() > event_bytes_max_) {
      return Error{.fault = Fault::limit, .side = Side::backend, .detail = "event too long"};
    }
    if (line_end == std::string_view::npos) {
      partial_.append(piece);
      return {};
    }
    after_cr_ = bytes[line_end] == '\r';
    bytes.remove_prefix(line_end + 1);
    Result<void> taken;
    if (partial_.empty()) {
      taken = take_line(piece);
    } else {
      partial_.append(piece);
      taken = take_line(partial_);
      partial_.clear();
    }
    if (!taken) return taken;
  }
  return {};
}

Result<void> EventStreamParser::take_line(std::string_view line) {
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  }
  if (line.empty()) {
    dispatch();
    return {};
  }
  if (line.front() == ':') return {};
  const size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_.append(value);
    has_data_ = true;
  } else if (field == "event") {
    event_ = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
  return {};
}

void EventStreamParser::dispatch() {
  if (has_data_ && !on_event_(id_, event_, data_)) stopped_ = true;
  event_.clear();
  data_.clear();
  has_data_ = false;
}

void append_event_id(std::string& out, std::string_view id) {
  DCHECK(id.find_first_of("\r\n") == std::string_view::npos);
  if (!id.empty()) out.append("id: ").append(id).append("\n");
}

void append_event_text(std::string& out, std::string_view event, std::string_view data) {
  DCHECK(event.find_first_of("\r\n") == std::string_view::npos);
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  for (;;) {
    const size_t line_end = data.find('\n');
    out.append("data: ").append(data.substr(0, line_end)).append("\n");
    if (line_end == std::string_view::npos) break;
    data.remove_prefix(line_end + 1);
  }
  out += '\n';
}

}  // namespace causeway::rpc
