// A program that, like the router, carries BoringSSL and loads libraries that bring OpenSSL 3.
// Its --version loads and names them all.
#include <csignal>
#include <cstdio>
#include <string>

#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <nats/nats.h>

#include "tls/key_pair.h"
#include "tls/random.h"
#include "tls/version.h"

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  // Both libraries do real work in the one process.
  const auto checked = causeway::tls::check_key_pair("", "");
  natsOptions* options = nullptr;
  const bool nats_tls = natsOptions_Create(&options) == NATS_OK &&
                        natsOptions_SetSecure(options, true) == NATS_OK &&
                        natsOptions_SetCiphers(options, "ECDHE-RSA-AES128-GCM-SHA256") == NATS_OK;
  natsOptions_Destroy(options);
  nats_Close();
  CURL* curl = curl_easy_init();
  const bool curl_tls = curl != nullptr;
  curl_easy_cleanup(curl);
  redisContext* redis = redisConnectUnix("/nonexistent");
  const bool redis_there = redis != nullptr;
  redisFree(redis);

  std::printf("%s\n%s\nnats %s\nhiredis %d.%d.%d\nuuid %s\n",
              std::string(causeway::tls::library_version()).c_str(), curl_version(),
              nats_GetVersion(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH,
              causeway::tls::random_uuid().c_str());
  return !checked && nats_tls && curl_tls && redis_there ? 0 : 1;
}
