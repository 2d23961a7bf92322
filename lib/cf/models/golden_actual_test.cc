// The bytes of instances, of what is asked about them, of cells and of events.
#include "cf/models/golden_test.h"

namespace causeway::cf {
namespace {

using namespace models;

TEST(GoldenActual, parts_of_an_instance) {
  expect_golden<ActualLRPKey>({{"0a0170", [](auto& m) { m.set_process_guid("p"); }},
                               {"1003", [](auto& m) { m.set_index(3); }},
                               {"1a0164", [](auto& m) { m.set_domain("d"); }}});
  expect_golden<ActualLRPInstanceKey>({{"0a0169", [](auto& m) { m.set_instance_guid("i"); }},
                                       {"120163", [](auto& m) { m.set_cell_id("c"); }}});
  expect_golden<PortMapping>({{"08903f", [](auto& m) { m.set_container_port(8080); }},
                              {"10c9dc03", [](auto& m) { m.set_host_port(61001); }},
                              {"1883e003", [](auto& m) { m.set_container_tls_proxy_port(61443); }},
                              {"20cadc03", [](auto& m) { m.set_host_tls_proxy_port(61002); }}});
  expect_golden<ActualLRPNetInfo>({
      {"0a0831302e302e302e31", [](auto& m) { m.set_address("10.0.0.1"); }},
      {"12020850", [](auto& m) { m.add_ports()->set_container_port(80); }},
      {"1a0431302e31", [](auto& m) { m.set_instance_address("10.1"); }},
      {"2002", [](auto& m) { m.set_preferred_address(ActualLRPNetInfo::HOST); }},
      {"2a033a3a31", [](auto& m) { m.set_instance_ipv6_address("::1"); }},
  });
  expect_golden<ActualLRPInternalRoute>({{"0a0168", [](auto& m) { m.set_hostname("h"); }}});
}

TEST(GoldenActual, actual_lrp) {
  expect_golden<ActualLRP>({
      {"0a030a0170", [](auto& m) { m.mutable_actual_lrp_key()->set_process_guid("p"); }},
      {"12030a0169", [](auto& m) { m.mutable_actual_lrp_instance_key()->set_instance_guid("i"); }},
      {"1a030a0161", [](auto& m) { m.mutable_actual_lrp_net_info()->set_address("a"); }},
      {"2003", [](auto& m) { m.set_crash_count(3); }},
      {"2a026372", [](auto& m) { m.set_crash_reason("cr"); }},
      {"320752554e4e494e47", [](auto& m) { m.set_state("RUNNING"); }},
      {"3a027065", [](auto& m) { m.set_placement_error("pe"); }},
      {"40959a97ece39fe7cb17", [](auto& m) { m.set_since(1'700'000'000'123'456'789); }},
      {"4a030a0165", [](auto& m) { m.mutable_modification_tag()->set_epoch("e"); }},
      {"5002", [](auto& m) { m.set_presence(ActualLRP::SUSPECT); }},
      {"5a030a0168", [](auto& m) { m.add_actual_lrp_internal_routes()->set_hostname("h"); }},
      {"62060a0174120176", [](auto& m) { (*m.mutable_metric_tags())["t"] = "v"; }},
      {"6800", [](auto& m) { m.set_routable(false); }},
      {"72027a31", [](auto& m) { m.set_availability_zone("z1"); }},
  });
  ActualLRP empty;
  set_always_written(empty);
  EXPECT_EQ(to_hex(encode(empty)), "0a0012001a004a00");
  ActualLRP without;
  ASSERT_TRUE(decode(from_hex("0a00320752554e4e494e47"), without));
  EXPECT_FALSE(without.has_routable()) << "made before there was the field";
}

TEST(GoldenActual, group_and_info) {
  expect_golden<ActualLRPGroup>(
      {{"0a03320178", [](auto& m) { m.mutable_instance()->set_state("x"); }},
       {"12025001", [](auto& m) { m.mutable_evacuating()->set_presence(ActualLRP::EVACUATING); }}});
  expect_golden<ActualLRPInfo>({
      {"1a00", [](auto& m) { m.mutable_actual_lrp_net_info(); }},
      {"2003", [](auto& m) { m.set_crash_count(3); }},
      {"2a026372", [](auto& m) { m.set_crash_reason("cr"); }},
      {"320173", [](auto& m) { m.set_state("s"); }},
      {"3a027065", [](auto& m) { m.set_placement_error("pe"); }},
      {"4009", [](auto& m) { m.set_since(9); }},
      {"4a00", [](auto& m) { m.mutable_modification_tag(); }},
      {"5001", [](auto& m) { m.set_presence(ActualLRP::EVACUATING); }},
      {"5801", [](auto& m) { m.set_routable(true); }},
      {"62017a", [](auto& m) { m.set_availability_zone("z"); }},
  });
}

TEST(GoldenActual, lists_and_their_responses) {
  expect_golden<ActualLRPsRequest>({{"0a0164", [](auto& m) { m.set_domain("d"); }},
                                    {"120163", [](auto& m) { m.set_cell_id("c"); }},
                                    {"1a0170", [](auto& m) { m.set_process_guid("p"); }},
                                    {"2000", [](auto& m) { m.set_index(0); }}});
  expect_golden<ActualLRPsByProcessGuidsRequest>(
      {{"0a0170", [](auto& m) { m.add_process_guids("p"); }}});
  expect_golden<ActualLRPsResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                     {"1200", [](auto& m) { m.add_actual_lrps(); }}});
  expect_golden<ActualLRPsByProcessGuidsResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                                   {"1200", [](auto& m) { m.add_actual_lrps(); }}});
  expect_golden<ActualLRPGroupsRequest>({{"0a0164", [](auto& m) { m.set_domain("d"); }},
                                         {"120163", [](auto& m) { m.set_cell_id("c"); }}});
  expect_golden<ActualLRPGroupsByProcessGuidRequest>(
      {{"0a0170", [](auto& m) { m.set_process_guid("p"); }}});
  expect_golden<ActualLRPGroupByProcessGuidAndIndexRequest>(
      {{"0a0170", [](auto& m) { m.set_process_guid("p"); }},
       {"1001", [](auto& m) { m.set_index(1); }}});
  expect_golden<ActualLRPGroupsResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                          {"1200", [](auto& m) { m.add_actual_lrp_groups(); }}});
  expect_golden<ActualLRPGroupResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                         {"1200", [](auto& m) { m.mutable_actual_lrp_group(); }}});
}

