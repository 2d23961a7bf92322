#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "router/settings/settings.h"

namespace causeway::router {

// The settings of one worker: the latest, and former ones as long as an exchange that began under
// them is open, and a while longer for what may still be dialling by them. Owner: the worker's
// Workbench. Thread: its own.
class SettingsHistory {
  struct Generation {
    std::shared_ptr<const Settings> settings;
    Settings replaced;  // what the workbench showed until then; bytes of it may be on their way
    uint32_t pins = 0;
    Instant until{};  // kept at least; meaningless for the latest
  };

 public:
  // A claim on the settings of one time. Move-only.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept : generation_(std::exchange(other.generation_, nullptr)) {}
    Pin& operator=(Pin&& other) noexcept {
      if (this != &other) {
        release();
        generation_ = std::exchange(other.generation_, nullptr);
      }
      return *this;
    }
    ~Pin() { release(); }

    bool is_held() const { return generation_ != nullptr; }
    const Settings& settings() const { return *generation_->settings; }
    void release() noexcept {
      if (generation_ != nullptr) --std::exchange(generation_, nullptr)->pins;
    }

   private:
    friend class SettingsHistory;
    explicit Pin(Generation& generation) : generation_(&generation) { ++generation.pins; }

    Generation* generation_ = nullptr;
  };

  explicit SettingsHistory(std::shared_ptr<const Settings> first) {
    generations_.push_back({std::move(first), {}});
  }
  SettingsHistory(const SettingsHistory&) = delete;
  SettingsHistory& operator=(const SettingsHistory&) = delete;

  const Settings& latest() const { return *generations_.back().settings; }
  Pin pin() { return Pin(generations_.back()); }
  // `replaced`: the copy that was in use.
  void replace(std::shared_ptr<const Settings> next, Settings replaced, Instant now) {
    Generation& former = generations_.back();
    former.replaced = std::move(replaced);
    former.until = now + former.settings->endpoint_dial_timeout +
                   former.settings->tls_handshake_timeout + kGrace;
    generations_.push_back({std::move(next), {}});
  }
  // Lets go of what nobody needs any more.
  void sweep(Instant now) {
    for (auto each = generations_.begin(); std::next(each) != generations_.end();) {
      each = each->pins == 0 && each->until <= now ? generations_.erase(each) : std::next(each);
    }
  }
  size_t size() const { return generations_.size(); }

 private:
  static constexpr Duration kGrace = std::chrono::seconds(10);

  std::list<Generation> generations_;  // the last one is the latest
};

}  // namespace causeway::router
