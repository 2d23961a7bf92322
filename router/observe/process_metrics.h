#pragma once

#include "metrics/registry.h"

namespace causeway::router {

// What Prometheus wants to know of any process, under the names every client library uses:
// processor time, memory, descriptors, threads, start. And file_descriptors, which is gorouter's.
// Read at each scrape.
void register_process_metrics(metrics::Registry& registry);

}  // namespace causeway::router
