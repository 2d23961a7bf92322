#include "test/support/certificates.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/check.h"

namespace causeway::test {

namespace {

// Words without characters that mean something to a shell.
void run_openssl(const std::string& words, const std::string& folder) {
  const std::string line = "openssl " + words + " >>" + folder + "/openssl.log 2>&1";
  CHECK(std::system(line.c_str()) == 0);
}

}  // namespace

Authority::Authority(const std::string& name) {
  const std::string folder = folder_.path();
  run_openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
          name + " -keyout " + folder + "/authority.key -out " + certificate(),
      folder);
}

Authority::Files Authority::sign(const std::string& name,
                                 const std::string& alternative_names) const {
  const std::string folder = folder_.path();
  const std::string path = folder + "/" + name;
  const Files files{path + ".pem", path + ".key"};
  std::ofstream(path + ".ext") << "subjectAltName=" << alternative_names
                               << "\nextendedKeyUsage=serverAuth,clientAuth\n";
  run_openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + name +
                  " -keyout " + files.key + " -out " + path + ".csr",
              folder);
  run_openssl("x509 -req -days 2 -CAcreateserial -in " + path + ".csr -CA " + certificate() +
                  " -CAkey " + folder + "/authority.key -extfile " + path + ".ext -out " +
                  files.certificate,
              folder);
  return files;
}

std::string Authority::text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace causeway::test
