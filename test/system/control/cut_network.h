#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace causeway::platform {

// Machines on one network, and cuts between them: namespaces of Linux that nobody else sees. The
// test's own thread stands in the middle ("here") and carries the packets of all; what is cut is
// dropped silently, as by a dead switch: connections stay open and hear nothing. Everything ends
// with the last process in it, however the test ends. Needs root.
//
// Owner: a test. Thread: one, which lives in the network until this ends; programs that it starts
// meanwhile do too.
class CutNetwork {
 public:
  // Aborts the test program where there are no namespaces to be had.
  CutNetwork();
  CutNetwork(const CutNetwork&) = delete;
  CutNetwork& operator=(const CutNetwork&) = delete;
  ~CutNetwork();

  struct Machine {
    std::string address;
    std::vector<std::string> prefix;  // of a command line: the program runs there
    std::string link;                 // to it, from here
  };
  Machine add_machine();
  // Another address of ours.
  std::string add_address();
  // An address that several machines have, as a service's name has one after the other.
  std::string add_service(const std::vector<Machine>& machines);
  // Who is reached by it, and with which of our addresses.
  void lead(const std::string& service, const Machine& to, const std::string& own_address);

  // Between each of the ones and each of the others, both ways.
  void cut(const std::vector<std::string>& ones, const std::vector<std::string>& others);
  void heal(const std::vector<std::string>& ones, const std::vector<std::string>& others);
  void heal();  // all

 private:
  void run_inside(int space, const std::string& commands) const;

  int outside_ = -1;  // where the thread came from
  int here_ = -1;
  std::vector<int> spaces_;  // of the machines
  int addresses_ = 0;
};

}  // namespace causeway::platform
