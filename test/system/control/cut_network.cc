#include "test/system/control/cut_network.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/check.h"

namespace causeway::platform {
namespace {

// Words of the test's own; a test without its network would prove nothing.
void run(const std::string& commands) {
  // tidy: words of the test's own.
  if (std::system(("set -e\n" + commands).c_str()) == 0) return;
  std::fprintf(stderr, "no network of its own (root and iproute2 and nftables are needed): %s\n",
               commands.c_str());
  std::abort();
}

int open_space() {
  const int space = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  CHECK(space >= 0);
  return space;
}

std::string path_of(int space) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(space);
}

// Of source and destination, both ways.
std::string pairs_of(const std::vector<std::string>& ones, const std::vector<std::string>& others) {
  std::string pairs;
  for (const std::string& one : ones) {
    for (const std::string& other : others) {
      pairs += pairs.empty() ? "" : ", ";
      pairs += one + " . " + other + ", " + other + " . " + one;
    }
  }
  return pairs;
}

void enter_new_space() {
  if (::unshare(CLONE_NEWNET) == 0) return;
  std::perror("unshare: no network namespaces, the test needs root");
  std::abort();
}

}  // namespace

CutNetwork::CutNetwork() {
  outside_ = open_space();
  enter_new_space();
  here_ = open_space();
  run(R"(ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f - <<END
table inet cuts {
  set pairs { type ipv4_addr . ipv4_addr; }
  chain input { type filter hook input priority 0; ip saddr . ip daddr @pairs drop; }
  chain output { type filter hook output priority 0; ip saddr . ip daddr @pairs drop; }
  chain forward { type filter hook forward priority 0; ip saddr . ip daddr @pairs drop; }
}
END)");
}

CutNetwork::~CutNetwork() {
  for (const int space : spaces_) ::close(space);
  CHECK(::setns(outside_, CLONE_NEWNET) == 0);
  ::close(here_);
  ::close(outside_);
}

void CutNetwork::run_inside(int space, const std::string& commands) const {
  CHECK(::setns(space, CLONE_NEWNET) == 0);
  run(commands);
  CHECK(::setns(here_, CLONE_NEWNET) == 0);
}

CutNetwork::Machine CutNetwork::add_machine() {
  enter_new_space();
  const int space = open_space();
  CHECK(::setns(here_, CLONE_NEWNET) == 0);
  spaces_.push_back(space);
  const std::string number = std::to_string(spaces_.size());
  const Machine machine{.address = "10.77." + number + ".2",
                        .prefix = {"nsenter", "--net=" + path_of(space), "--"},
                        .link = "to" + number};
  const std::string near = "10.77." + number + ".1";
  run("ip link add " + machine.link + " type veth peer name eth0 netns " + path_of(space) +
      "\nip address add " + near + "/30 dev " + machine.link + "\nip link set " + machine.link +
      " up");
  run_inside(space, "ip link set lo up\nip address add " + machine.address +
                        "/30 dev eth0\nip link set eth0 up\nip route add default via " + near);
  return machine;
}

std::string CutNetwork::add_address() {
  const std::string address = "10.78.0." + std::to_string(++addresses_);
  run("ip address add " + address + "/32 dev lo");
  return address;
}

std::string CutNetwork::add_service(const std::vector<Machine>& machines) {
  const std::string address = "10.79.0." + std::to_string(++addresses_);
  for (const Machine& machine : machines) {
    std::string command;
    for (const std::string& word : machine.prefix) command += word + " ";
    run(command + "ip address add " + address + "/32 dev lo");
  }
  return address;
}

void CutNetwork::lead(const std::string& service, const Machine& to,
                      const std::string& own_address) {
  run("ip route replace " + service + "/32 via " + to.address + " dev " + to.link + " src " +
      own_address);
}

void CutNetwork::cut(const std::vector<std::string>& ones, const std::vector<std::string>& others) {
  run("nft add element inet cuts pairs '{ " + pairs_of(ones, others) + " }'");
}

void CutNetwork::heal(const std::vector<std::string>& ones,
                      const std::vector<std::string>& others) {
  run("nft delete element inet cuts pairs '{ " + pairs_of(ones, others) + " }'");
}

void CutNetwork::heal() { run("nft flush set inet cuts pairs"); }

}  // namespace causeway::platform
