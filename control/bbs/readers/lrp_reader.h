#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/bbs/rows/stored_process.h"
#include "control/store/store.h"

namespace causeway::log {
class Logger;
}

namespace causeway::bbs {

// Reads many processes, page by page, without holding more than a page of them. Owner: main().
// Thread: its loop's.
class LrpReader {
 public:
  struct Query {
    std::string domain = {};
    std::optional<std::vector<std::string>> process_guids = {};  // only these
    std::vector<std::string> prefixes = {};                      // of process guids
    store::ProcessParts parts = {};
  };
  using OnProcess = std::function<void(const std::string& process_guid, const ProcessState&)>;
  // Rows as they are stored. `domain`: only what belongs to that counts, "" for any.
  using OnRows = std::function<void(const store::ProcessRows& rows, const std::string& domain)>;
  // Stands between pages until it is told whether to go on; no: the reading ends with
  // Fault::cancelled.
  using Gate = std::function<void(std::function<void(bool)> go_on)>;

  LrpReader(store::Store& store, const log::Logger& logger) : store_(store), logger_(logger) {}

  // Calls `on_process` for each process that has a row, then `on_done` once.
  void read(Query query, OnProcess on_process, std::function<void(Result<void>)> on_done,
            Gate gate = {});
  // The same without decoding.
  void read_rows(Query query, OnRows on_rows, std::function<void(Result<void>)> on_done,
                 Gate gate = {});
  // What the store has under a cell; some of it may belong to another one by now.
  void read_cell(const std::string& cell_id,
                 store::Store::On<std::vector<store::CellRow>> on_rows) {
    store_.read_cell(cell_id, std::move(on_rows));
  }
  // Somebody has met a row that cannot be read.
  void note_undecodable(const std::string& process_guid, size_t rows = 1);

  uint64_t undecodable_rows() const { return undecodable_rows_; }

 private:
  struct Reading {
    Query query;
    OnRows on_rows;
    std::function<void(Result<void>)> on_done;
    Gate gate;
    std::string after;
    size_t next_guid = 0;
    size_t awaited = 0;
    std::optional<Error> error;
  };

  void next_page(uint64_t id);
  void next_guids(uint64_t id);
  void pass_gate(uint64_t id, void (LrpReader::*next)(uint64_t));
  static void take(const Reading& reading, const store::ProcessRows& rows);
  void decode(const store::ProcessRows& rows, const std::string& domain,
              const OnProcess& on_process);
  void finish(uint64_t id, std::optional<Error> error);

  store::Store& store_;
  const log::Logger& logger_;
  std::map<uint64_t, Reading> readings_;
  uint64_t next_id_ = 0;
  uint64_t undecodable_rows_ = 0;
};

}  // namespace causeway::bbs
