#include "tls/subject.h"

#include <algorithm>

namespace causeway::tls {

void Subject::settle() {
  for (auto& values : parts) std::sort(values.begin(), values.end());
}

}  // namespace causeway::tls
