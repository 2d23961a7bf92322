#include "control/bbs/readers/lrp_reader.h"

#include <algorithm>
#include <utility>

#include "log/logger.h"

namespace causeway::bbs {

void LrpReader::read(Query query, OnProcess on_process, std::function<void(Result<void>)> on_done,
                     Gate gate) {
  read_rows(
      std::move(query),
      [this, on_process = std::move(on_process)](const store::ProcessRows& rows,
                                                 const std::string& domain) {
        decode(rows, domain, on_process);
      },
      std::move(on_done), std::move(gate));
}

void LrpReader::read_rows(Query query, OnRows on_rows, std::function<void(Result<void>)> on_done,
                          Gate gate) {
  const uint64_t id = next_id_++;
  Reading& reading = readings_[id];
  reading.query = std::move(query);
  reading.on_rows = std::move(on_rows);
  reading.on_done = std::move(on_done);
  reading.gate = std::move(gate);
  if (!reading.query.process_guids) return next_page(id);
  auto& guids = *reading.query.process_guids;
  std::sort(guids.begin(), guids.end());
  guids.erase(std::unique(guids.begin(), guids.end()), guids.end());
  // An empty list selects nothing, but the answer must not come from inside the call: a page of
  // nothing is asked for.
  if (guids.empty()) guids.emplace_back();
  next_guids(id);
}

void LrpReader::next_page(uint64_t id) {
  const Reading& reading = readings_.at(id);
  const store::ProcessQuery query{.domain = reading.query.domain,
                                  .prefixes = reading.query.prefixes,
                                  .parts = reading.query.parts,
                                  .after = reading.after};
  store_.page_processes(query, [this, id](Result<store::ProcessPage> page) {
    if (!page) return finish(id, std::move(page.error()));
    Reading& waiting = readings_.at(id);
    for (const auto& rows : page->processes) take(waiting, rows);
    if (page->next.empty()) return finish(id, std::nullopt);
    waiting.after = std::move(page->next);
    pass_gate(id, &LrpReader::next_page);
  });
}

void LrpReader::next_guids(uint64_t id) {
  Reading& reading = readings_.at(id);
  const auto& guids = *reading.query.process_guids;
  const size_t end = std::min(guids.size(), reading.next_guid + store::kPageEntries);
  reading.awaited = end - reading.next_guid;
  for (; reading.next_guid < end; ++reading.next_guid) {
    store_.read_process(
        guids[reading.next_guid], reading.query.parts, [this, id](Result<store::ProcessRows> rows) {
          Reading& waiting = readings_.at(id);
          if (rows) {
            take(waiting, *rows);
          } else {
            waiting.error = std::move(rows.error());
          }
          if (--waiting.awaited > 0) return;
          const bool last =
              waiting.error || waiting.next_guid == waiting.query.process_guids->size();
          if (last) return finish(id, std::move(waiting.error));
          pass_gate(id, &LrpReader::next_guids);
        });
  }
}

void LrpReader::pass_gate(uint64_t id, void (LrpReader::*next)(uint64_t)) {
  // A copy: the reading may end inside.
  const Gate gate = readings_.at(id).gate;
  if (!gate) return (this->*next)(id);
  gate([this, id, next](bool goes_on) {
    if (!goes_on) return finish(id, Error{.fault = Fault::cancelled});
    (this->*next)(id);
  });
}

// A process whose rows name two domains is met once under each.
void LrpReader::take(const Reading& reading, const store::ProcessRows& rows) {
  reading.on_rows(rows, rows.domain.empty() ? reading.query.domain : rows.domain);
}

void LrpReader::note_undecodable(const std::string& process_guid, size_t rows) {
  undecodable_rows_ += rows;
  logger_.error("undecodable-row", {{"process_guid", process_guid}});
}

void LrpReader::decode(const store::ProcessRows& rows, const std::string& domain,
                       const OnProcess& on_process) {
  StoredProcess process = decode_process(rows);
  if (process.undecodable > 0) note_undecodable(rows.process_guid, process.undecodable);
  ProcessState& state = process.state;
  if (!domain.empty()) {
    if (state.scheduling && state.scheduling->domain() != domain) {
      state.scheduling.reset();
      state.run.reset();
    }
    for (auto& [index, of_index] : state.indexes) {
      for (const Presence presence : kPresences) {
        auto& row = of_index.of(presence);
        if (row && row->actual_lrp_key().domain() != domain) row.reset();
      }
    }
  }
  std::erase_if(state.indexes, [](const auto& entry) { return entry.second.empty(); });
  if (state.scheduling || !state.indexes.empty()) on_process(rows.process_guid, state);
}

void LrpReader::finish(uint64_t id, std::optional<Error> error) {
  const auto node = readings_.extract(id);
  if (error) return node.mapped().on_done(std::move(*error));
  node.mapped().on_done({});
}

}  // namespace causeway::bbs
