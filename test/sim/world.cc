#include "test/sim/world.h"

#include <cstdio>
#include <utility>

#include "cf/models/models.h"
#include "control/bbs/rules/desired_rules.h"
#include "diego/bbs_events.h"

namespace causeway::sim {

namespace {

using namespace std::chrono_literals;

constexpr const char* domain = "d";
constexpr Duration presence_ttl = 15s;
constexpr Duration presence_beat = 5s;
constexpr Duration beat = 30s;
constexpr Duration pass = 30s;

models::DesiredLRP lrp_of(const std::string& guid, int32_t instances) {
  models::DesiredLRP lrp;
  lrp.set_process_guid(guid);
  lrp.set_domain(domain);
  lrp.set_root_fs("preloaded:stack");
  lrp.set_instances(instances);
  lrp.set_memory_mb(100);
  lrp.mutable_action()->mutable_run_action()->set_path("/bin/app");
  (*lrp.mutable_metric_tags())["source_id"].set_static_(guid);
  return lrp;
}

Reader::Name name_of(const models::ActualLRPKey& key,
                     const models::ActualLRPInstanceKey& instance) {
  return {key.process_guid(), key.index(), instance.instance_guid()};
}

}  // namespace

World::World(const Scenario& scenario, const log::Logger& logger)
    : scenario_(scenario), rng_(scenario.seed), logger_(logger) {
  for (int i = 0; i < scenario_.cells; ++i)
    cells_.push_back(
        std::make_unique<SimCell>(*this, "c" + std::to_string(i), i % 2 == 0 ? "z1" : "z2"));
  for (int i = 0; i < 2; ++i) readers_.push_back(std::make_unique<Reader>());
}

World::~World() = default;

void World::story(const std::string& line) const {
  if (scenario_.tells)
    std::printf("%8.3f %s\n", std::chrono::duration<double>(timeline_.now() - Instant{}).count(),
                line.c_str());
}

void World::wrong(const std::string& what) {
  if (!wrong_.empty()) return;
  story("WRONG: " + what);
  wrong_ = what;
}

SimCell* World::cell(const std::string& id) {
  for (const auto& one : cells_)
    if (one->id() == id) return one.get();
  return nullptr;
}

void World::every(Duration interval, const std::function<void()>& action) {
  timeline_.after(interval, [this, interval, action] {
    action();
    every(interval, action);
  });
}

// What a bbs that has gone was asked, nobody answers.
void World::decide(const std::string& process, const bbs::Ledger::Selection& selection,
                   const bbs::Rule& rule, bbs::Ledger::OnVerdict on) {
  if (bbs_ != nullptr) bbs_->ledger().decide(process, selection, rule, "", std::move(on));
}

void World::decide_task(const SimCell& from, const std::string& guid, const bbs::TaskRule& rule,
                        const bbs::Ledger::OnTaskVerdict& on) {
  if (!from.is_reachable()) return;
  network_.send([this, &from, guid, rule, on] {
    if (bbs_ == nullptr) return;
    bbs_->ledger().decide_task(guid, rule, [this, &from, on](const bbs::TaskVerdict& verdict) {
      network_.send([&from, on, verdict] {
        if (from.is_reachable()) on(verdict);
      });
    });
  });
}

void World::rows_of_cell(const std::string& id,
                         const std::function<void(const std::vector<models::ActualLRP>&)>& on) {
  network_.send([this, id, on] {
    if (bbs_ == nullptr) return;
    bbs_->store().read_cell(id, [this, id, on](const Result<std::vector<store::CellRow>>& found) {
      if (!found) return;
      std::vector<models::ActualLRP> rows;
      for (const auto& row : *found) {
        models::ActualLRP lrp;
        if (bbs::decode_row(row.bytes, lrp) && lrp.actual_lrp_instance_key().cell_id() == id)
          rows.push_back(std::move(lrp));
      }
      network_.send([on, rows] { on(rows); });
    });
  });
}

void World::tasks_of_cell(const std::string& id,
                          const std::function<void(const std::vector<std::string>&)>& on) {
  network_.send([this, id, on] {
    if (bbs_ == nullptr) return;
    bbs_->store().read_cell_tasks(
        id, [this, id, on](const Result<std::vector<store::NamedRow>>& found) {
          if (!found) return;
          std::vector<std::string> guids;
          for (const auto& row : *found) {
            models::Task task;
            if (bbs::decode_row(row.bytes, task) && task.cell_id() == id &&
                task.state() == models::Task::Running)
              guids.push_back(row.id);
          }
          network_.send([on, guids] { on(guids); });
        });
  });
}

void World::task_runs(const std::string& guid, const std::string& on_cell) {
  ++counts_.tasks_run;
  const auto [at, is_first] = ran_on_.emplace(guid, on_cell);
  if (!is_first) wrong("task " + guid + " runs on " + on_cell + ", and ran on " + at->second);
}

bool World::has_run(const std::string& guid, const std::string& on_cell) const {
  const auto found = ran_on_.find(guid);
  return found != ran_on_.end() && found->second == on_cell;
}

void World::place(cf::LrpStartRequest request) {
  network_.send([this, request = std::move(request)] {
    for (const int32_t index : request.indices)
      lrp_requests_[request.process_guid][index] = request;
    auction();
  });
}

void World::place(cf::TaskStartRequest request) {
  network_.send([this, request = std::move(request)] {
    task_requests_[request.task_guid] = request;
    auction();
  });
}

void World::stop(const std::string& rep_url, const std::string&, const std::string& instance_guid,
                 const std::string&, OnDone on_done) {
  network_.send([this, rep_url, instance_guid] {
    if (SimCell* const at = cell(rep_url)) at->stop(instance_guid);
  });
  on_done({});
}

void World::update(const std::string&, const cf::LrpUpdate&, OnDone on_done) { on_done({}); }

void World::cancel_task(const std::string& rep_url, const std::string& task_guid,
                        const std::string&, OnDone on_done) {
  network_.send([this, rep_url, task_guid] {
    if (SimCell* const at = cell(rep_url)) at->cancel(task_guid);
  });
  on_done({});
}

// Answers 200, 500 (as good), 503, or not at all.
void World::call_back(const std::string&, std::string, std::function<void(Result<int>)> on_status) {
  ++counts_.callbacks;
  const uint64_t luck = is_healing_ ? 9 : rng_.below(10);
  const Result<int> status = luck == 0   ? Result<int>(503)
                             : luck == 1 ? Result<int>(500)
                             : luck == 2 ? Result<int>(Error{.fault = Fault::timeout})
                                         : Result<int>(200);
  // Belongs to the bbs that asked: it hears of it only while it lives.
  SimBbs* const asker = bbs_.get();
  timeline_.after(network_.delay(), [this, asker, status, on_status = std::move(on_status),
                                     deaths = counts_.bbs_deaths] {
    if (asker == bbs_.get() && deaths == counts_.bbs_deaths) on_status(status);
  });
}

void World::start_bbs() {
  if (bbs_ != nullptr) return;
  bbs_ = std::make_unique<SimBbs>(SimBbs::Surroundings{store_, timeline_, rng_, *this, logger_});
  story("a bbs starts");
  bbs_->converge(true);
}

void World::kill_bbs() {
  if (bbs_ == nullptr) return;
  story("the bbs dies");
  ++counts_.bbs_deaths;
  counts_.conflicts += bbs_->ledger().conflicts();
  bbs_.reset();
}

void World::beat_presences() {
  for (const auto& one : cells_) {
    if (!one->is_reachable()) continue;
    network_.send([this, id = one->id(), zone = one->brief().facts.zone] {
      if (bbs_ == nullptr) return;
      const bool is_new = !present_until_.contains(id);
      present_until_[id] = timeline_.now() + presence_ttl;
      if (!is_new) return;
      models::StoredResource stored;
      stored.mutable_resource()->set_key(id);
      stored.mutable_resource()->set_value(R"({"cell_id":")" + id + R"(","rep_url":")" + id +
                                           R"(","zone":")" + zone + R"("})");
      store_.put({.key = {store::Table::presence, id}, .after = bbs::encode_row(stored)});
      story(id + " is present");
      bbs_->converge(true);
    });
  }
}

