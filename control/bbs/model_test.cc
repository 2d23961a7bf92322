// Random operations on a whole bbs, among failures of its store, against a tiny reference: a
// subscriber that knows only what it read once and the events since.
#include <set>
#include <tuple>

#include "base/rng.h"
#include "control/bbs/bbs_under_test.h"

namespace causeway::bbs::test {
namespace {

// Which instances run, by process, index and instance guid.
using Running = std::set<std::tuple<std::string, int32_t, std::string>>;

class Model : public BbsTest {
 protected:
  Running read() {
    Running running;
    const auto response =
        post<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
    for (const auto& row : response.actual_lrps())
      if (row.state() == cf::kRunning)
        running.insert(name_of(row.actual_lrp_key(), row.actual_lrp_instance_key()));
    return running;
  }
  static std::tuple<std::string, int32_t, std::string> name_of(
      const models::ActualLRPKey& key, const models::ActualLRPInstanceKey& instance) {
    return {key.process_guid(), key.index(), instance.instance_guid()};
  }
  // Subscribes first, reads then, as routers do.
  void follow() {
    subscribe();
    last_events_.clear();
    known_ = read();
  }
  void catch_up() {
    seen();
    for (const auto& event : std::exchange(last_events_, {})) {
      if (const auto* created = std::get_if<models::ActualLRPInstanceCreatedEvent>(&event)) {
        note_row(created->actual_lrp());
      } else if (const auto* removed = std::get_if<models::ActualLRPInstanceRemovedEvent>(&event)) {
        known_.erase(name_of(removed->actual_lrp().actual_lrp_key(),
                             removed->actual_lrp().actual_lrp_instance_key()));
      } else if (const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&event)) {
        const auto name = name_of(changed->actual_lrp_key(), changed->actual_lrp_instance_key());
        if (changed->after().state() == cf::kRunning) {
          known_.insert(name);
        } else {
          known_.erase(name);
        }
      }
    }
  }
  void note_row(const models::ActualLRP& row) {
    if (row.state() == cf::kRunning)
      known_.insert(name_of(row.actual_lrp_key(), row.actual_lrp_instance_key()));
  }
  // One random call; errors are as good as anything else.
  void step(Rng& rng) {
    const std::string guid = "p" + std::to_string(rng.below(3));
    const auto index = static_cast<int32_t>(rng.below(3));
    const uint64_t who = rng.below(4);  // an instance guid belongs to one cell
    const std::string instance = "i" + std::to_string(who);
    const std::string cell = "c" + std::to_string(who % 2);
    switch (rng.below(12)) {
      case 0:
        desire(lrp(guid, static_cast<int32_t>(rng.below(4))));
        break;
      case 1:
        scale(guid, static_cast<int32_t>(rng.below(4)));
        break;
      case 2:
        if (rng.below(3) == 0) remove(guid);
        break;
      case 3:
      case 4:
        claim(guid, index, instance, cell);
        break;
      case 5:
      case 6:
      case 7:
        run(guid, index, instance, cell);
        break;
      case 8:
        crash(guid, index, instance, cell);
        break;
      case 9:
        remove_actual(guid, index, instance, cell);
        break;
      case 10: {
        models::EvacuateRunningActualLRPRequest leave;
        fill_keys(leave, guid, index, instance, cell);
        leave.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
        error_of<models::EvacuationResponse>("/v1/actual_lrps/evacuate_running.r1", leave);
        break;
      }
      default:
        clock_.advance(std::chrono::seconds(rng.below(100)));
    }
  }
  // What must hold of the rows at any time.
  void expect_sound() {
    const auto response =
        post<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
    std::set<std::tuple<std::string, int32_t, int>> slots;
    Running instances;
    for (const auto& row : response.actual_lrps()) {
      const auto& key = row.actual_lrp_key();
      EXPECT_TRUE(slots.insert({key.process_guid(), key.index(), row.presence()}).second);
      const bool held = row.state() == cf::kClaimed || row.state() == cf::kRunning;
      EXPECT_EQ(held, !row.actual_lrp_instance_key().instance_guid().empty()) << row.state();
      EXPECT_FALSE(row.modification_tag().epoch().empty());
      if (!held) continue;
      EXPECT_TRUE(instances.insert(name_of(key, row.actual_lrp_instance_key())).second)
          << "in two rows";
      const std::string of_cell = rows("", row.actual_lrp_instance_key().cell_id());
      EXPECT_NE(of_cell.find("/" + row.actual_lrp_instance_key().instance_guid()),
                std::string::npos)
          << of_cell;
    }
  }

  Running known_;
};

TEST_F(Model, events_tell_the_same_as_the_rows) {
  const uint64_t seed = 20'261;
  Rng rng(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  present("c0");
  present("c1");
  follow();
  for (int round = 0; round < 150; ++round) {
    for (int steps = 0; steps < 10; ++steps) {
      const uint64_t trouble = rng.below(40);
      if (trouble == 0) store_.set_usable(false);
      if (trouble == 1) store_.lose_next_answer();
      step(rng);
      if (trouble > 1) continue;
      // The link breaks and comes back: subscribers are cut off and read anew.
      store_.set_usable(false);
      store_.set_usable(true);
      ASSERT_TRUE(until([&] { return closed_; }));
      follow();
    }
    expect_sound();
    catch_up();
    ASSERT_EQ(known_, read()) << "round " << round;
  }
}

}  // namespace
}  // namespace causeway::bbs::test
