#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Thin pieces over Linux that the shim's classes share. Blocking is fine here: the shim has nothing
// else to do meanwhile.
namespace causeway::shim {

// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close();
  int release();

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read_end;  // never blocks
  Descriptor write_end;
};
Pipe make_pipe();

// Starts a program found in PATH with these three descriptors as its standard ones and nothing else
// of ours, signals as they were before the shim. Answers its pid, or -errno.
int start_program(const std::vector<std::string>& argv, int input, int output, int errors);

int64_t wall_ns();
int64_t monotonic_ns();

// "" when it cannot be read; at most `bytes_max`, from the end of the file when it is longer.
std::string read_file(const std::string& path, size_t bytes_max = 64u << 10);
// Whole or not at all: written beside and renamed.
bool write_file_atomically(const std::string& path, std::string_view text);

// A local socket that listens at `path`, however long that is. Not open: errno tells.
Descriptor listen_at(const std::string& folder, std::string_view name);

// How often the kernel killed for want of memory in this cgroup (path below the hierarchy's root):
// v1 or v2, whichever is there.
int64_t oom_kills(const std::string& cgroup);

}  // namespace causeway::shim
