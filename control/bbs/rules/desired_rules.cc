#include "control/bbs/rules/desired_rules.h"

#include "cf/models/models.h"
#include "control/converge/drift.h"

namespace causeway::bbs {

namespace {

models::ActualLRPKey key_of(const models::DesiredLRP& scheduling, int32_t index) {
  models::ActualLRPKey key;
  key.set_process_guid(scheduling.process_guid());
  key.set_domain(scheduling.domain());
  key.set_index(index);
  return key;
}

// Rows for the indexes that have none.
void create_missing(Verdict& verdict, int32_t from, const Moment& moment) {
  const models::DesiredLRP& scheduling = *verdict.after.scheduling;
  for (int32_t index = from; index < scheduling.instances(); ++index) {
    IndexRows& rows = verdict.after.indexes[index];
    if (rows.ordinary) continue;
    rows.ordinary = unclaimed_row(key_of(scheduling, index), moment);
    verdict.auction.push_back(index);
  }
}

// Instances from `from` on go: free ones at once, held ones by way of their cell.
void stop_surplus(Verdict& verdict, int32_t from) {
  for (auto at = verdict.after.indexes.lower_bound(from); at != verdict.after.indexes.end(); ++at) {
    IndexRows& rows = at->second;
    if (rows.ordinary) {
      const bool held =
          rows.ordinary->state() == cf::kClaimed || rows.ordinary->state() == cf::kRunning;
      if (held) {
        verdict.stop.push_back(*rows.ordinary);
      } else {
        rows.ordinary.reset();
      }
    }
    if (rows.suspect) {
      // Told in case its cell is back; the row itself serves nobody any more.
      verdict.stop.push_back(*rows.suspect);
      rows.suspect.reset();
    }
  }
}

Verdict desired_refused(models::Error::Type type) {
  Verdict verdict;
  verdict.refusal = refuse(type);
  return verdict;
}

bool same_tags(const models::DesiredLRP& left, const models::DesiredLRP& right) {
  models::DesiredLRP a, b;
  *a.mutable_metric_tags() = left.metric_tags();
  *b.mutable_metric_tags() = right.metric_tags();
  return same_message(a, b);
}

// Who its logs and metrics come from; "": nobody said.
std::string source_of(const models::DesiredLRP& lrp) {
  const auto source = lrp.metric_tags().find("source_id");
  return source == lrp.metric_tags().end() ? "" : source->second.static_();
}

}  // namespace

Verdict desire(const ProcessState& state, const models::DesiredLRP& lrp, const Moment& moment) {
  if (state.scheduling) return desired_refused(models::Error::ResourceExists);
  models::DesiredLRP wanted = lrp;
  if (wanted.start_timeout_ms() == 0 && wanted.deprecated_start_timeout_s() != 0)
    wanted.set_start_timeout_ms(int64_t{wanted.deprecated_start_timeout_s()} * 1000);
  // Old clients read it there.
  if (wanted.metrics_guid().empty()) wanted.set_metrics_guid(source_of(wanted));
  wanted.mutable_modification_tag()->set_epoch(moment.epoch);
  wanted.mutable_modification_tag()->set_index(0);
  DesiredParts parts = split_desired(wanted);
  Verdict verdict;
  verdict.after = state;
  verdict.after.scheduling = std::move(parts.scheduling);
  verdict.after.run = std::move(parts.run);
  create_missing(verdict, 0, moment);
  return verdict;
}

Verdict update(const ProcessState& state, const models::DesiredLRPUpdate& update,
               const Moment& moment) {
  if (!state.scheduling) return desired_refused(models::Error::ResourceNotFound);
  // Its other row is gone: nothing can be started from it. Like one that cannot be read.
  if (!state.run) return desired_refused(models::Error::Deserialize);
  Verdict verdict;
  verdict.after = state;
  models::DesiredLRP& lrp = *verdict.after.scheduling;
  const models::DesiredLRP& before = *state.scheduling;
  if (update.has_instances()) lrp.set_instances(update.instances());
  if (update.has_annotation()) lrp.set_annotation(update.annotation());
  if (update.has_routes()) *lrp.mutable_routes() = update.routes();
  if (!update.metric_tags().empty()) *lrp.mutable_metric_tags() = update.metric_tags();
  if (!source_of(lrp).empty() && verdict.after.run->metrics_guid() == source_of(before))
    verdict.after.run->set_metrics_guid(source_of(lrp));
  if (update.has_image_username()) verdict.after.run->set_image_username(update.image_username());
  if (update.has_image_password()) verdict.after.run->set_image_password(update.image_password());
  auto& tag = *lrp.mutable_modification_tag();
  tag.set_index(tag.index() + 1);

  if (lrp.instances() > before.instances()) create_missing(verdict, before.instances(), moment);
  if (lrp.instances() < before.instances()) stop_surplus(verdict, lrp.instances());
  const bool told =
      converge::internal_hostnames(lrp.routes()) != converge::internal_hostnames(before.routes()) ||
      !same_tags(lrp, before);
  for (const auto& [index, rows] : verdict.after.indexes) {
    if (told && index < lrp.instances() && rows.ordinary && rows.ordinary->state() == cf::kRunning)
      verdict.update.push_back(*rows.ordinary);
  }
  return verdict;
}

Verdict remove_desired(const ProcessState& state) {
  if (!state.scheduling) return desired_refused(models::Error::ResourceNotFound);
  Verdict verdict;
  verdict.after = state;
  verdict.after.scheduling.reset();
  verdict.after.run.reset();
  stop_surplus(verdict, 0);
  return verdict;
}

}  // namespace causeway::bbs
