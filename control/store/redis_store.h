#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/store/confirmations.h"
#include "control/store/key_space.h"
#include "control/store/loss_watch.h"
#include "control/store/row_form.h"
#include "control/store/store.h"
#include "net/timer.h"
#include "redis/client.h"

namespace causeway::store {

// The store on Redis; keys as in doc/bbs.md. One pipelined connection (to each node of a cluster),
// so callbacks of one process come in the order of the calls; a read of several commands is not one
// moment in time (commits check what they rest on). Pages come shard by shard. Owner: main().
// Thread: its loop's. Ends: calls under way are dropped without a callback.
class RedisStore final : public Store {
 public:
  struct Options {
    redis::Options redis;
    const KeyRing* keys = nullptr;  // absent: rows are kept in the clear
    // A commit is acknowledged when so many replicas have it too.
    uint32_t wait_replicas = 0;
    Duration wait_timeout = std::chrono::seconds(1);
    // How often it is looked for what Redis has acknowledged, besides after each reconnect.
    Duration look_interval = std::chrono::seconds(5);
  };
  RedisStore(net::Loop& loop, const log::Logger& logger, const Options& options);

  // How the state is cut; before the first call.
  void shards(size_t count);
  size_t shards() const { return space_.shards(); }
  // Writes carry the token from now on; one that is refused, because somebody else has fenced us
  // off, fails with Fault::refused, and `on_fenced` is called.
  void fence(std::string token, std::function<void()> on_fenced);
  // Redis has been found without something that it has acknowledged to us; users have been told
  // that the store was away, and is there.
  void on_loss(std::function<void(const RowKey& missing)> callback) {
    on_loss_ = std::move(callback);
  }
  // See RowForm.
  void labels_in_use(const std::vector<std::string>& labels) { form_.labels_in_use(labels); }
  uint64_t unreadable_rows() const { return form_.unreadable(); }

  void read_process(const std::string& process_guid, const ProcessParts& parts,
                    On<ProcessRows> on_rows) override;
  void page_processes(const ProcessQuery& query, On<ProcessPage> on_page) override;
  void read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) override;
  void page_tasks(const TaskQuery& query, On<TaskPage> on_page) override;
  void read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) override;
  void read_row(const RowKey& key, On<std::optional<std::string>> on_row) override;
  void read_table(Table table, On<std::vector<NamedRow>> on_rows) override;
  void commit(const Change& change, On<void> on_done) override;
  void confirm_process(const std::string& process_guid, const ProcessParts& parts,
                       On<void> on_done) override;
  void confirm_row(const RowKey& key, On<void> on_done) override;
  void on_link(std::function<void(bool)> callback) override;

 private:
  using Command = std::vector<std::string>;
  using Values = std::vector<redis::Value>;
  using OnValues = On<Values>;
  // Commands sent together whose replies are awaited together.
  struct Batch {
    Values values;
    size_t missing = 0;
    std::optional<Error> error;
    OnValues on_values;
  };
  // A page, or a single process, on its way.
  struct Reading {
    std::vector<ProcessRows> processes;
    ProcessParts parts;
    std::string next;
    On<ProcessPage> on_page;
    std::vector<std::pair<size_t, std::string>> scans;  // of processes: where to go on
  };
  void send(std::vector<Command> commands, OnValues on_values);
  void read_processes(Reading reading);
  void take_processes(Reading reading, Values values);
  void take_scan(Reading& reading, size_t process, redis::Value& value);
  void read_on(Reading reading);
  void finish_reading(Reading reading);
  void read_tasks(std::vector<NamedRow> named, On<std::vector<NamedRow>> on_rows);
  void prune(const ProcessRows& empty);
  std::optional<std::string> opened(const RowKey& key, redis::Value& value);
  void take_commit(const Change& change, const Result<redis::Value>& reply,
                   const redis::Place& place, const On<void>& on_done);
  void write_mark(size_t shard, redis::OnWritten on_written);
  void take_link(bool usable);
  void look_for_losses();
  void take_look(size_t shard, const RowKey& key, Values values);
  void note_fenced(const Error& error);

  const Options options_;
  KeySpace space_;
  RowForm form_;
  std::string token_;
  std::function<void()> on_fenced_;
  redis::Client client_;
  redis::Script commit_script_;
  redis::Script prune_script_;
  redis::Script mark_script_;
  std::map<uint64_t, Batch> batches_;
  uint64_t next_batch_ = 0;
  Confirmations confirmations_;
  LossWatch losses_;
  std::function<void(const RowKey&)> on_loss_;
  std::function<void(bool)> on_link_;
  net::Timer look_timer_;
};

}  // namespace causeway::store