void World::expire_presences() {
  if (bbs_ == nullptr) return;
  for (auto at = present_until_.begin(); at != present_until_.end();) {
    if (at->second > timeline_.now()) {
      ++at;
      continue;
    }
    story(at->first + " is not present any more");
    store_.put({.key = {store::Table::presence, at->first}});
    at = present_until_.erase(at);
    bbs_->converge(true);
  }
}

// One round after the other while there is something to place.
void World::auction() {
  if (is_auctioning_ || (lrp_requests_.empty() && task_requests_.empty())) return;
  is_auctioning_ = true;
  timeline_.after(network_.delay() + network_.delay(), [this] {
    std::vector<cf::CellBrief> briefs;
    for (const auto& one : cells_) {
      const bool answers = one->is_reachable() && present_until_.contains(one->id()) &&
                           (is_healing_ || rng_.below(20) > 0);
      if (answers && !one->is_evacuating()) briefs.push_back(one->brief());
    }
    std::vector<place::LrpDemand> lrps;
    for (const auto& [guid, indexes] : std::exchange(lrp_requests_, {}))
      for (const auto& [index, request] : indexes)
        lrps.push_back({guid, index, request.domain, request.demand});
    std::vector<place::TaskDemand> tasks;
    for (const auto& [guid, request] : std::exchange(task_requests_, {}))
      tasks.push_back({guid, request.domain, request.demand});
    hand_out(place::place(briefs, std::move(lrps), std::move(tasks), {}), briefs);
    is_auctioning_ = false;
    auction();
  });
}

