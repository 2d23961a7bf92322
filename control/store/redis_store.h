#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/store/store.h"
#include "redis/client.h"

namespace causeway::store {

// The store on Redis; keys as in doc/bbs.md. One pipelined connection, so callbacks come in the
// order of the calls; a read of several commands is not one moment in time (commits check what they
// rest on). Owner: main(). Thread: its loop's. Ends: calls under way are dropped without a
// callback.
class RedisStore final : public Store {
 public:
  RedisStore(net::Loop& loop, const log::Logger& logger, const redis::Options& options);

  void read_process(const std::string& process_guid, const ProcessParts& parts,
                    On<ProcessRows> on_rows) override;
  void page_processes(const ProcessQuery& query, On<ProcessPage> on_page) override;
  void read_cell(const std::string& cell_id, On<std::vector<CellRow>> on_rows) override;
  void page_tasks(const TaskQuery& query, On<TaskPage> on_page) override;
  void read_cell_tasks(const std::string& cell_id, On<std::vector<NamedRow>> on_rows) override;
  void read_row(const RowKey& key, On<std::optional<std::string>> on_row) override;
  void read_table(Table table, On<std::vector<NamedRow>> on_rows) override;
  void commit(const Change& change, On<void> on_done) override;
  void on_link(std::function<void(bool)> callback) override;

 private:
  using Command = std::vector<std::string>;
  using OnValues = On<std::vector<redis::Value>>;
  // Commands sent together whose replies are awaited together.
  struct Batch {
    std::vector<redis::Value> values;
    std::optional<Error> error;
    OnValues on_values;
  };

  void send(std::vector<Command> commands, OnValues on_values);
  void read_processes(std::vector<ProcessRows> named, const ProcessParts& parts, std::string next,
                      On<ProcessPage> on_page);
  void read_tasks(std::vector<NamedRow> named, On<std::vector<NamedRow>> on_rows);
  void prune(const ProcessRows& empty);

  redis::Client client_;
  redis::Script commit_script_;
  redis::Script prune_script_;
  std::map<uint64_t, Batch> batches_;
  uint64_t next_batch_ = 0;
};

}  // namespace causeway::store
