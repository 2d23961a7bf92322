#include "test/sim/reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cf/models/models.h"
#include "rpc/event_stream.h"

namespace causeway::sim {

namespace {

std::string slot_of(const models::ActualLRPKey& key, models::ActualLRP::Presence presence) {
  return "p" + key.process_guid() + "/" + bbs::slot_name(key.index(), presence);
}

// What is known of an instance: state, who it is, version.
template <class Row>
std::string belief_of(const Row& row, const models::ActualLRPInstanceKey& instance) {
  const bool is_held = row.state() == cf::kClaimed || row.state() == cf::kRunning;
  return row.state() + "@" + (is_held ? instance.cell_id() + "/" + instance.instance_guid() : "") +
         " " + row.modification_tag().epoch() + ":" +
         std::to_string(row.modification_tag().index());
}

std::string belief_of(const models::ActualLRP& row) {
  return belief_of(row, row.actual_lrp_instance_key());
}

std::string belief_of(const models::DesiredLRP& lrp) {
  return std::to_string(lrp.instances()) + " " + lrp.modification_tag().epoch() + ":" +
         std::to_string(lrp.modification_tag().index());
}

std::string belief_of(const models::Task& task) {
  return models::Task::State_Name(task.state()) + "@" + task.cell_id();
}

}  // namespace

// The reader's end of a stream. Owner: the bbs's hub.
struct Reader::End final : rpc::Responder::EventStream {
  explicit End(Reader& the_reader) : reader(the_reader), subscription(++the_reader.subscription_) {}
  ~End() override {
    // The connection closes behind what was sent.
    reader.around_.timeline.after(delay(), [&closed = reader, number = subscription] {
      if (number == closed.subscription_) closed.is_subscribed_ = false;
    });
  }
  bool send(std::string_view id, const rpc::EventText& text) override {
    if (id != std::to_string(sent++)) reader.around_.wrong("an event stream leaves out a number");
    if (reader.around_.falls_behind()) return false;
    reader.around_.timeline.after(delay(), [&to = reader, number = subscription, text] {
      rpc::EventStreamParser parser(1 << 20, [&](auto, auto type, auto data) {
        to.hear(number, std::string(type), std::string(data));
        return true;
      });
      if (!parser.feed(*text)) to.around_.wrong("an event stream that cannot be read");
    });
    return true;
  }
  void on_gone(std::function<void()>) override {}
  // Bytes of one connection keep their order.
  Duration delay() {
    const Instant now = reader.around_.timeline.now();
    last = std::max(last, now + std::chrono::milliseconds(reader.around_.rng.below(5)));
    return last - now;
  }