void World::hand_out(place::Placement placement, const std::vector<cf::CellBrief>& briefs) {
  for (auto& failure : placement.failed_lrps) {
    models::FailActualLRPRequest request;
    request.mutable_actual_lrp_key()->set_process_guid(failure.demand.process_guid);
    request.mutable_actual_lrp_key()->set_index(failure.demand.index);
    request.mutable_actual_lrp_key()->set_domain(domain);
    request.set_error_message(failure.reason);
    network_.send([this, request] {
      decide(
          request.actual_lrp_key().process_guid(), {.index = request.actual_lrp_key().index()},
          [request](const auto& state, const auto& moment) {
            return bbs::fail(state, request, moment);
          },
          [](const bbs::Verdict&) {});
    });
  }
  for (const auto& work : placement.works) {
    cf::Work message;
    for (const auto& lrp : work.lrps)
      message.lrps.push_back(
          {.process_guid = lrp.process_guid, .index = lrp.index, .domain = lrp.domain});
    for (const auto& task : work.tasks) message.tasks.push_back({.task_guid = task.task_guid});
    network_.send([this, message, id = briefs[work.cell].facts.cell_id] {
      SimCell* const to = cell(id);
      if (to->is_reachable()) to->take(message);
    });
  }
}

void World::desire(const std::string& guid, int32_t instances) {
  story("desire " + guid + " with " + std::to_string(instances));
  decide(
      guid, {.scheduling = true, .run = true},
      [lrp = lrp_of(guid, instances)](const auto& state, const auto& moment) {
        return bbs::desire(state, lrp, moment);
      },
      [](const bbs::Verdict&) {});
}

void World::desire_task() {
  models::DesireTaskRequest request;
  request.set_task_guid("t" + std::to_string(++tasks_));
  request.set_domain(domain);
  auto& definition = *request.mutable_task_definition();
  definition.set_root_fs("preloaded:stack");
  definition.set_memory_mb(100);
  if (rng_.below(3) > 0) definition.set_completion_callback_url("http://client/done");
  if (bbs_ == nullptr) return;
  bbs_->ledger().decide_task(
      request.task_guid(),
      [request](const auto& task, int64_t now_ns) {
        return bbs::desire_task(task, request, now_ns);
      },
      [](const bbs::TaskVerdict&) {});
}

