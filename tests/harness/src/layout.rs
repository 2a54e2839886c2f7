//! The hosts that can be played: which structs they hand to a plugin and how they behave.
//!
//! All offsets and sizes are in bytes, for 64-bit Linux, as Fluent Bit's public headers lay them
//! out at the tag a layout is named after.

use std::fmt;
use std::str::FromStr;

use crate::error::HarnessError;

/// A host to play, named after the Fluent Bit tag whose structs it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Fluent Bit 1.9.10.
    V1_9_10,
    /// Fluent Bit 4.2.8.
    V4_2_8,
    /// Fluent Bit 5.1.1.
    V5_1_1,
    /// A host no plugin can know: the structs of 4.2.8, but of all the functions a plugin could
    /// recognise it exports `flb_log_print` only. A careful plugin refuses to start in it.
    Unknown,
}

impl Layout {
    /// Every layout, the strange one last.
    pub const ALL: [Self; 4] = [Self::V1_9_10, Self::V4_2_8, Self::V5_1_1, Self::Unknown];

    /// The name as [`FromStr`] reads it: `1.9.10`, `4.2.8`, `5.1.1`, `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_9_10 => "1.9.10",
            Self::V4_2_8 => "4.2.8",
            Self::V5_1_1 => "5.1.1",
            Self::Unknown => "unknown",
        }
    }

    /// Whether each output instance is exited with its own context (true from 4.x on), or all of
    /// them with the context of the one initialised last (1.9.10).
    #[must_use]
    pub fn exits_each_context(self) -> bool {
        self != Self::V1_9_10
    }

    /// Whether the host calls the optional `FLBPluginPreRegister`, `FLBPluginOutputPreRun` and
    /// `FLBPluginOutputPreExit`, and knows `log_suppress_interval` and the newer TLS properties.
    pub(crate) fn has_modern_hooks(self) -> bool {
        self != Self::V1_9_10
    }

    /// Whether a filter may be called from a coroutine, and so with little stack: behind inputs that read from the network.
    #[must_use]
    pub fn filters_in_coroutines(self) -> bool {
        self == Self::V5_1_1
    }

    pub(crate) fn shape(self) -> &'static Shape {
        match self {
            Self::V1_9_10 => &SHAPE_1_9_10,
            Self::V4_2_8 | Self::Unknown => &SHAPE_4_2_8,
            Self::V5_1_1 => &SHAPE_5_1_1,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layout {
    type Err = HarnessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|layout| layout.name() == text)
            .ok_or_else(|| HarnessError::UnknownLayout { given: text.to_owned() })
    }
}

/// Sizes and offsets of one host.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) definition: DefinitionShape,
    /// Pointers in the `flb_api` table.
    pub(crate) api_slots: usize,
    pub(crate) filter_plugin: FilterPluginShape,
    pub(crate) output_instance: InstanceShape,
    pub(crate) filter_instance: InstanceShape,
    pub(crate) input_instance: InputShape,
    pub(crate) config_bytes: usize,
}

/// `flb_plugin_proxy_def`.
#[derive(Debug)]
pub(crate) struct DefinitionShape {
    pub(crate) bytes: usize,
    /// Whether the host hands the struct over without clearing it.
    pub(crate) uninitialised: bool,
    pub(crate) config_map: Option<usize>,
}

/// `flb_filter_plugin`.
#[derive(Debug)]
pub(crate) struct FilterPluginShape {
    pub(crate) bytes: usize,
    pub(crate) name: usize,
    pub(crate) config_map: usize,
    pub(crate) cb_pre_run: Option<usize>,
    pub(crate) cb_init: usize,
    pub(crate) cb_filter: usize,
    pub(crate) cb_exit: usize,
}

/// `flb_output_instance` or `flb_filter_instance`.
#[derive(Debug)]
pub(crate) struct InstanceShape {
    pub(crate) bytes: usize,
    pub(crate) id: usize,
    pub(crate) log_level: usize,
    pub(crate) name: usize,
    pub(crate) alias: usize,
    pub(crate) matching: usize,
    pub(crate) context: usize,
    pub(crate) plugin: usize,
    pub(crate) config: usize,
    pub(crate) properties: usize,
    /// `cmt`, of outputs.
    pub(crate) metrics: Option<usize>,
    pub(crate) net_properties: Option<usize>,
    pub(crate) oauth2_properties: Option<usize>,
    /// List heads that stay empty.
    pub(crate) empty_lists: &'static [usize],
}

