#include "control/bbs/rows/fold_layers.h"

#include <string>

namespace causeway::bbs {

namespace {

std::string algorithm_of(const models::ImageLayer& layer) {
  if (layer.digest_algorithm() == models::ImageLayer::SHA256) return "sha256";
  if (layer.digest_algorithm() == models::ImageLayer::SHA512) return "sha512";
  return "";
}

std::string cache_key_of(const models::ImageLayer& layer) {
  return layer.digest_value().empty() ? layer.url()
                                      : algorithm_of(layer) + ":" + layer.digest_value();
}

template <class Layers, class Dependencies>
void prepend_shared(const Layers& layers, Dependencies& dependencies) {
  Dependencies folded;
  for (const auto& layer : layers) {
    if (layer.layer_type() != models::ImageLayer::SHARED) continue;
    auto& dependency = *folded.Add();
    dependency.set_name(layer.name());
    dependency.set_from(layer.url());
    dependency.set_to(layer.destination_path());
    dependency.set_cache_key(cache_key_of(layer));
    dependency.set_checksum_algorithm(algorithm_of(layer));
    dependency.set_checksum_value(layer.digest_value());
  }
  folded.MergeFrom(dependencies);
  dependencies.Swap(&folded);
}

// The downloads of all exclusive layers, at once; false when there is none.
template <class Layers>
bool downloads_of(const Layers& layers, const std::string& user, models::Action& downloads) {
  for (const auto& layer : layers) {
    if (layer.layer_type() != models::ImageLayer::EXCLUSIVE) continue;
    auto& download = *downloads.mutable_parallel_action()->add_actions()->mutable_download_action();
    download.set_artifact(layer.name());
    download.set_from(layer.url());
    download.set_to(layer.destination_path());
    download.set_cache_key(cache_key_of(layer));
    download.set_user(user);
    download.set_checksum_algorithm(algorithm_of(layer));
    download.set_checksum_value(layer.digest_value());
  }
  return downloads.has_parallel_action();
}

void prepend(const models::Action& downloads, models::Action& action) {
  models::Action both;
  *both.mutable_serial_action()->add_actions() = downloads;
  *both.mutable_serial_action()->add_actions() = action;
  action = std::move(both);
}

}  // namespace

void fold_layers(models::DesiredLRP& lrp) {
  if (lrp.image_layers().empty()) return;
  prepend_shared(lrp.image_layers(), *lrp.mutable_cached_dependencies());
  models::Action downloads;
  if (downloads_of(lrp.image_layers(), lrp.legacy_download_user(), downloads)) {
    if (lrp.has_setup()) {
      prepend(downloads, *lrp.mutable_setup());
    } else {
      *lrp.mutable_setup() = downloads;
    }
  }
  lrp.clear_image_layers();
}

void fold_layers(models::Task& task) {
  auto& definition = *task.mutable_task_definition();
  if (definition.image_layers().empty()) return;
  prepend_shared(definition.image_layers(), *definition.mutable_cached_dependencies());
  models::Action downloads;
  if (downloads_of(definition.image_layers(), definition.legacy_download_user(), downloads))
    prepend(downloads, *definition.mutable_action());
  definition.clear_image_layers();
}

}  // namespace causeway::bbs