void World::client_acts() {
  if (is_healing_) return;
  const std::string guid =
      "p" + std::to_string(rng_.below(static_cast<uint64_t>(scenario_.processes)));
  switch (rng_.below(scenario_.has_faults ? 8 : 4)) {
    case 0:
    case 1:
      return desire(guid, static_cast<int32_t>(rng_.below(4)));
    case 2:
    case 3:
      return desire_task();
    case 4:
    case 5: {
      models::DesiredLRPUpdate update;
      update.set_instances(static_cast<int32_t>(rng_.below(4)));
      story("scale " + guid + " to " + std::to_string(update.instances()));
      return decide(
          guid, {.scheduling = true, .run = true},
          [update](const auto& state, const auto& moment) {
            return bbs::update(state, update, moment);
          },
          [](const bbs::Verdict&) {});
    }
    case 6:
      story("remove " + guid);
      return decide(
          guid, {.scheduling = true, .run = true},
          [](const auto& state, const auto&) { return bbs::remove_desired(state); },
          [](const bbs::Verdict&) {});
    default:
      if (bbs_ == nullptr || tasks_ == 0) return;
      bbs_->ledger().decide_task(
          "t" + std::to_string(rng_.below(tasks_) + 1),
          [](const auto& task, int64_t now_ns) { return bbs::cancel_task(task, now_ns); },
          [](const bbs::TaskVerdict&) {});
  }
}

