#include "test/sim/link.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

namespace causeway::sim {

namespace {

Error gone() { return {.fault = Fault::unavailable, .detail = "the link to Redis broke"}; }

}  // namespace

template <class T>
void Link::send(On<T> on, Carry<T> carry_out) {
  if (!is_up_) return to_.process.after(Duration::zero(), [on = std::move(on)] { on(gone()); });
  const uint64_t id = next_++;
  calls_[id] = [on](const Error& error) { on(error); };
  const auto travel = [this] { return std::chrono::microseconds(50 + to_.rng.below(1'500)); };
  const Instant now = to_.timeline.now();
  last_arrival_ = std::max(last_arrival_, now + travel());
  last_answer_ = std::max(last_answer_, last_arrival_ + travel());
  // Not through the process: on its way, and carried out, even if that sleeps or is dead.
  to_.timeline.after(last_arrival_ - now, [this, id, on = std::move(on), answered = last_answer_,
                                           carry_out = std::move(carry_out), &redis = to_.redis,
                                           &timeline = to_.timeline, connection = connection_,
                                           alive = to_.process.alive()]() mutable {
    if (redis.has_lost(connection, id) || !redis.is_up()) return;
    Result<T> result = carry_out(redis);
    if (alive.expired() || connection != connection_) return;
    arrived_ = id;
    if (std::is_void_v<T> && breaks_at_commit_) return break_off();
    timeline.after(answered - timeline.now(),
                   [this, id, on = std::move(on), alive, result = std::move(result)]() mutable {
                     if (alive.expired() || calls_.erase(id) == 0) return;
                     to_.process.run([on = std::move(on), result = std::move(result)]() mutable {
                       on(std::move(result));
                     });
                   });
  });
}

template <class T>
void Link::ask(On<T> on, std::function<void(store::MemoryStore&, On<T>)> question) {
  send<T>(std::move(on), [question = std::move(question)](SimRedis& redis) {
    std::optional<Result<T>> answer;
    question(redis.rows(), [&answer](Result<T> result) { answer = std::move(result); });
    redis.rows().run_pending();
    return std::move(*answer);
  });
}

void Link::read_process(const std::string& guid, const store::ProcessParts& parts,
                        On<store::ProcessRows> on) {
  ask<store::ProcessRows>(std::move(on), [guid, parts](auto& rows, auto answer) {
    rows.read_process(guid, parts, std::move(answer));
  });
}

void Link::page_processes(const store::ProcessQuery& query, On<store::ProcessPage> on) {
  ask<store::ProcessPage>(std::move(on), [query](auto& rows, auto answer) {
    rows.page_processes(query, std::move(answer));
  });
}

void Link::read_cell(const std::string& cell, On<std::vector<store::CellRow>> on) {
  ask<std::vector<store::CellRow>>(
      std::move(on), [cell](auto& rows, auto answer) { rows.read_cell(cell, std::move(answer)); });
}

void Link::page_tasks(const store::TaskQuery& query, On<store::TaskPage> on) {
  ask<store::TaskPage>(std::move(on), [query](auto& rows, auto answer) {
    rows.page_tasks(query, std::move(answer));
  });
}

void Link::read_cell_tasks(const std::string& cell, On<std::vector<store::NamedRow>> on) {
  ask<std::vector<store::NamedRow>>(std::move(on), [cell](auto& rows, auto answer) {
    rows.read_cell_tasks(cell, std::move(answer));
  });
}

void Link::read_row(const store::RowKey& key, On<std::optional<std::string>> on) {
  ask<std::optional<std::string>>(
      std::move(on), [key](auto& rows, auto answer) { rows.read_row(key, std::move(answer)); });
}

void Link::read_table(store::Table table, On<std::vector<store::NamedRow>> on) {
  ask<std::vector<store::NamedRow>>(std::move(on), [table](auto& rows, auto answer) {
    rows.read_table(table, std::move(answer));
  });
}

void Link::commit(const store::Change& change, On<void> on) {
  send<void>(
      [this, id = change.front().key.id, on = std::move(on)](const Result<void>& done) {
        if (!done && done.error().fault == Fault::timeout) unconfirmed_.insert(id);
        on(done);
        if (!done && done.error().fault == Fault::refused) to_.on_fenced();
      },
      [change, token = to_.token, &timeline = to_.timeline](SimRedis& redis) {
        return redis.commit(token, change, timeline.now());
      });
}

void Link::confirm_process(const std::string& guid, const store::ProcessParts&, On<void> on) {
  confirm(guid, std::move(on));
}

void Link::confirm_row(const store::RowKey& key, On<void> on) { confirm(key.id, std::move(on)); }

void Link::confirm(const std::string& id, On<void> on) {
  if (!unconfirmed_.contains(id)) return on({});
  send<void>(
      [this, id, on = std::move(on)](const Result<void>& done) {
        if (done) unconfirmed_.erase(id);
        on(done);
      },
      [](const SimRedis& redis) { return redis.confirm(); });
}

// Of what is on its way a part still arrives: a connection keeps its order.
void Link::break_off() {
  breaks_at_commit_ = false;
  if (!is_up_) return;
  is_up_ = false;
  to_.redis.cut(connection_, arrived_ + 1 + to_.rng.below(next_ - arrived_));
  connection_ = 0;
  for (const auto& [id, fail] : std::exchange(calls_, {}))
    to_.process.run([fail = fail] { fail(gone()); });
  if (on_link_) to_.process.run([this] { on_link_(false); });
}

void Link::join() {
  if (is_up_) return;
  is_up_ = true;
  connection_ = to_.redis.connect();
  next_ = 1;
  arrived_ = 0;
  unconfirmed_.clear();
  last_arrival_ = last_answer_ = {};
  if (on_link_) to_.process.run([this] { on_link_(true); });
}

}  // namespace causeway::sim