// Calls that begin with the two keys.
template <class Request>
std::vector<GoldenField<Request>> both_keys() {
  return {
      {"0a030a0170", [](auto& m) { m.mutable_actual_lrp_key()->set_process_guid("p"); }},
      {"12030a0169", [](auto& m) { m.mutable_actual_lrp_instance_key()->set_instance_guid("i"); }}};
}

template <class Request>
std::vector<GoldenField<Request>> both_keys_and(GoldenField<Request> more) {
  auto fields = both_keys<Request>();
  fields.push_back(std::move(more));
  return fields;
}

TEST(GoldenActual, lifecycle) {
  expect_golden<ClaimActualLRPRequest>(
      {{"0a0170", [](auto& m) { m.set_process_guid("p"); }},
       {"1001", [](auto& m) { m.set_index(1); }},
       {"1a00", [](auto& m) { m.mutable_actual_lrp_instance_key(); }}});
  expect_golden<RemoveActualLRPRequest>(
      {{"0a0170", [](auto& m) { m.set_process_guid("p"); }},
       {"1001", [](auto& m) { m.set_index(1); }},
       {"1a00", [](auto& m) { m.mutable_actual_lrp_instance_key(); }}});
  expect_golden<StartActualLRPRequest>({
      {"0a00", [](auto& m) { m.mutable_actual_lrp_key(); }},
      {"1200", [](auto& m) { m.mutable_actual_lrp_instance_key(); }},
      {"1a030a0161", [](auto& m) { m.mutable_actual_lrp_net_info()->set_address("a"); }},
      {"22030a0168", [](auto& m) { m.add_actual_lrp_internal_routes()->set_hostname("h"); }},
      {"2a060a0174120176", [](auto& m) { (*m.mutable_metric_tags())["t"] = "v"; }},
      {"3000", [](auto& m) { m.set_routable(false); }},
      {"3a017a", [](auto& m) { m.set_availability_zone("z"); }},
  });
  expect_golden(
      both_keys_and<CrashActualLRPRequest>({"1a0178", [](auto& m) { m.set_error_message("x"); }}));
  expect_golden<FailActualLRPRequest>({{"0a00", [](auto& m) { m.mutable_actual_lrp_key(); }},
                                       {"120178", [](auto& m) { m.set_error_message("x"); }}});
  expect_golden<RetireActualLRPRequest>({{"0a00", [](auto& m) { m.mutable_actual_lrp_key(); }}});
  expect_golden<ActualLRPLifecycleResponse>(
      {{"0a02080f",
        [](auto& m) { m.mutable_error()->set_type(models::Error::ActualLRPCannotBeClaimed); }}});
}

