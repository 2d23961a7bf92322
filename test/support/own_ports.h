#pragma once

// Loopback ports for the servers of a test, out of blocks of fifty. A block belongs to one test
// program at a time: a lock on a file of its number, held until the program ends, keeps the others
// away (own_ports.py does the same).

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>

namespace causeway::test {

inline constexpr int kPortsFrom = 20'000;  // below the range of outgoing connections
inline constexpr int kPortBlocks = 240;
inline constexpr int kPortsPerBlock = 50;

// Whether the block is ours now. Its descriptor stays open to the end.
inline bool lock_port_block(int block) {
  const std::string folder =
      (std::filesystem::temp_directory_path() / "causeway-test-ports-").string() +
      std::to_string(::getuid());
  ::mkdir(folder.c_str(), 0700);
  const std::string path = folder + "/" + std::to_string(block);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot open " + path);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  ::close(fd);
  return false;
}

inline bool is_port_free(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return is_free;
}

// One that is free, and never the same one twice: a server with four ports would now and then be
// given two equal ones.
inline uint16_t free_port() {
  static std::minstd_rand random{std::random_device{}()};
  static int next = 0, end = 0;
  for (int attempt = 0; attempt < 100 * kPortBlocks;) {
    if (next == end) {
      ++attempt;
      const int block = std::uniform_int_distribution<int>(0, kPortBlocks - 1)(random);
      if (!lock_port_block(block)) continue;
      next = kPortsFrom + block * kPortsPerBlock;
      end = next + kPortsPerBlock;
    }
    const auto port = static_cast<uint16_t>(next++);
    if (is_port_free(port)) return port;
  }
  throw std::runtime_error("no free ports");
}

}  // namespace causeway::test
