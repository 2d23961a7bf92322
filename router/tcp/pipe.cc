#include "router/tcp/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace causeway::router {

std::unique_ptr<Pipe> Pipe::open() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  // Refused beyond the user's share of pipe memory: then it keeps its 64 KiB, or less.
  ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(capacity));
  return std::make_unique<Pipe>(ends[0], ends[1]);
}

Pipe::~Pipe() {
  ::close(read_end_);
  ::close(write_end_);
}

std::unique_ptr<Pipe> PipePool::take() {
  if (!kept_.empty()) {
    std::unique_ptr<Pipe> pipe = std::move(kept_.back());
    kept_.pop_back();
    return pipe;
  }
  if (open_ >= pipes_max_) return nullptr;
  std::unique_ptr<Pipe> pipe = Pipe::open();
  if (pipe != nullptr) count(open_ + 1);
  return pipe;
}

void PipePool::give(std::unique_ptr<Pipe> pipe, bool is_empty) {
  if (pipe == nullptr) return;
  if (is_empty && kept_.size() < kept_max) {
    kept_.push_back(std::move(pipe));
  } else {
    count(open_ - 1);
  }
}

void PipePool::count(size_t open) {
  open_ = open;
  open_gauge_.set(static_cast<double>(open));
}

}  // namespace causeway::router
