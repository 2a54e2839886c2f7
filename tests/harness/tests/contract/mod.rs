//! What every layout must do, as one test per promise; `contract!` makes them for a layout.
//!
//! The tests of a binary share one host and its journal, so they run one after another.

pub mod filters;
pub mod internals;
pub mod outputs;
pub mod violations;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use shiwake_harness::{ChunkBuilder, ChunkFormat, Host, Layout, Time};

use super::fixtures::Fixtures;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static FIXTURES: LazyLock<Fixtures> = LazyLock::new(Fixtures::new);

/// The host, to oneself.
pub struct Turn {
    pub host: Host,
    pub fixtures: &'static Fixtures,
    _alone: MutexGuard<'static, ()>,
}

impl Turn {
    pub fn new(layout: Layout) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let host = Host::start(layout).unwrap();
        let _of_earlier_tests = host.take_log_lines();
        Self { host, fixtures: &FIXTURES, _alone: alone }
    }

    pub fn texts(&self) -> Vec<String> {
        self.host.log_lines().into_iter().map(|line| line.text).collect()
    }
}

pub fn chunk() -> Vec<u8> {
    ChunkBuilder::new(ChunkFormat::Legacy)
        .push(Time::Seconds(1_700_000_000), &json!({"log": "hello"}))
        .push(Time::Event { secs: 1_700_000_001, nanos: 5 }, &json!({"log": "again"}))
        .finish()
}

/// Tests of one layout's binary.
macro_rules! contract {
    ($layout:expr) => {
        $crate::contract::contract!($layout, outputs: [
            another_layout_is_refused,
            the_host_is_recognised_and_properties_arrive,
            an_unknown_property_refuses_with_what_was_logged,
            a_chunk_and_its_tag_arrive_whole,
            answers_become_flushes,
            a_flush_has_a_small_stack_and_its_use_is_measured,
            workers_flush_at_the_same_time,
            every_instance_is_exited_as_this_host_does,
            a_refused_instance_changes_the_exits_of_an_old_host,
            one_instance_can_be_exited_where_the_host_can,
            an_instance_never_initialised_is_exited_with_null,
            a_registration_the_host_cannot_use_is_a_typed_error,
        ]);
        $crate::contract::contract!($layout, filters: [
            a_filter_answers_modified_and_untouched,
            a_filter_s_wrong_answers_are_typed_errors,
            a_filter_is_initialised_and_exited_as_this_host_does,
            a_filter_can_refuse_to_start,
            a_struct_too_small_for_this_host_is_a_typed_error,
            one_object_can_be_output_and_filter,
        ]);
        $crate::contract::contract!($layout, internals: [
            metrics_are_read_and_a_counter_never_falls,
            the_table_of_the_service_section_leads_to_its_values,
        ]);
        $crate::contract::contract!($layout, violations: [
            breaking_the_contract_kills_the_process,
        ]);
    };
    ($layout:expr, $module:ident: [$($name:ident,)*]) => {
        $(
            #[test]
            fn $name() {
                $crate::contract::$module::$name(&$crate::contract::Turn::new($layout));
            }
        )*
    };
}
pub(crate) use contract;