TEST(GoldenActual, evacuation) {
  expect_golden(both_keys<RemoveEvacuatingActualLRPRequest>());
  expect_golden(both_keys<EvacuateClaimedActualLRPRequest>());
  expect_golden(both_keys<EvacuateStoppedActualLRPRequest>());
  expect_golden(both_keys_and<EvacuateCrashedActualLRPRequest>(
      {"1a0178", [](auto& m) { m.set_error_message("x"); }}));
  expect_golden<EvacuateRunningActualLRPRequest>({
      {"0a00", [](auto& m) { m.mutable_actual_lrp_key(); }},
      {"1200", [](auto& m) { m.mutable_actual_lrp_instance_key(); }},
      {"1a00", [](auto& m) { m.mutable_actual_lrp_net_info(); }},
      {"2a030a0168", [](auto& m) { m.add_actual_lrp_internal_routes()->set_hostname("h"); }},
      {"32060a0174120176", [](auto& m) { (*m.mutable_metric_tags())["t"] = "v"; }},
      {"3801", [](auto& m) { m.set_routable(true); }},
      {"42017a", [](auto& m) { m.set_availability_zone("z"); }},
  });
  expect_golden<EvacuationResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                     {"1001", [](auto& m) { m.set_keep_container(true); }}});
  expect_golden<RemoveEvacuatingActualLRPResponse>({{"0a00", [](auto& m) { m.mutable_error(); }}});
}

TEST(GoldenActual, cells_domains_and_ping) {
  expect_golden<CellCapacity>({{"088020", [](auto& m) { m.set_memory_mb(4096); }},
                               {"108040", [](auto& m) { m.set_disk_mb(8192); }},
                               {"18fa01", [](auto& m) { m.set_containers(250); }}});
  expect_golden<Provider>({{"0a097072656c6f61646564", [](auto& m) { m.set_name("preloaded"); }},
                           {"12026366", [](auto& m) { m.add_properties("cf"); }}});
  expect_golden<CellPresence>({
      {"0a0163", [](auto& m) { m.set_cell_id("c"); }},
      {"1208687474703a2f2f61", [](auto& m) { m.set_rep_address("http://a"); }},
      {"1a027a31", [](auto& m) { m.set_zone("z1"); }},
      {"220318fa01", [](auto& m) { m.mutable_capacity()->set_containers(250); }},
      {"2a080a06646f636b6572", [](auto& m) { m.add_rootfs_providers()->set_name("docker"); }},
      {"320174", [](auto& m) { m.add_placement_tags("t"); }},
      {"3a016f", [](auto& m) { m.add_optional_placement_tags("o"); }},
      {"420968747470733a2f2f63", [](auto& m) { m.set_rep_url("https://c"); }},
      {"4a060a016b120176", [](auto& m) { (*m.mutable_annotations())["k"] = "v"; }},
  });
  expect_golden<CellsResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                {"12030a0163", [](auto& m) { m.add_cells()->set_cell_id("c"); }}});
  expect_golden<UpsertDomainRequest>(
      {{"0a0164", [](auto& m) { m.set_domain("d"); }}, {"1078", [](auto& m) { m.set_ttl(120); }}});
  expect_golden<UpsertDomainResponse>({{"0a00", [](auto& m) { m.mutable_error(); }}});
  expect_golden<DomainsResponse>({{"0a00", [](auto& m) { m.mutable_error(); }},
                                  {"120164", [](auto& m) { m.add_domains("d"); }}});
  expect_golden<PingResponse>({{"0801", [](auto& m) { m.set_available(true); }}});
}

