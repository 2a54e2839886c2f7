//! The ledger of a run, as text for people and as one JSON object for programs.

use serde_json::{Value, json};
use shiwake_delivery::ledger::{Ledger, Totals};
use std::io::{self, Write};

/// Whether every record is in an object, or a rule has dropped it.
pub(super) fn adds_up(ledger: &Ledger) -> bool {
    let Totals { accepted, written, quarantined, dropped, .. } = ledger.totals();
    accepted == written + quarantined + dropped
}

/// Writes a line a type and one of all.
pub(super) fn write_text(ledger: &Ledger, lake: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "lake {lake}\n")?;
    let width = ledger.by_lane().map(|(name, _)| name.len()).max().unwrap_or(0).max("total".len());
    writeln!(out, "{:<width$} {:>14} {:>14} {:>12} {:>12}", "type", "in", "written", "quarantined", "dropped")?;
    let used = ledger.by_lane().filter(|(_, totals)| totals.accepted > 0);
    for (name, Totals { accepted, written, quarantined, dropped, .. }) in used.chain([("total", ledger.totals())]) {
        writeln!(out, "{name:<width$} {accepted:>14} {written:>14} {quarantined:>12} {dropped:>12}")?;
    }
    let (objects, bytes) = ledger.objects();
    let totals = ledger.totals();
    writeln!(out, "\nobjects: {objects}, {bytes} bytes\nfields that do not fit their column: {}", totals.misfits)?;
    for (rule, records) in ledger.dropped().iter().filter(|(_, records)| **records > 0) {
        writeln!(out, "dropped by {rule}: {records}")?;
    }
    match adds_up(ledger) {
        true => writeln!(out, "every record is accounted for"),
        false => writeln!(out, "NOT WRITTEN: {} records", totals.pending() + totals.lost + totals.set_aside),
    }
}

/// The same as one object.
pub(super) fn to_json(ledger: &Ledger, lake: &str) -> Value {
    let totals = |name: &str, Totals { accepted, written, quarantined, dropped, misfits, .. }: Totals| {
        json!({
            "type": name, "in": accepted, "written": written, "quarantined": quarantined, "dropped": dropped,
            "misfits": misfits,
        })
    };
    let used = ledger.by_lane().filter(|(_, totals)| totals.accepted > 0);
    let (objects, bytes) = ledger.objects();
    json!({
        "lake": lake,
        "adds_up": adds_up(ledger),
        "types": used.map(|(name, of_lane)| totals(name, of_lane)).collect::<Vec<_>>(),
        "total": totals("total", ledger.totals()),
        "objects": objects,
        "object_bytes": bytes,
        "dropped_by": ledger.dropped(),
    })
}
