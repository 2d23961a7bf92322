#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::rpc {

// Turns the bytes of a text/event-stream (WHATWG HTML, section 9.2) into events. No I/O.
// Owner: a subscription. Thread: its owner's.
class EventStreamParser {
 public:
  // Answers whether to go on.
  using OnEvent =
      std::function<bool(std::string_view id, std::string_view event, std::string_view data)>;

  // An event whose lines take more than `event_bytes_max` is Fault::limit.
  EventStreamParser(size_t event_bytes_max, OnEvent on_event);

  Result<void> feed(std::string_view bytes);

 private:
  Result<void> take_line(std::string_view line);
  void dispatch();

  const size_t event_bytes_max_;
  OnEvent on_event_;
  std::string partial_;  // a line whose end has not come
  std::string id_;       // stays from event to event
  std::string event_;
  std::string data_;
  bool has_data_ = false;
  bool at_start_ = true;
  bool after_cr_ = false;  // the last byte seen was CR: an LF now belongs to it
  bool stopped_ = false;
};

// Append an event in wire form: its first line, and what follows. Data of several lines becomes
// several data lines. `id` and `event` are without line ends.
void append_event_id(std::string& out, std::string_view id);
void append_event_text(std::string& out, std::string_view event, std::string_view data);

}  // namespace causeway::rpc
