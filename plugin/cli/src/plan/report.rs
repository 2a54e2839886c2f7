//! The plan, as text for people and as one JSON object for programs.

use super::others::Other;
use super::shape::{Asked, GIGA, HOUR_SECONDS, Shape, choice};
use crate::terminal::{DIM, DOUBTFUL, GOOD, NAME};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What was planned.
pub(super) struct Report<'r> {
    pub(super) asked: Asked<'r>,
    /// The cheapest first.
    pub(super) shapes: &'r [Shape],
    pub(super) others: &'r [Other],
    /// Whether sizes are those of the user's own lines.
    pub(super) has_sample: bool,
}

impl Report<'_> {
    pub(super) fn to_json(&self) -> Value {
        let costs =
            |costs: &[(&str, f64)]| -> Value { costs.iter().map(|(name, dollars)| (*name, cents(*dollars))).collect() };
        let shape = |shape: &Shape| {
            let days = shape.days.iter().map(|day| {
                json!({
                    "type": day.lane.name(),
                    "objects_per_hour": day.objects_per_hour,
                    "object_bytes": day.object_bytes,
                })
            });
            json!({
                "name": shape.name,
                "writers": shape.writers,
                "types": days.collect::<Vec<_>>(),
                "objects_per_hour": shape.objects_per_hour(),
                "bytes_per_day": shape.bytes_per_day(),
                "query": {
                    "objects": shape.query.objects, "bytes": shape.query.bytes, "dollars": shape.query.dollars,
                },
                "memory_bytes_per_writer": shape.memory_bytes,
                "vcpu_per_writer": shape.vcpu,
                "is_memory_short": shape.is_tight,
                "dollars_per_month": cents(shape.month()),
                "costs": costs(&shape.costs),
            })
        };
        let other = |other: &Other| {
            json!({
                "name": other.name,
                "objects_per_hour": other.objects_per_hour,
                "bytes_per_day": other.bytes_per_day,
                "query": {"bytes": other.query_bytes},
                "dollars_per_month": cents(other.month()),
                "costs": costs(&other.costs),
            })
        };
        let prices = self.asked.prices;
        json!({
            "tasks": self.asked.load.tasks,
            "json_bytes_per_day": self.asked.json_bytes_per_second() * HOUR_SECONDS * 24.0,
            "region": prices.region,
            "prices": {"date": prices.date, "sources": prices.sources},
            "choose": choice(self.shapes).map(|shape| shape.name),
            "shapes": self.shapes.iter().map(shape).collect::<Vec<_>>(),
            "others": self.others.iter().map(other).collect::<Vec<_>>(),
        })
    }

    pub(super) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let prices = self.asked.prices;
        let json = self.asked.json_bytes_per_second();
        writeln!(
            out,
            "{NAME}{} tasks log {} a day{NAME:#}, {} a second of each. Prices of {}, {}.",
            grouped(self.asked.load.tasks as f64),
            bytes(json * HOUR_SECONDS * 24.0),
            bytes(json / self.asked.load.tasks as f64),
            prices.region,
            prices.date,
        )?;
        let by = if self.has_sample { "your sample" } else { "docs/scale.md" };
        let largest = self.asked.largest().map_or("", |(_, one)| one.lane.name());
        writeln!(
            out,
            "{DIM}Sizes are those of {by}. A question reads two columns of a day of {largest}; there are {} a day.{DIM:#}",
            grouped(self.asked.queries_per_day),
        )?;
        writeln!(out)?;
        writeln!(
            out,
            "{:<24}{:>13}{:>11}{:>11}{:>13}{:>11}{:>11}",
            "", "objects/hour", "each", "a day", "question", "opens", "$/month"
        )?;
        let row = |out: &mut dyn Write, name: &str, cells: [String; 6]| {
            let [objects, each, day, question, opens, month] = cells;
            writeln!(out, "{name:<24}{objects:>13}{each:>11}{day:>11}{question:>13}{opens:>11}{month:>11}")
        };
        for shape in self.shapes {
            let objects = shape.objects_per_hour();
            let cells = [
                grouped(objects),
                bytes(shape.bytes_per_day() / 24.0 / objects),
                bytes(shape.bytes_per_day()),
                bytes(shape.query.bytes),
                grouped(shape.query.objects),
                grouped(shape.month()),
            ];
            row(out, shape.name, cells)?;
        }
        for other in self.others {
            let objects = other.objects_per_hour;
            let cells = [
                objects.map_or("-".to_owned(), grouped),
                objects.map_or("-".to_owned(), |objects| bytes(other.bytes_per_day / 24.0 / objects)),
                bytes(other.bytes_per_day),
                bytes(other.query_bytes),
                "-".to_owned(),
                grouped(other.month()),
            ];
            row(out, other.name, cells)?;
        }
        self.write_choice(out)?;
        self.write_types(out)?;
        self.write_costs(out)
    }

    fn write_choice(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(chosen) = choice(self.shapes) else { return Ok(()) };
        writeln!(out)?;
        writeln!(
            out,
            "{GOOD}Choose: {}{GOOD:#}, the simplest of those that cost little and whose questions open few enough objects.",
            chosen.name
        )?;
        for other in self.shapes.iter().filter(|shape| shape.name != chosen.name) {
            let opens = if other.has_many_objects() {
                format!(", and a question opens {} objects", grouped(other.query.objects))
            } else {
                String::new()
            };
            let more = other.month() - chosen.month();
            let (by, word) = if more < 0.0 { (-more, "less") } else { (more, "more") };
            writeln!(out, "  {} costs {} a month {word}{opens}.", other.name, dollars(by))?;
        }
        if chosen.name.ends_with("compacted") {
            writeln!(
                out,
                "  Compacted: an Iceberg table (shiwake ddl --make upkeep), or closed days merged (--make merge)."
            )?;
        }
        writeln!(
            out,
            "  Each of {} log routers takes {} of memory beside Fluent Bit's own, and {:.4} of a processor.",
            grouped(chosen.writers),
            bytes(chosen.memory_bytes),
            chosen.vcpu,
        )?;
        for tight in self.shapes.iter().filter(|shape| shape.is_tight && !shape.name.ends_with("compacted")) {
            writeln!(
                out,
                "  {DOUBTFUL}{}: all types together are too large for the memory, so objects will be smaller and more: set a larger \
                 memory_limit.{DOUBTFUL:#}",
                tight.name,
            )?;
        }
        Ok(())
    }

    fn write_types(&self, out: &mut impl Write) -> io::Result<()> {
        let find = |name: &str| self.shapes.iter().find(|shape| shape.name == name);
        let Some((direct, merged)) = find("direct").zip(find("aggregators")) else { return Ok(()) };
        writeln!(out)?;
        writeln!(out, "{:<24}{:>26}{:>26}", "", "direct", "aggregators")?;
        writeln!(out, "{:<24}{:>15}{:>11}{:>15}{:>11}", "", "objects/hour", "each", "objects/hour", "each")?;
        for (one, other) in direct.days.iter().zip(&merged.days) {
            writeln!(
                out,
                "{:<24}{:>15}{:>11}{:>15}{:>11}",
                one.lane.name(),
                grouped(one.objects_per_hour),
                bytes(one.object_bytes),
                grouped(other.objects_per_hour),
                bytes(other.object_bytes),
            )?;
        }
        Ok(())
    }

    fn write_costs(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        let of_shapes = self.shapes.iter().map(|shape| (shape.name, &shape.costs));
        let of_others = self.others.iter().map(|other| (other.name, &other.costs));
        for (name, costs) in of_shapes.chain(of_others) {
            let parts: Vec<String> = costs.iter().map(|(part, cost)| format!("{part} {}", grouped(*cost))).collect();
            writeln!(out, "{DIM}{name:<24}{DIM:#}{}", parts.join(", "))?;
        }
        Ok(())
    }
}

