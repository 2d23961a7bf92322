#include "test/support/certificates.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "base/check.h"

namespace causeway::test {

namespace {

// Words are told apart by blanks.
void run_openssl(const std::string& line) {
  std::istringstream stream("openssl " + line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  CHECK(::posix_spawn_file_actions_init(&quiet) == 0);
  for (const int stream_of_it : {STDOUT_FILENO, STDERR_FILENO}) {
    CHECK(::posix_spawn_file_actions_addopen(&quiet, stream_of_it, "/dev/null", O_WRONLY, 0) == 0);
  }
  pid_t pid = 0;
  CHECK(::posix_spawnp(&pid, arguments[0], &quiet, nullptr, arguments.data(), environ) == 0);
  ::posix_spawn_file_actions_destroy(&quiet);
  int status = 0;
  CHECK(::waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

Authority::Authority(const std::string& name) {
  const std::string folder = folder_.path();
  run_openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
      name + " -keyout " + folder + "/authority.key -out " + certificate());
}

Authority::Files Authority::sign(const std::string& name,
                                 const std::string& alternative_names) const {
  return sign(name, alternative_names, {});
}

Authority::Files Authority::sign(const std::string& name, const std::string& alternative_names,
                                 const Wishes& wishes) const {
  const std::string folder = folder_.path();
  const std::string path = folder + "/" + name;
  const Files files{path + ".pem", path + ".key"};
  std::ofstream(path + ".ext") << "subjectAltName=" << alternative_names
                               << "\nextendedKeyUsage=serverAuth,clientAuth\n";
  const std::string kind = wishes.is_rsa ? "rsa:2048" : "ec -pkeyopt ec_paramgen_curve:prime256v1";
  run_openssl("req -new -newkey " + kind + " -nodes -subj " +
              (wishes.subject.empty() ? "/CN=" + name : wishes.subject) + " -keyout " + files.key +
              " -out " + path + ".csr");
  run_openssl("x509 -req -days " + std::to_string(wishes.days) + " -CAcreateserial -in " + path +
              ".csr -CA " + certificate() + " -CAkey " + folder + "/authority.key -extfile " +
              path + ".ext -out " + files.certificate);
  return files;
}

std::string Authority::text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace causeway::test