/// `flb_input_instance`, of which a filter only asks the name.
#[derive(Debug)]
pub(crate) struct InputShape {
    pub(crate) bytes: usize,
    pub(crate) name: usize,
    pub(crate) alias: usize,
}

/// Bytes of the `name` array in every instance struct.
pub(crate) const INSTANCE_NAME_BYTES: usize = 32;

const FILTER_PLUGIN_SINCE_4: FilterPluginShape = FilterPluginShape {
    bytes: 88,
    name: 8,
    config_map: 24,
    cb_pre_run: Some(32),
    cb_init: 40,
    cb_filter: 48,
    cb_exit: 56,
};

const FILTER_INSTANCE_SINCE_4: InstanceShape = InstanceShape {
    bytes: 216,
    id: 4,
    log_level: 8,
    name: 16,
    alias: 48,
    matching: 56,
    context: 80,
    plugin: 96,
    config: 208,
    properties: 0x68,
    metrics: None,
    net_properties: None,
    oauth2_properties: None,
    empty_lists: &[128],
};

static SHAPE_1_9_10: Shape = Shape {
    definition: DefinitionShape { bytes: 32, uninitialised: true, config_map: None },
    api_slots: 1,
    filter_plugin: FilterPluginShape {
        bytes: 72,
        name: 8,
        config_map: 24,
        cb_pre_run: None,
        cb_init: 32,
        cb_filter: 40,
        cb_exit: 48,
    },
    output_instance: InstanceShape {
        bytes: 696,
        id: 76,
        log_level: 80,
        name: 84,
        alias: 120,
        matching: 168,
        context: 152,
        plugin: 144,
        config: 688,
        properties: 0x138,
        metrics: Some(0x1c0),
        net_properties: Some(408),
        oauth2_properties: None,
        empty_lists: &[432, 632, 656, 672],
    },
    filter_instance: InstanceShape {
        bytes: 168,
        id: 0,
        log_level: 4,
        name: 8,
        alias: 40,
        matching: 48,
        context: 64,
        plugin: 80,
        config: 160,
        properties: 0x58,
        metrics: None,
        net_properties: None,
        oauth2_properties: None,
        empty_lists: &[112],
    },
    input_instance: InputShape { bytes: 560, name: 100, alias: 136 },
    config_bytes: 18_448,
};

static SHAPE_4_2_8: Shape = Shape {
    definition: DefinitionShape { bytes: 40, uninitialised: false, config_map: None },
    api_slots: 9,
    filter_plugin: FILTER_PLUGIN_SINCE_4,
    output_instance: InstanceShape {
        bytes: 864,
        id: 84,
        log_level: 88,
        name: 96,
        alias: 128,
        matching: 176,
        context: 160,
        plugin: 152,
        config: 856,
        properties: 0x160,
        metrics: Some(0x210),
        net_properties: Some(488),
        oauth2_properties: None,
        empty_lists: &[512, 792, 816, 832],
    },
    filter_instance: FILTER_INSTANCE_SINCE_4,
    input_instance: InputShape { bytes: 1088, name: 156, alias: 192 },
    config_bytes: 2400,
};

static SHAPE_5_1_1: Shape = Shape {
    definition: DefinitionShape { bytes: 48, uninitialised: false, config_map: Some(40) },
    api_slots: 9,
    filter_plugin: FILTER_PLUGIN_SINCE_4,
    output_instance: InstanceShape {
        bytes: 968,
        id: 84,
        log_level: 88,
        name: 96,
        alias: 128,
        matching: 184,
        context: 160,
        plugin: 152,
        config: 960,
        properties: 0x180,
        metrics: Some(0x268),
        net_properties: Some(520),
        oauth2_properties: Some(576),
        empty_lists: &[552, 600, 896, 920, 936],
    },
    filter_instance: FILTER_INSTANCE_SINCE_4,
    input_instance: InputShape { bytes: 1552, name: 156, alias: 192 },
    config_bytes: 2568,
};