void World::trouble() {
  if (is_healing_) return;
  SimCell& victim = *cells_[rng_.below(cells_.size())];
  if (!scenario_.has_faults) {
    if (rng_.below(6) == 0) victim.evacuate();
    return;
  }
  switch (rng_.below(12)) {
    case 0:
      kill_bbs();
      return timeline_.after(std::chrono::milliseconds(rng_.below(20'000)),
                             [this] { start_bbs(); });
    case 1:
      story(victim.id() + " dies");
      ++counts_.cell_deaths;
      victim.die();
      return timeline_.after(std::chrono::seconds(rng_.below(60)),
                             [&victim] { victim.come_back(); });
    case 2:
    case 3:
      story(victim.id() + " is cut off");
      victim.cut_off(true);
      return timeline_.after(std::chrono::seconds(rng_.below(60)), [this, &victim] {
        story(victim.id() + " is reachable again");
        victim.cut_off(false);
      });
    case 4:
      return victim.evacuate();
    case 5:
    case 6:
      return victim.crash_one();
    case 7:
      // What is under way may have been carried out; then the link is gone for a moment.
      story("the store's link breaks");
      store_.lose_next_answer();
      return timeline_.after(std::chrono::milliseconds(rng_.below(50)), [this] {
        store_.set_usable(false);
        timeline_.after(std::chrono::milliseconds(rng_.below(3'000)), [this] {
          store_.set_usable(true);
          if (bbs_ == nullptr) return;
          bbs_->streams().cut_all();
          bbs_->converge(true);
        });
      });
    case 8:
      story("the clock jumps");
      // Now and then by hours, either way.
      return timeline_.jump_to(std::chrono::seconds(static_cast<int64_t>(rng_.below(120)) - 60) *
                               (rng_.below(4) == 0 ? 200 : 1));
    case 9:
      network_.faults({.lost = 0.2, .delayed = 0.2});
      return timeline_.after(std::chrono::seconds(rng_.below(20)),
                             [this] { network_.faults({.lost = is_healing_ ? 0.0 : 0.02}); });
    case 10:
      upserts_domain_ = !upserts_domain_;
      return;
    default:
      if (bbs_ != nullptr) bbs_->streams().cut_all();
  }
}

void World::heal() {
  story("healing");
  is_healing_ = true;
  upserts_domain_ = true;
  network_.faults({});
  for (const auto& one : cells_) one->come_back();
  store_.set_usable(true);
  start_bbs();
  // What came while the store was away may be missing.
  bbs_->streams().cut_all();
}

// The reader's end of a stream. Owner: the bbs's hub.
struct World::StreamEnd final : rpc::Responder::EventStream {
  StreamEnd(World& the_world, Reader& the_reader)
      : world(the_world), reader(the_reader), subscription(++the_reader.subscription) {}
  ~StreamEnd() override {
    // The connection closes behind what was sent.
    world.timeline_.after(delay(), [&reader = reader, number = subscription] {
      if (number == reader.subscription) reader.is_subscribed = false;
    });
  }
  bool send(std::string_view id, std::string_view event, std::string_view data) override {
    if (id != std::to_string(sent++)) world.wrong("an event stream leaves out a number");
    // A subscriber that falls behind is cut off.
    if (!world.is_healing_ && world.scenario_.has_faults && world.rng_.below(400) == 0)
      return false;
    world.timeline_.after(delay(), [&w = world, &r = reader, number = subscription,
                                    type = std::string(event), text = std::string(data)] {
      if (number == r.subscription) w.hear(r, type, text);
    });
    return true;
  }
  void on_gone(std::function<void()>) override {}
  // Bytes of one connection keep their order.
  Duration delay() {
    last = std::max(last, world.timeline_.now() + std::chrono::milliseconds(world.rng_.below(5)));
    return last - world.timeline_.now();
  }

  World& world;
  Reader& reader;
  const uint64_t subscription;
  uint64_t sent = 0;
  Instant last{};
};

void World::subscribe(Reader& reader) {
  if (reader.is_subscribed || bbs_ == nullptr) return;
  bbs_->streams().subscribe(bbs::EventStreams::Kind::instances,
                            std::make_unique<StreamEnd>(*this, reader), "");
  reader.is_subscribed = true;
  reader.running.clear();
  for (const auto& row : rows())
    if (row.state() == cf::kRunning)
      reader.running.insert(name_of(row.actual_lrp_key(), row.actual_lrp_instance_key()));
}

void World::hear(Reader& reader, std::string_view type, const std::string& data) {
  const auto event = diego::decode_lrp_event(type, data);
  if (!event || !*event) return wrong("an event that cannot be read: " + std::string(type));
  const auto note = [&reader](bool runs, const Reader::Name& name) {
    if (runs) {
      reader.running.insert(name);
    } else {
      reader.running.erase(name);
    }
  };
  if (const auto* created = std::get_if<models::ActualLRPInstanceCreatedEvent>(&**event)) {
    const auto& row = created->actual_lrp();
    if (row.state() == cf::kRunning)
      note(true, name_of(row.actual_lrp_key(), row.actual_lrp_instance_key()));
  } else if (const auto* removed = std::get_if<models::ActualLRPInstanceRemovedEvent>(&**event)) {
    note(false, name_of(removed->actual_lrp().actual_lrp_key(),
                        removed->actual_lrp().actual_lrp_instance_key()));
  } else if (const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&**event)) {
    note(changed->after().state() == cf::kRunning,
         name_of(changed->actual_lrp_key(), changed->actual_lrp_instance_key()));
  }
}

std::string World::run() {
  network_.faults({.lost = scenario_.has_faults ? 0.02 : 0.0});
  start_bbs();
  beat_presences();
  every(presence_beat, [this] { beat_presences(); });
  every(1s, [this] {
    expire_presences();
    for (const auto& reader : readers_) subscribe(*reader);
  });
  every(pass, [this] {
    if (bbs_ != nullptr) bbs_->converge(false);
  });
  every(30s, [this] {
    if (bbs_ != nullptr && upserts_domain_)
      bbs_->domains().upsert(domain, 120, timeline_.wall().unix_ns, [](const Result<void>&) {});
  });
  for (size_t i = 0; i < cells_.size(); ++i)
    timeline_.after(std::chrono::seconds(i * 7),
                    [this, i] { every(beat, [&one = *cells_[i]] { one.beat(); }); });
  every(3s, [this] { client_acts(); });
  every(4s, [this] { trouble(); });
  every(5s, [this] {
    check_rows();
    check_tasks();
  });
  const Instant end_of_trouble = timeline_.now() + scenario_.troubled;
  while (wrong_.empty() && timeline_.step(end_of_trouble))
    if (!scenario_.has_faults) check_calm();
  heal();
  const Instant end = timeline_.now() + scenario_.healing;
  while (wrong_.empty() && timeline_.step(end)) {
  }
  check_healed();
  counts_.conflicts += bbs_->ledger().conflicts();
  return wrong_;
}

}  // namespace causeway::sim
