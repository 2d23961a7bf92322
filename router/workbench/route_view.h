#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "router/route/route_table.h"

namespace causeway::router {

// The route table of one worker: the latest one, and older ones as long as an exchange is still
// choosing among their endpoints. Pins are counted here, so that a request does not touch the
// table's shared count. Owner: the worker. Thread: its own.
class RouteView {
 public:
  class Pin;

  RouteView() { epochs_.push_back({std::make_shared<const RouteTable>(), 0}); }
  RouteView(const RouteView&) = delete;
  RouteView& operator=(const RouteView&) = delete;

  void replace(std::shared_ptr<const RouteTable> table) {
    const auto before = std::prev(epochs_.end());
    epochs_.push_back({std::move(table), 0});
    if (before->pins == 0) epochs_.erase(before);
  }
  const RouteTable& table() const { return *epochs_.back().table; }
  // Keeps the present table until the pin goes.
  Pin pin();

 private:
  struct Epoch {
    std::shared_ptr<const RouteTable> table;
    uint32_t pins;
  };
  std::list<Epoch> epochs_;  // the last one is the present one
};

// A move-only claim on one table.
class RouteView::Pin {
 public:
  Pin() = default;
  Pin(Pin&& other) noexcept : view_(std::exchange(other.view_, nullptr)), epoch_(other.epoch_) {}
  Pin& operator=(Pin&& other) noexcept {
    if (this != &other) {
      release();
      view_ = std::exchange(other.view_, nullptr);
      epoch_ = other.epoch_;
    }
    return *this;
  }
  ~Pin() { release(); }

  const RouteTable& table() const { return *epoch_->table; }
  void release() noexcept {
    if (view_ == nullptr) return;
    if (--epoch_->pins == 0 && epoch_ != std::prev(view_->epochs_.end()))
      view_->epochs_.erase(epoch_);
    view_ = nullptr;
  }

 private:
  friend class RouteView;
  Pin(RouteView& view, std::list<Epoch>::iterator epoch) : view_(&view), epoch_(epoch) {
    ++epoch->pins;
  }

  RouteView* view_ = nullptr;
  std::list<Epoch>::iterator epoch_{};
};

inline RouteView::Pin RouteView::pin() { return {*this, std::prev(epochs_.end())}; }

}  // namespace causeway::router
