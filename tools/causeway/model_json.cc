#include "tools/causeway/model_json.h"

#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "diego/base64.h"
#include "diego/bbs_events.h"
#include "json/json.h"
#include "tools/causeway/model_fields.h"

namespace causeway::cli {
namespace {

// Writes the fields it is shown into an object that is open. Owner and thread: the call.
class JsonWriting {
 public:
  explicit JsonWriting(json::Writer& writer) : writer_(writer) {}

  void text(std::string_view key, const std::string& value, F rule) {
    if (rule == F::always || !value.empty()) writer_.member(key, std::string_view(value));
  }
  template <class Set>
  void optional_text(std::string_view key, bool is_there, Set mutable_text) {
    if (is_there) writer_.member(key, std::string_view(*mutable_text()));
  }
  template <class Number, class Set>
  void number(std::string_view key, Number value, Set, F rule) {
    if (rule == F::always || value != 0) writer_.member(key, value);
  }
  template <class Number, class Set>
  void optional(std::string_view key, bool is_there, Number value, Set) {
    if (is_there) writer_.member(key, value);
  }
  template <class Set>
  void flag(std::string_view key, bool value, Set, F rule) {
    if (rule == F::always || value) writer_.member(key, value);
  }
  template <class Set>
  void optional_flag(std::string_view key, bool is_there, bool value, Set) {
    if (is_there) writer_.member(key, value);
  }
  template <class Choice, class Set, class Name, class Parse>
  void choice(std::string_view key, Choice value, Set, Name name, Parse, F rule) {
    if (rule == F::always || value != Choice{}) writer_.member(key, std::string_view(name(value)));
  }
  template <class Texts>
  void texts(std::string_view key, const Texts& values) {
    if (values.empty()) return;
    writer_.key(key).array();
    for (const std::string& value : values) writer_.value(std::string_view(value));
    writer_.end();
  }
  template <class Numbers>
  void numbers(std::string_view key, const Numbers& values) {
    if (values.empty()) return;
    writer_.key(key).array();
    for (const auto value : values) writer_.value(value);
    writer_.end();
  }
  // Go writes a list that was never made as null.
  template <class Messages>
  void list(std::string_view key, Messages& messages, F rule) {
    if (messages.empty()) {
      if (rule == F::always) writer_.key(key).null();
      return;
    }
    writer_.key(key).array();
    for (auto& message : messages) object(message);
    writer_.end();
  }
  template <class Get>
  void part(std::string_view key, bool is_there, Get get) {
    if (!is_there) return;
    writer_.key(key);
    object(*get());
  }
  template <class Map>
  void texts_by_name(std::string_view key, const Map& map) {
    if (map.empty()) return;
    writer_.key(key).object();
    for (const auto& [name, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
      writer_.member(name, std::string_view(value));
    }
    writer_.end();
  }
  template <class Map>
  void parts_by_name(std::string_view key, Map& map) {
    if (map.empty()) return;
    std::map<std::string, typename Map::mapped_type*> sorted;
    for (auto& [name, value] : map) sorted.emplace(name, &value);
    writer_.key(key).object();
    for (const auto& [name, value] : sorted) {
      writer_.key(name);
      object(*value);
    }
    writer_.end();
  }
  template <class Get>
  void routes(std::string_view key, bool is_there, Get get) {
    if (!is_there) return;
    const auto& map = get()->routes();
    writer_.key(key).object();
    for (const auto& [name, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
      writer_.key(name).raw(value.empty() ? "null" : value);
    }
    writer_.end();
  }

  template <class Message>
  void object(Message& message) {
    writer_.object();
    fields(*this, message);
    writer_.end();
  }

 private:
  json::Writer& writer_;
};

// Fills the fields it is shown from an object. The first one of the wrong kind is kept as the
// reason; reading goes on. Owner and thread: the call.
class JsonReading {
 public:
  JsonReading(json::Node object, std::string path, std::string& reason)
      : object_(object), path_(std::move(path)), reason_(reason) {}

  void text(std::string_view key, std::string& target, F) {
    const json::Node found = look(key);
    if (!found.exists()) return;
    if (!found.is_string()) return complain(key, "not text");
    target = *found.string();
  }
  template <class Get>
  void optional_text(std::string_view key, bool, Get mutable_text) {
    if (look(key).exists()) text(key, *mutable_text(), F::always);
  }
  template <class Number, class Set>
  void number(std::string_view key, Number, Set set, F) {
    const json::Node found = look(key);
    if (!found.exists()) return;
    if constexpr (std::is_same_v<Number, uint64_t>) {
      const auto value = found.unsigned_integer();
      if (!value) return complain(key, "not a whole number");
      set(*value);
    } else {
      const auto value = found.integer();
      if (!value || *value < int64_t{std::numeric_limits<Number>::min()} ||
          *value > int64_t{std::numeric_limits<Number>::max()}) {
        return complain(key, "not a whole number of its range");
      }
      set(static_cast<Number>(*value));
    }
  }
  template <class Number, class Set>
  void optional(std::string_view key, bool, Number value, Set set) {
    number(key, value, set, F::always);
  }
  template <class Set>
  void flag(std::string_view key, bool, Set set, F) {
    const json::Node found = look(key);
    if (!found.exists()) return;
    const auto value = found.boolean();
    if (!value) return complain(key, "not true or false");
    set(*value);
  }
  template <class Set>
  void optional_flag(std::string_view key, bool, bool value, Set set) {
    flag(key, value, set, F::always);
  }
  // By name, or by number as Go's own structs are written.
  template <class Choice, class Set, class Name, class Parse>
  void choice(std::string_view key, Choice value, Set set, Name, Parse parse, F) {
    const json::Node found = look(key);
    if (!found.exists()) return;
    if (found.is_string() && parse(std::string(*found.string()), &value)) return set(value);
    const auto number = found.integer();
    if (!number || *number < 0 || *number > INT32_MAX) return complain(key, "not one of its names");
    set(static_cast<Choice>(*number));
  }
  template <class Texts>
  void texts(std::string_view key, Texts& target) {
    each(key, [&](json::Node one, size_t) {
      if (!one.is_string()) return complain(key, "an element is not text");
      *target.Add() = *one.string();
    });
  }
  template <class Numbers>
  void numbers(std::string_view key, Numbers& target) {
    each(key, [&](json::Node one, size_t) {
      const auto value = one.integer();
      if (!value || *value < 0 || *value > int64_t{UINT32_MAX}) {
        return complain(key, "an element is not a whole number");
      }
      target.Add(static_cast<uint32_t>(*value));
    });
  }
  template <class Messages>
  void list(std::string_view key, Messages& target, F) {
    each(key, [&](json::Node one, size_t index) {
      object(one, path_ + std::string(key) + "[" + std::to_string(index) + "]", *target.Add());
    });
  }
  template <class Get>
  void part(std::string_view key, bool, Get get) {
    const json::Node found = look(key);
    if (found.exists()) object(found, path_ + std::string(key), *get());
  }
  template <class Map>
  void texts_by_name(std::string_view key, Map& target) {
    each_member(key, [&](const std::string& name, json::Node one) {
      if (!one.is_string()) return complain(key, "a value is not text");
      target[name] = *one.string();
    });
  }
  template <class Map>
  void parts_by_name(std::string_view key, Map& target) {
    each_member(key, [&](const std::string& name, json::Node one) {
      object(one, path_ + std::string(key) + "." + name, target[name]);
    });
  }
  template <class Get>
  void routes(std::string_view key, bool, Get get) {
    each_member(key, [&](const std::string& name, json::Node one) {
      (*get()->mutable_routes())[name] = one.text();
    });
  }

  template <class Message>
  void object(json::Node node, std::string path, Message& message) {
    if (!node.is_object()) {
      if (reason_.empty()) reason_ = path + ": not an object";
      return;
    }
    if (!path.empty()) path += '.';
    JsonReading inner(node, std::move(path), reason_);
    fields(inner, message);
  }

 private:
  // Null counts as absent.
  json::Node look(std::string_view key) const {
    const json::Node found = object_[key];
    return found.exists() && found.is_null() ? json::Node() : found;
  }
  void complain(std::string_view key, const char* why) {
    if (reason_.empty()) reason_ = path_ + std::string(key) + ": " + why;
  }
  template <class Visit>
  void each(std::string_view key, Visit visit) {
    const json::Node found = look(key);
    if (!found.exists()) return;
    if (!found.is_array()) return complain(key, "not a list");
    for (size_t i = 0; i < found.size(); ++i) visit(found.at(i), i);
  }
  template <class Visit>
  void each_member(std::string_view key, Visit visit) {
    const json::Node found = look(key);
    if (!found.exists()) return;
    if (!found.is_object()) return complain(key, "not an object");
    for (size_t i = 0; i < found.size(); ++i) visit(std::string(found.key(i)), found.at(i));
  }

  const json::Node object_;
  const std::string path_;
  std::string& reason_;
};

// Walkers see messages as things that can be changed; writing changes none.
template <class Message>
std::string written(Message message) {
  json::Writer writer;
  JsonWriting(writer).object(message);
  return writer.take();
}

template <class Message>
Result<Message> read(std::string_view json) {
  const auto document = json::Document::parse(json);
  if (!document) return document.error();
  Message message;
  std::string reason;
  JsonReading(document->root(), {}, reason).object(document->root(), {}, message);
  if (!reason.empty()) return Error{.fault = Fault::invalid, .detail = std::move(reason)};
  return message;
}

// The members of an event's "data".
struct EventWriting {
  json::Writer& writer;

  template <class Message>
  void part(std::string_view key, Message message) const {
    writer.key(key);
    JsonWriting(writer).object(message);
  }
  void trace(const std::string& id) const { writer.member("trace_id", std::string_view(id)); }
  void operator()(const models::ActualLRPCreatedEvent& event) const {
    part("actual_lrp_group", event.actual_lrp_group());
  }
  void operator()(const models::ActualLRPRemovedEvent& event) const {
    part("actual_lrp_group", event.actual_lrp_group());
  }
  void operator()(const models::ActualLRPChangedEvent& event) const {
    part("before", event.before());
    part("after", event.after());
  }
  template <class Event>
  void desired(const Event& event) const {
    part("desired_lrp", event.desired_lrp());
    trace(event.trace_id());
  }
  template <class Event>
  void actual(const Event& event) const {
    part("actual_lrp", event.actual_lrp());
    trace(event.trace_id());
  }
  template <class Event>
  void identity(const Event& event) const {
    JsonWriting walker(writer);
    models::ActualLRPKey key = event.actual_lrp_key();
    models::ActualLRPInstanceKey instance = event.actual_lrp_instance_key();
    fields(walker, key);
    fields(walker, instance);
  }

  void operator()(const models::DesiredLRPCreatedEvent& event) const { desired(event); }
  void operator()(const models::DesiredLRPRemovedEvent& event) const { desired(event); }
  void operator()(const models::DesiredLRPChangedEvent& event) const {
    part("before", event.before());
    part("after", event.after());
    trace(event.trace_id());
  }
  void operator()(const models::ActualLRPInstanceCreatedEvent& event) const { actual(event); }
  void operator()(const models::ActualLRPInstanceRemovedEvent& event) const { actual(event); }
  void operator()(const models::ActualLRPInstanceChangedEvent& event) const {
    identity(event);
    part("before", event.before());
    part("after", event.after());
    trace(event.trace_id());
  }
  void operator()(const models::ActualLRPCrashedEvent& event) const {
    identity(event);
    writer.member("crash_count", event.crash_count());
    if (!event.crash_reason().empty()) {
      writer.member("crash_reason", std::string_view(event.crash_reason()));
    }
    writer.member("since", event.since());
  }
  void operator()(const models::TaskCreatedEvent& event) const { part("task", event.task()); }
  void operator()(const models::TaskRemovedEvent& event) const { part("task", event.task()); }
  void operator()(const models::TaskChangedEvent& event) const {
    part("before", event.before());
    part("after", event.after());
  }
};

template <class Event>
std::string event_written(std::string_view type, const Event& event) {
  json::Writer writer;
  writer.object().member("type", type).key("data").object();
  std::visit(EventWriting{writer}, event);
  return writer.end().end().take();
}

using GroupEvent = std::variant<models::ActualLRPCreatedEvent, models::ActualLRPChangedEvent,
                                models::ActualLRPRemovedEvent>;

// Of the deprecated stream. Nothing for another type.
Result<std::optional<GroupEvent>> decode_group_event(std::string_view type, std::string_view data) {
  GroupEvent event;
  if (type == "actual_lrp_changed") {
    event.emplace<models::ActualLRPChangedEvent>();
  } else if (type == "actual_lrp_removed") {
    event.emplace<models::ActualLRPRemovedEvent>();
  } else if (type != "actual_lrp_created") {
    return std::optional<GroupEvent>();
  }
  const auto bytes = diego::base64_decode(data);
  if (!bytes || !std::visit([&](auto& message) { return cf::decode(*bytes, message); }, event))
    return Error{.fault = Fault::protocol, .detail = std::string(type) + " cannot be read"};
  return std::optional(std::move(event));
}

}  // namespace

std::string to_json(const models::ActualLRP& lrp) { return written(lrp); }
std::string to_json(const models::DesiredLRP& lrp) { return written(lrp); }
std::string to_json(const models::DesiredLRPSchedulingInfo& info) { return written(info); }
std::string to_json(const models::Task& task) { return written(task); }
std::string to_json(const models::CellPresence& cell) { return written(cell); }
std::string to_json(const models::Resource& resource) { return written(resource); }

std::string to_json(std::string_view text) {
  json::Writer writer;
  return writer.value(text).take();
}

Result<std::string> event_json(std::string_view type, std::string_view data) {
  const auto lrp = diego::decode_lrp_event(type, data);
  if (!lrp) return lrp.error();
  if (*lrp) return event_written(type, **lrp);
  const auto task = diego::decode_task_event(type, data);
  if (!task) return task.error();
  if (*task) return event_written(type, **task);
  const auto group = decode_group_event(type, data);
  if (!group) return group.error();
  if (*group) return event_written(type, **group);
  return Error{.fault = Fault::protocol,
               .detail = "an event of the unknown type " + std::string(type)};
}

Result<models::DesiredLRP> desired_lrp_of(std::string_view json) {
  return read<models::DesiredLRP>(json);
}
Result<models::DesiredLRPUpdate> update_of(std::string_view json) {
  return read<models::DesiredLRPUpdate>(json);
}
Result<models::Task> task_of(std::string_view json) { return read<models::Task>(json); }

std::string with_html_escaped(std::string json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace causeway::cli