fn cents(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

fn dollars(amount: f64) -> String {
    format!("${}", grouped(amount))
}

/// A number with three digits at least, and a comma between thousands.
fn grouped(number: f64) -> String {
    let digits = match number {
        number if number >= 1.0 && number.fract() == 0.0 => 0,
        number if number >= 99.5 => 0,
        number if number >= 9.95 => 1,
        _ => 2,
    };
    let text = format!("{number:.digits$}");
    let (whole, rest) =
        text.split_once('.').map_or((text.as_str(), String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &rest
}

/// Bytes in the largest unit that leaves a number before the point.
fn bytes(bytes: f64) -> String {
    let (size, unit) = [(1e12, "TB"), (GIGA, "GB"), (1e6, "MB"), (1e3, "kB")]
        .into_iter()
        .find(|(size, _)| bytes >= *size)
        .unwrap_or((1.0, "B"));
    let number = bytes / size;
    if number >= 99.5 || unit == "B" { format!("{number:.0} {unit}") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_one_reads_them() {
        assert_eq!(
            [0.004, 1.25, 2.0, 12.34, 123.4, 1_234_567.0].map(grouped),
            ["0.00", "1.25", "2", "12.3", "123", "1,234,567"]
        );
        assert_eq!(
            [12.0, 1_500.0, 99.4e6, 99.94e6, 250e9].map(bytes),
            ["12 B", "1.5 kB", "99.4 MB", "100 MB", "250 GB"]
        );
    }
}
