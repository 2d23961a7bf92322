#include "net/child.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/child_process.h"
#include "net/loop.h"
#include "net/loop_core.h"

namespace causeway::net {

namespace {

class ChildProcess;

// How long output may stay open after the child's end: grandchildren may hold the pipes for ever.
constexpr uint64_t output_grace_ms = 1000;
// What is still read from one pipe when that time is over.
constexpr int last_reads_max = 16;

// All handles of one child; freed when the last of them is closed. It outlives its ChildProcess
// while the process runs: somebody has to collect the exit status.
struct ChildBlock {
  static constexpr size_t input = 0, output = 1, errors = 2;

  uv_process_t process;
  std::array<uv_pipe_t, 3> pipes;
  std::array<bool, 3> pipe_is_open{};
  uv_timer_t grace;
  uv_write_t input_request;
  std::string input_bytes;
  Child::Events events;
  LoopCore* core = nullptr;
  ChildProcess* owner = nullptr;
  int open_handles = 0;
  bool has_exited = false;
  ChildExit exit;
};

ChildBlock& child_of(void* data) { return *static_cast<ChildBlock*>(data); }

void on_child_handle_closed(uv_handle_t* handle) {
  ChildBlock& block = child_of(handle->data);
  if (--block.open_handles == 0) std::unique_ptr<ChildBlock>{&block};
}

void close_pipe(ChildBlock& block, size_t index) {
  if (!std::exchange(block.pipe_is_open[index], false)) return;
  uv_close(as_handle(&block.pipes[index]), on_child_handle_closed);
}

void close_pipes_and_grace(ChildBlock& block) {
  for (size_t index = 0; index < block.pipes.size(); ++index) close_pipe(block, index);
  if (uv_is_closing(as_handle(&block.grace)) == 0) {
    uv_close(as_handle(&block.grace), on_child_handle_closed);
  }
}

// A running child. Owner: as Child.
class ChildProcess final : public Child {
 public:
  ChildProcess(Loop& loop, ChildBlock& block)
      : loop_(loop), block_(&block), pid_(block.process.pid) {
    block.owner = this;
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() override {
    loop_.check_thread();
    if (block_ == nullptr) return;
    block_->owner = nullptr;
    close_pipes_and_grace(*block_);
    // A process that still runs is collected by on_process_exit, which does not keep the loop
    // running.
    if (!block_->has_exited) uv_unref(as_handle(&block_->process));
  }

  int pid() const override { return pid_; }
  void kill(int signal) override {
    if (block_ != nullptr && !block_->has_exited) uv_process_kill(&block_->process, signal);
  }
  void forget_block() { block_ = nullptr; }

 private:
  Loop& loop_;
  ChildBlock* block_;  // null after on_exit
  int pid_;
};

void finish(ChildBlock& block) {
  close_pipes_and_grace(block);
  std::exchange(block.owner, nullptr)->forget_block();
  // The block lives until the close callbacks, whatever this does.
  if (block.events.on_exit) block.events.on_exit(block.exit);
}

void finish_if_over(ChildBlock& block) {
  const bool has_output =
      block.pipe_is_open[ChildBlock::output] || block.pipe_is_open[ChildBlock::errors];
  if (block.owner != nullptr && block.has_exited && !has_output) finish(block);
}

void deliver(ChildBlock& block, size_t index, std::string_view bytes) {
  auto& receiver = index == ChildBlock::output ? block.events.on_stdout : block.events.on_stderr;
  receiver(bytes);
}

void on_output_room(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(child_of(handle->data).core->scratch.get(), LoopCore::scratch_bytes);
}

void on_output(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  ChildBlock& block = child_of(stream->data);
  const size_t index = stream == as_stream(&block.pipes[ChildBlock::output]) ? ChildBlock::output
                                                                             : ChildBlock::errors;
  if (count == 0 || block.owner == nullptr) return;
  if (count > 0) return deliver(block, index, {buffer->base, static_cast<size_t>(count)});
  close_pipe(block, index);
  finish_if_over(block);
}

void on_grace_over(uv_timer_t* timer) {
  ChildBlock& block = child_of(timer->data);
  // The loop itself may have been late: what the child wrote is still taken.
  for (const size_t index : {ChildBlock::output, ChildBlock::errors}) {
    int descriptor = -1;
    if (!block.pipe_is_open[index]) continue;
    if (uv_fileno(as_handle(&block.pipes[index]), &descriptor) != 0) continue;
    for (int round = 0; round < last_reads_max && block.owner != nullptr; ++round) {
      const ssize_t count = ::read(descriptor, block.core->scratch.get(), LoopCore::scratch_bytes);
      if (count <= 0) break;
      deliver(block, index, {block.core->scratch.get(), static_cast<size_t>(count)});
    }
  }
  if (block.owner != nullptr) finish(block);
}

void on_process_exit(uv_process_t* process, int64_t status, int signal) {
  ChildBlock& block = child_of(process->data);
  block.has_exited = true;
  block.exit = ChildExit{.status = status, .signal = signal};
  uv_close(as_handle(process), on_child_handle_closed);
  if (block.owner == nullptr) return;
  uv_timer_start(&block.grace, on_grace_over, output_grace_ms, 0);
  finish_if_over(block);
}

void on_input_written(uv_write_t* request, int) {
  // A child that ends or closes its input early has its reasons; its exit status tells.
  close_pipe(child_of(request->handle->data), ChildBlock::input);
}

// The three descriptors a child starts with, and our ends of those that are pipes. Real pipes, not
// libuv's socket pairs: a program may open /dev/stdout. Owner: Child::spawn, on the stack. Closes
// what is still its own.
class Descriptors {
 public:
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (const auto& ends : {theirs_, ours_}) {
      for (const int descriptor : ends) {
        if (descriptor >= 0) ::close(descriptor);
      }
    }
  }