TEST(GoldenActual, events) {
  expect_golden<EventsByCellId>({{"0a0163", [](auto& m) { m.set_cell_id("c"); }}});
  expect_golden<DesiredLRPCreatedEvent>(
      {{"0a030a0170", [](auto& m) { m.mutable_desired_lrp()->set_process_guid("p"); }},
       {"120174", [](auto& m) { m.set_trace_id("t"); }}});
  expect_golden<DesiredLRPRemovedEvent>(
      {{"0a030a0170", [](auto& m) { m.mutable_desired_lrp()->set_process_guid("p"); }},
       {"120174", [](auto& m) { m.set_trace_id("t"); }}});
  expect_golden<DesiredLRPChangedEvent>({{"0a00", [](auto& m) { m.mutable_before(); }},
                                         {"1200", [](auto& m) { m.mutable_after(); }},
                                         {"1a0174", [](auto& m) { m.set_trace_id("t"); }}});
  expect_golden<ActualLRPInstanceCreatedEvent>(
      {{"0a03320178", [](auto& m) { m.mutable_actual_lrp()->set_state("x"); }},
       {"120174", [](auto& m) { m.set_trace_id("t"); }}});
  expect_golden<ActualLRPInstanceRemovedEvent>(
      {{"0a03320178", [](auto& m) { m.mutable_actual_lrp()->set_state("x"); }},
       {"120174", [](auto& m) { m.set_trace_id("t"); }}});
  expect_golden<ActualLRPInstanceChangedEvent>({
      {"0a030a0170", [](auto& m) { m.mutable_actual_lrp_key()->set_process_guid("p"); }},
      {"12030a0169", [](auto& m) { m.mutable_actual_lrp_instance_key()->set_instance_guid("i"); }},
      {"1a03320178", [](auto& m) { m.mutable_before()->set_state("x"); }},
      {"2203320179", [](auto& m) { m.mutable_after()->set_state("y"); }},
      {"2a0174", [](auto& m) { m.set_trace_id("t"); }},
  });
  expect_golden<ActualLRPCrashedEvent>({
      {"0a030a0170", [](auto& m) { m.mutable_actual_lrp_key()->set_process_guid("p"); }},
      {"12030a0169", [](auto& m) { m.mutable_actual_lrp_instance_key()->set_instance_guid("i"); }},
      {"1802", [](auto& m) { m.set_crash_count(2); }},
      {"220172", [](auto& m) { m.set_crash_reason("r"); }},
      {"2809", [](auto& m) { m.set_since(9); }},
  });
  ActualLRPInstanceChangedEvent changed;
  changed.mutable_before();
  changed.mutable_after();
  set_always_written(changed);
  EXPECT_EQ(to_hex(encode(changed)), "0a0012001a041a004a0022041a004a00");
  ActualLRPCrashedEvent crashed;
  set_always_written(crashed);
  EXPECT_EQ(to_hex(encode(crashed)), "0a001200");
}

TEST(GoldenActual, events_of_the_deprecated_stream) {
  expect_golden<ActualLRPCreatedEvent>(
      {{"0a020a00", [](auto& m) { m.mutable_actual_lrp_group()->mutable_instance(); }}});
  expect_golden<ActualLRPRemovedEvent>(
      {{"0a021200", [](auto& m) { m.mutable_actual_lrp_group()->mutable_evacuating(); }}});
  expect_golden<ActualLRPChangedEvent>(
      {{"0a020a00", [](auto& m) { m.mutable_before()->mutable_instance(); }},
       {"12020a00", [](auto& m) { m.mutable_after()->mutable_instance(); }}});
}

}  // namespace
}  // namespace causeway::cf
