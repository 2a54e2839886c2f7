//! The destinations' queues: which destinations a segment has, and which it still waits for.

use crate::config::output::OutputConfig;
use crate::lane::Lanes;
use crate::spool::{SealedSegment, SegmentId};
use std::collections::HashMap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Ways to the destinations' threads.
pub(super) struct Queues {
    /// With the lanes it takes, in their order.
    lake: Option<(UnboundedSender<SealedSegment>, Vec<bool>)>,
    /// With the lanes it takes, in their order.
    datadog: Option<(UnboundedSender<SealedSegment>, Vec<bool>)>,
    lanes: Lanes,
}

/// Where a destination's thread takes its segments from.
pub(super) struct QueueEnds {
    pub(super) lake: Option<UnboundedReceiver<SealedSegment>>,
    pub(super) datadog: Option<UnboundedReceiver<SealedSegment>>,
}

impl Queues {
    /// A queue for each destination of the configuration.
    pub(super) fn new(config: &OutputConfig) -> (Self, QueueEnds) {
        let (lake, lake_end) = config.location.as_ref().map(|_| unbounded_channel()).unzip();
        let (datadog, datadog_end) = config.datadog.as_ref().map(|_| unbounded_channel()).unzip();
        let lake = lake.map(|queue| (queue, config.lake_lanes.clone()));
        let datadog = datadog.zip(config.datadog.as_ref().map(|datadog| datadog.lanes.clone()));
        (Self { lake, datadog, lanes: config.lanes.clone() }, QueueEnds { lake: lake_end, datadog: datadog_end })
    }

    /// How many destinations there are.
    pub(super) fn count(&self) -> usize {
        usize::from(self.lake.is_some()) + usize::from(self.datadog.is_some())
    }

    /// Hands a segment to its destinations.
    pub(super) fn hand_out(&self, segment: SealedSegment, owed: &mut Owed) {
        let place = self.lanes.index(segment.id.lane);
        let takes = |lanes: &[bool]| lanes.get(place).copied().unwrap_or(false);
        let datadog = self.datadog.as_ref().filter(|(_, lanes)| takes(lanes));
        let lake = self.lake.as_ref().filter(|(_, lanes)| takes(lanes));
        owed.destinations.insert(segment.id.clone(), u8::from(lake.is_some()) + u8::from(datadog.is_some()));
        if let Some((queue, _)) = datadog {
            let _ = queue.send(segment.clone());
        }
        if let Some((queue, _)) = lake {
            let _ = queue.send(segment);
        }
    }
}

/// Destinations that do not have all of a segment yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    destinations: HashMap<SegmentId, u8>,
}

impl Owed {
    /// One destination has all of a segment; whether it was the last.
    pub(super) fn settle(&mut self, segment: &SegmentId) -> bool {
        let Some(left) = self.destinations.get_mut(segment) else { return true };
        *left = left.saturating_sub(1);
        let is_last = *left == 0;
        if is_last {
            self.destinations.remove(segment);
        }
        is_last
    }
}