  // Answers 0 or an errno.
  int add_pipe(size_t index) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
    const bool is_input = index == ChildBlock::input;
    theirs_[index] = ends[is_input ? 0 : 1];
    ours_[index] = ends[is_input ? 1 : 0];
    return 0;
  }
  int add_file(size_t index, const std::string& path) {
    theirs_[index] = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return theirs_[index] < 0 ? errno : 0;
  }

  uv_stdio_container_t container(size_t index) const {
    uv_stdio_container_t stdio{};
    stdio.flags = theirs_[index] < 0 ? UV_IGNORE : UV_INHERIT_FD;
    stdio.data.fd = theirs_[index];
    return stdio;
  }
  int ours(size_t index) const { return ours_[index]; }
  void released(size_t index) { ours_[index] = -1; }

 private:
  std::array<int, 3> theirs_{-1, -1, -1};
  std::array<int, 3> ours_{-1, -1, -1};
};

Error spawn_error(const Child::Command& command, int os, std::string_view what = {}) {
  std::string detail = "start " + (command.argv.empty() ? std::string("nothing") : command.argv[0]);
  if (!what.empty()) detail += ": " + std::string(what);
  return Error{.fault = fault_of_errno(os), .os = os, .detail = std::move(detail)};
}

Result<void> prepare(Descriptors& descriptors, const Child::Command& command,
                     const Child::Events& events) {
  if (!command.input.empty()) {
    if (const int os = descriptors.add_pipe(ChildBlock::input); os != 0)
      return spawn_error(command, os, "pipe");
  }
  struct Output {
    size_t index;
    const std::string& path;
    bool is_wanted;
  };
  const Output outputs[] = {{ChildBlock::output, command.stdout_path, events.on_stdout != nullptr},
                            {ChildBlock::errors, command.stderr_path, events.on_stderr != nullptr}};
  for (const Output& output : outputs) {
    int os = 0;
    if (!output.path.empty()) {
      os = descriptors.add_file(output.index, output.path);
    } else if (output.is_wanted) {
      os = descriptors.add_pipe(output.index);
    }
    if (os != 0) return spawn_error(command, os, output.path.empty() ? "pipe" : output.path);
  }
  return {};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

// uv_spawn with everything translated. 0 or a negative errno.
int start_process(ChildBlock& block, const Child::Command& command,
                  const Descriptors& descriptors) {
  std::vector<char*> arguments = pointers(command.argv);
  std::vector<char*> environment;
  if (command.env) environment = pointers(*command.env);
  std::array<uv_stdio_container_t, 3> stdio{descriptors.container(0), descriptors.container(1),
                                            descriptors.container(2)};
  uv_process_options_t options{};
  options.exit_cb = on_process_exit;
  options.file = arguments[0];
  options.args = arguments.data();
  options.env = command.env ? environment.data() : nullptr;
  options.cwd = command.working_dir.empty() ? nullptr : command.working_dir.c_str();
  options.flags = command.new_session ? static_cast<unsigned>(UV_PROCESS_DETACHED) : 0U;
  options.stdio_count = static_cast<int>(stdio.size());
  options.stdio = stdio.data();
  return uv_spawn(&block.core->loop, &block.process, &options);
}

// Our ends become handles that read, or write the input.
int open_pipes(ChildBlock& block, Descriptors& descriptors) {
  for (size_t index = 0; index < block.pipes.size(); ++index) {
    if (descriptors.ours(index) < 0) continue;
    uv_pipe_t& pipe = block.pipes[index];
    uv_pipe_init(&block.core->loop, &pipe, 0);
    pipe.data = &block;
    ++block.open_handles;
    block.pipe_is_open[index] = true;
    if (const int status = uv_pipe_open(&pipe, descriptors.ours(index)); status != 0) return status;
    descriptors.released(index);
  }
  return 0;
}

void start_streams(ChildBlock& block) {
  for (const size_t index : {ChildBlock::output, ChildBlock::errors}) {
    if (!block.pipe_is_open[index]) continue;
    CHECK(uv_read_start(as_stream(&block.pipes[index]), on_output_room, on_output) == 0);
  }
  if (!block.pipe_is_open[ChildBlock::input]) return;
  const uv_buf_t bytes =
      uv_buf_init(block.input_bytes.data(), static_cast<unsigned>(block.input_bytes.size()));
  const int status = uv_write(&block.input_request, as_stream(&block.pipes[ChildBlock::input]),
                              &bytes, 1, on_input_written);
  if (status != 0) close_pipe(block, ChildBlock::input);
}

}  // namespace

bool close_detached_child(uv_handle_s* handle) {
  if (handle->type != UV_PROCESS || child_of(handle->data).owner != nullptr) return false;
  uv_close(handle, on_child_handle_closed);
  return true;
}

Result<std::unique_ptr<Child>> Child::spawn(Loop& loop, const Command& command, Events events) {
  loop.check_thread();
  if (command.argv.empty() || command.argv[0].empty())
    return spawn_error(command, EINVAL, "no program");
  Descriptors descriptors;
  if (Result<void> prepared = prepare(descriptors, command, events); !prepared)
    return prepared.error();

  ChildBlock& block = *std::make_unique<ChildBlock>().release();
  block.core = &LoopCore::of(loop);
  block.events = std::move(events);
  block.input_bytes = command.input;
  uv_timer_init(&block.core->loop, &block.grace);
  block.grace.data = &block;
  block.process.data = &block;
  block.open_handles = 2;
  int status = open_pipes(block, descriptors);
  if (status == 0) {
    status = start_process(block, command, descriptors);
    if (status != 0) uv_close(as_handle(&block.process), on_child_handle_closed);
  } else {
    --block.open_handles;  // the process handle was never begun
  }
  if (status != 0) {
    close_pipes_and_grace(block);
    return spawn_error(command, -status, uv_strerror(status));
  }
  start_streams(block);
  return std::unique_ptr<Child>(std::make_unique<ChildProcess>(loop, block));
}

}  // namespace causeway::net
