#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actual_lrp_requests.pb.h"
#include "cf/wire/cell_brief.h"
#include "test/sim/sim_bbs.h"

namespace causeway::sim {

class World;

// A machine with its rep, as the bbs and the auctioneer see one: takes work, claims and starts,
// says again and again what it runs, drains, is cut off, dies and comes back empty. Owner: World.
class SimCell {
 public:
  struct Container {
    models::ActualLRPKey key;
    std::string guid;
    bool is_started = false;  // it was told to start; the bbs may not have heard
    bool is_running = false;  // whether or not the bbs has heard
  };

  SimCell(World& world, std::string id, std::string zone);
  SimCell(const SimCell&) = delete;
  SimCell& operator=(const SimCell&) = delete;

  const std::string& id() const { return id_; }
  const std::map<std::string, Container>& containers() const { return containers_; }
  bool is_reachable() const { return is_up_ && !is_cut_off_; }
  bool is_evacuating() const { return is_evacuating_; }

  void die();
  // And nobody builds it anew.
  void die_for_good();
  void cut_off(bool cut) { is_cut_off_ = cut; }
  void come_back();
  // The rep ends and begins anew; what runs, runs on.
  void stop_rep();
  void start_rep();
  void evacuate();
  // One of its containers exits.
  void crash_one();

  cf::CellBrief brief() const;
  // Answers what it hands back.
  cf::Work take(const cf::Work& work);
  void stop(const std::string& instance_guid);
  void cancel(const std::string& task_guid);
  // What a rep does every 30 seconds.
  void beat();

 private:
  static constexpr size_t containers_max = 8;
  using Verdict = bbs::Verdict;

  Container* find(const std::string& guid);
  // To the bbs and back; `on` hears of nothing when either way is lost.
  void ask(const models::ActualLRPKey& key, const bbs::Ledger::Selection& selection,
           const bbs::Rule& rule, const std::function<void(const Verdict&)>& on);
  void ask_task(const std::string& guid, const bbs::TaskRule& rule,
                const std::function<void(const bbs::TaskVerdict&)>& on);
  // What an answer does, in this life, and only the first answer to a request.
  template <class Answer>
  std::function<void(const Answer&)> heard_once(std::function<void(const Answer&)> on);
  void claim(const std::string& guid);
  void start(const std::string& guid);
  void leave(const std::string& guid);
  void remove(const models::ActualLRPKey& key, const std::string& guid);
  void look_for_leftovers();
  void run_task(const std::string& guid);
  void finish_task_later(const std::string& guid);
  void complete(const std::string& guid, bool failed);
  models::ActualLRPInstanceKey instance_key(const std::string& guid) const;

  World& world_;
  const std::string id_, zone_;
  std::map<std::string, Container> containers_;  // by instance guid
  struct TaskRun {
    bool is_running = false;     // it was told to start
    std::optional<bool> failed;  // when done
  };
  std::map<std::string, TaskRun> tasks_;  // by guid
  uint64_t life_ = 0;                     // counts deaths: what was begun before one is void
  uint64_t requests_ = 0;
  std::set<uint64_t> unanswered_;  // requests
  uint64_t guids_ = 0;
  bool is_up_ = true;
  bool is_gone_ = false;  // for good
  bool is_cut_off_ = false;
  bool is_evacuating_ = false;
};

}  // namespace causeway::sim
