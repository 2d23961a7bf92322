#include "test/sim/sim_bbs.h"

#include <utility>

#include "control/bbs/rows/stored_bytes.h"

namespace causeway::sim {

namespace {

constexpr Duration kept_round = std::chrono::minutes(10);

}  // namespace

void note_page(Listing& listing, const store::ProcessPage& page) {
  for (const auto& process : page.processes) {
    const std::string name = "p" + process.process_guid;
    if (process.scheduling) listing[name] = *process.scheduling;
    for (const auto& row : process.actual) listing[name + "/" + row.slot] = row.bytes;
  }
}

void note_page(Listing& listing, const store::TaskPage& page) {
  for (const auto& task : page.tasks) listing["t" + task.id] = task.bytes;
}

void SimBbs::Desk::call_back(const std::string& url, std::string body,
                             std::function<void(Result<int>)> on_status) {
  world.call_back(url, std::move(body),
                  [&running = process, alive = process.alive(),
                   on_status = std::move(on_status)](const Result<int>& status) {
                    if (alive.expired()) return;
                    running.run([on_status, status] { on_status(status); });
                  });
}

SimBbs::SimBbs(const Surroundings& around, uint64_t token)
    : token_(token),
      timeline_(around.timeline),
      process_(around.timeline),
      link_({around.redis, around.timeline, around.rng, process_, token, around.on_fenced}),
      renewed_(timeline_.now()),
      kept_(kept_world(around), kept_round),
      store_(around.keeps_rows ? static_cast<store::Store&>(kept_) : link_),
      desk_(around.outbox, process_),
      cells_(store(), around.logger),
      domains_(store()),
      errands_(cells_, desk_, around.logger),
      ledger_({store(), around.timeline,
               [this] { return "e" + std::to_string(token_) + "-" + std::to_string(++guids_); },
               streams_, errands_, around.logger}),
      callbacks_(ledger_, desk_, around.logger, 1000),
      presences_(store(), around.timeline, [this] { converge(true); }),
      sweeper_({store(), ledger_, cells_, domains_, errands_, around.timeline, around.logger}, {},
               {.rest =
                    [this](Duration, std::function<void()> go_on) {
                      process_.after(std::chrono::milliseconds(1), std::move(go_on));
                    },
                .on_end =
                    [this](bool) {
                      if (std::exchange(again_, false)) converge(true);
                    },
                .on_given_up = [] {}}) {
  ledger_.on_callback_due([this](const models::Task& task) { callbacks_.deliver(task); });
  store().on_link([this](bool is_up) {
    if (!is_up) return presences_.suspend();
    presences_.renew_all();
    streams_.cut_all();
    converge(true);
  });
  if (around.keeps_rows) kept_.begin(1);
  presences_.renew_all();
  converge(true);
}

store::KeptStore::World SimBbs::kept_world(const Surroundings& around) {
  return {
      .store = link_,
      .clock = timeline_,
      .logger = around.logger,
      .soon = [this] { process_.after(Duration::zero(), [this] { kept_.run_pending(); }); },
      .next_turn =
          [this] { process_.after(std::chrono::milliseconds(1), [this] { kept_.run_bulk(); }); },
      .rest =
          [this](Duration pause) {
            process_.after(pause, [this, number = ++rests_] {
              if (number == rests_) kept_.step();
            });
          },
      .is_sure = [this] { return timeline_.now() - renewed_ < lock_ttl; },
      .cell_of =
          [](std::string_view row) {
            const auto found = bbs::look_into_actual(row);
            return found ? found->cell_id : std::string_view();
          },
      .on_corrected =
          [this] {
            streams_.cut_all();
            converge(true);
          }};
}

void SimBbs::renewed() { renewed_ = timeline_.now(); }

void SimBbs::converge(bool place_all) {
  // In a turn of its own: who asks may be inside a pass.
  process_.after(std::chrono::milliseconds(20), [this, place_all] {
    if (sweeper_.is_running()) {
      again_ = true;
    } else {
      sweeper_.begin(place_all ? bbs::Sweeper::Again::all : bbs::Sweeper::Again::stale);
    }
  });
}

void SimBbs::list(std::function<void(const Result<Listing>&)> on_listing) {
  store().page_processes(
      {.parts = {.scheduling = true, .all_slots = true}},
      [this, on_listing = std::move(on_listing)](const Result<store::ProcessPage>& page) {
        if (!page) return on_listing(page.error());
        Listing listing;
        note_page(listing, *page);
        store().page_tasks({}, [on_listing, listing = std::move(listing)](
                                   const Result<store::TaskPage>& tasks) mutable {
          if (!tasks) return on_listing(tasks.error());
          note_page(listing, *tasks);
          on_listing(listing);
        });
      });
}

}  // namespace causeway::sim
