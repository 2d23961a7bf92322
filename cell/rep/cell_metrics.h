#pragma once

namespace causeway::executor {
class Executor;
}
namespace causeway::metrics {
class Registry;
}

namespace causeway::rep {

// What the cell has and what its containers have gone through, by Diego's names (doc/metrics.md).
// `executor` outlives the scrapes.
void register_cell_metrics(metrics::Registry& registry, const executor::Executor& executor);

}  // namespace causeway::rep
