// main() of every test binary: GoogleTest's, with SIGPIPE ignored as in every binary of ours. Tests
// find the sources and the built programs in the environment, which wins, or as configured.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  ::setenv("CAUSEWAY_SOURCE_DIR", CAUSEWAY_SOURCE_DIR, 0);
  ::setenv("CAUSEWAY_BIN_DIR", CAUSEWAY_BIN_DIR, 0);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
