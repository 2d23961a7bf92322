#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/rng.h"
#include "test/sim/process.h"
#include "test/sim/sim_redis.h"

namespace causeway::sim {

// The store as one bbs sees it: one connection, on which commands and answers take time and keep
// their order. It may break: what was under way is told Fault::unavailable, carried out or not.
// What a bbs that has died had sent still arrives. Owner: SimBbs.
class Link final : public store::Store {
 public:
  struct Ends {
    SimRedis& redis;
    Timeline& timeline;
    Rng& rng;
    Process& process;
    uint64_t token = 0;  // of this bbs
    std::function<void()> on_fenced;
  };
  explicit Link(Ends ends) : to_(std::move(ends)), connection_(to_.redis.connect()) {}

  void read_process(const std::string& guid, const store::ProcessParts& parts,
                    On<store::ProcessRows> on) override;
  void page_processes(const store::ProcessQuery& query, On<store::ProcessPage> on) override;
  void read_cell(const std::string& cell, On<std::vector<store::CellRow>> on) override;
  void page_tasks(const store::TaskQuery& query, On<store::TaskPage> on) override;
  void read_cell_tasks(const std::string& cell, On<std::vector<store::NamedRow>> on) override;
  void read_row(const store::RowKey& key, On<std::optional<std::string>> on) override;
  void read_table(store::Table table, On<std::vector<store::NamedRow>> on) override;
  void commit(const store::Change& change, On<void> on) override;
  void confirm_process(const std::string& guid, const store::ProcessParts& parts,
                       On<void> on) override;
  void confirm_row(const store::RowKey& key, On<void> on) override;
  void on_link(std::function<void(bool)> callback) override { on_link_ = std::move(callback); }

  bool is_up() const { return is_up_; }
  bool is_idle() const { return calls_.empty(); }
  void break_off();
  // Right behind the next commit: who made it does not hear of it.
  void break_at_next_commit() { breaks_at_commit_ = true; }
  void join();

 private:
  template <class T>
  using Carry = std::function<Result<T>(SimRedis&)>;
  template <class T>
  void send(On<T> on, Carry<T> carry_out);
  void confirm(const std::string& id, On<void> on);
  template <class T>
  void ask(On<T> on, std::function<void(store::MemoryStore&, On<T>)> question);

  const Ends to_;
  bool is_up_ = true;
  bool breaks_at_commit_ = false;
  uint64_t connection_;
  uint64_t next_ = 1;
  uint64_t arrived_ = 0;  // the last command that has reached Redis
  std::map<uint64_t, std::function<void(const Error&)>> calls_;  // not answered yet
  Instant last_arrival_{}, last_answer_{};
  std::set<std::string> unconfirmed_;  // ids of rows that no replica has had in time
  std::function<void(bool)> on_link_;
};

}  // namespace causeway::sim
