#pragma once

#include <cstddef>

#include "base/check.h"

namespace causeway {

template <class T>
class List;

// What an object inherits to be on one List<T>. Leaves its list when destroyed. Not copied, not
// moved. Thread: the one that owns the list.
template <class T>
class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }

  bool is_linked() const noexcept { return next_ != nullptr; }

  // Leaves the list, if on one.
  void unlink() noexcept {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
    --list_->size_;
    list_ = nullptr;
  }

 private:
  friend class List<T>;
  ListLink* next_ = nullptr;
  ListLink* previous_ = nullptr;
  List<T>* list_ = nullptr;
};

// A doubly linked list of objects that inherit ListLink<T>; it owns none of them and must be empty,
// or its objects unlinked by their own end, before it is destroyed. Constant-time size, push, pop
// and removal; no allocation.
template <class T>
class List {
 public:
  List() { head_.next_ = head_.previous_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) front().ListLink<T>::unlink();
    head_.next_ = nullptr;  // so that the head's own destructor does not look for a list
  }

  bool empty() const noexcept { return size_ == 0; }
  size_t size() const noexcept { return size_; }

  void push_back(T& object) { insert_before(head_, object); }
  void push_front(T& object) { insert_before(*head_.next_, object); }

  T& front() {
    CHECK(!empty());
    return static_cast<T&>(*head_.next_);
  }
  T& back() {
    CHECK(!empty());
    return static_cast<T&>(*head_.previous_);
  }

  // Calls visit(T&) for every object. The visited object may unlink or end itself; no other may.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListLink<T>* link = head_.next_; link != &head_;) {
      ListLink<T>* next = link->next_;
      visit(static_cast<T&>(*link));
      link = next;
    }
  }

 private:
  friend class ListLink<T>;

  void insert_before(ListLink<T>& place, ListLink<T>& link) {
    CHECK(!link.is_linked());
    link.next_ = &place;
    link.previous_ = place.previous_;
    place.previous_->next_ = &link;
    place.previous_ = &link;
    link.list_ = this;
    ++size_;
  }

  ListLink<T> head_;
  size_t size_ = 0;
};

}  // namespace causeway