  Reader& reader;
  const uint64_t subscription;
  uint64_t sent = 0;
  Instant last{};
};

void Reader::follow(SimBbs& bbs) {
  if (is_subscribed_) return;
  is_subscribed_ = true;
  has_listing_ = false;
  early_.clear();
  bbs.streams().subscribe(kind_, std::make_unique<End>(*this), "");
  bbs.list([this, number = subscription_](const Result<Listing>& rows) {
    around_.network.answer([this, number, rows] {
      if (number != subscription_) return;
      if (rows) return take(number, *rows);
      ++subscription_;
      is_subscribed_ = false;
    });
  });
  // No answer: another try.
  around_.timeline.after(std::chrono::seconds(10), [this, number = subscription_] {
    if (number == subscription_ && !has_listing_) is_subscribed_ = false;
  });
}

void Reader::take(uint64_t subscription, const Listing& rows) {
  if (subscription != subscription_ || !is_subscribed_) return;
  has_listing_ = true;
  beliefs_ = beliefs_of(rows);
  for (const auto& [type, data] : std::exchange(early_, {})) apply(type, data);
}

void Reader::hear(uint64_t subscription, const std::string& type, const std::string& data) {
  if (subscription != subscription_) return;
  if (!has_listing_) {
    early_.emplace_back(type, data);
  } else {
    apply(type, data);
  }
}

void Reader::apply(const std::string& type, const std::string& data) {
  const auto decode = [&](const auto& event) {
    if (!event || !*event) return around_.wrong("an event that cannot be read: " + type);
    apply(**event);
  };
  if (kind_ == Kind::tasks) return decode(diego::decode_task_event(type, data));
  decode(diego::decode_lrp_event(type, data));
}

void Reader::apply(const diego::LrpEvent& event) {
  if (const auto* created = std::get_if<models::ActualLRPInstanceCreatedEvent>(&event)) {
    const auto& row = created->actual_lrp();
    beliefs_[slot_of(row.actual_lrp_key(), row.presence())] = belief_of(row);
  } else if (const auto* removed = std::get_if<models::ActualLRPInstanceRemovedEvent>(&event)) {
    // Another one may have its place already.
    const auto& row = removed->actual_lrp();
    const auto known = beliefs_.find(slot_of(row.actual_lrp_key(), row.presence()));
    if (known != beliefs_.end() && known->second == belief_of(row)) beliefs_.erase(known);
  } else if (const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&event)) {
    const auto& key = changed->actual_lrp_key();
    const std::string before = belief_of(changed->before(), changed->actual_lrp_instance_key());
    const auto known = beliefs_.find(slot_of(key, changed->before().presence()));
    if (known != beliefs_.end() && known->second == before) beliefs_.erase(known);
    beliefs_[slot_of(key, changed->after().presence())] =
        belief_of(changed->after(), changed->actual_lrp_instance_key());
  } else if (const auto* desired = std::get_if<models::DesiredLRPCreatedEvent>(&event)) {
    beliefs_["p" + desired->desired_lrp().process_guid()] = belief_of(desired->desired_lrp());
  } else if (const auto* updated = std::get_if<models::DesiredLRPChangedEvent>(&event)) {
    beliefs_["p" + updated->after().process_guid()] = belief_of(updated->after());
  } else if (const auto* gone = std::get_if<models::DesiredLRPRemovedEvent>(&event)) {
    beliefs_.erase("p" + gone->desired_lrp().process_guid());
  }
}

void Reader::apply(const diego::TaskEvent& event) {
  if (const auto* created = std::get_if<models::TaskCreatedEvent>(&event)) {
    beliefs_["t" + created->task().task_guid()] = belief_of(created->task());
  } else if (const auto* changed = std::get_if<models::TaskChangedEvent>(&event)) {
    beliefs_["t" + changed->after().task_guid()] = belief_of(changed->after());
  } else if (const auto* removed = std::get_if<models::TaskRemovedEvent>(&event)) {
    beliefs_.erase("t" + removed->task().task_guid());
  }
}

Reader::Beliefs Reader::beliefs_of(const Listing& rows) const {
  Beliefs beliefs;
  const auto note = [&](const std::string& name, const std::string& bytes, auto message) {
    if (bbs::decode_row(bytes, message)) beliefs[name] = belief_of(message);
  };
  for (const auto& [name, bytes] : rows) {
    const bool is_task = name.front() == 't';
    if (is_task != (kind_ == Kind::tasks)) continue;
    if (is_task) {
      note(name, bytes, models::Task());
    } else if (name.find('/') == std::string::npos) {
      note(name, bytes, models::DesiredLRP());
    } else {
      note(name, bytes, models::ActualLRP());
    }
  }
  return beliefs;
}

std::string Reader::difference_to(const Listing& rows) const {
  const Beliefs truth = beliefs_of(rows);
  for (const auto& [name, what] : truth) {
    const auto known = beliefs_.find(name);
    if (known == beliefs_.end()) return "nothing of " + name + " " + what;
    if (known->second != what) return name + " " + known->second + ", not " + what;
  }
  for (const auto& [name, what] : beliefs_)
    if (!truth.contains(name)) return name + " " + what + ", which is not there";
  return "";
}

}  // namespace causeway::sim
