//! What things cost, from a file that says when and where it was written down (`prices.toml`).

use super::PlanError;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

const FILE: &str = include_str!("prices.toml");

/// What has a price, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priced {
    /// 1,000 PUT requests of S3.
    S3Put1000,
    /// 1,000 GET requests of S3.
    S3Get1000,
    /// A gigabyte in S3 for a month.
    S3GbMonth,
    /// A terabyte that Athena reads.
    AthenaTb,
    /// A virtual processor of Fargate for an hour.
    VcpuHour,
    /// A gigabyte of memory of Fargate for an hour.
    MemoryGbHour,
    /// A network load balancer for an hour.
    NlbHour,
    /// A gigabyte through it.
    NlbGb,
    /// A gigabyte of an EBS volume for a month.
    VolumeGbMonth,
    /// A gigabyte from one zone into another, on both sides.
    ZoneGb,
    /// A gigabyte into CloudWatch Logs.
    CloudwatchGb,
    /// A gigabyte there for a month, as it is packed there.
    CloudwatchGbMonth,
    /// A gigabyte that Logs Insights reads.
    CloudwatchQueryGb,
    /// A gigabyte into Firehose.
    FirehoseGb,
    /// A gigabyte that it makes into Parquet.
    FirehoseConversionGb,
}

impl Priced {
    const ALL: [(Priced, &'static str); 15] = [
        (Priced::S3Put1000, "s3_put_1000"),
        (Priced::S3Get1000, "s3_get_1000"),
        (Priced::S3GbMonth, "s3_gb_month"),
        (Priced::AthenaTb, "athena_tb"),
        (Priced::VcpuHour, "vcpu_hour"),
        (Priced::MemoryGbHour, "memory_gb_hour"),
        (Priced::NlbHour, "nlb_hour"),
        (Priced::NlbGb, "nlb_gb"),
        (Priced::VolumeGbMonth, "volume_gb_month"),
        (Priced::ZoneGb, "zone_gb"),
        (Priced::CloudwatchGb, "cloudwatch_gb"),
        (Priced::CloudwatchGbMonth, "cloudwatch_gb_month"),
        (Priced::CloudwatchQueryGb, "cloudwatch_query_gb"),
        (Priced::FirehoseGb, "firehose_gb"),
        (Priced::FirehoseConversionGb, "firehose_conversion_gb"),
    ];
}

/// The prices of a region.
#[derive(Debug, Clone)]
pub(super) struct Prices {
    /// The day they were written down, as `2026-11-22`.
    pub(super) date: String,
    /// Where they come from.
    pub(super) sources: Vec<String>,
    /// The region.
    pub(super) region: String,
    of: BTreeMap<Priced, f64>,
}

impl Prices {
    /// The prices of a region, with those that a user gives as `NAME=VALUE` in the place of others.
    pub(super) fn new(region: &str, given: &[String]) -> Result<Self, PlanError> {
        let damaged = || PlanError::Damaged { what: "prices.toml" };
        let file = DeTable::parse(FILE).map_err(|_| damaged())?;
        let file = file.get_ref();
        let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        let date = file.get("date").and_then(|date| text(date.get_ref())).ok_or_else(damaged)?;
        let sources = file.get("sources").and_then(|sources| sources.get_ref().as_array()).ok_or_else(damaged)?;
        let sources = sources.iter().filter_map(|source| text(source.get_ref())).collect();
        let regions = file.get("region").and_then(|regions| regions.get_ref().as_table()).ok_or_else(damaged)?;
        let of_region = regions.get(region).and_then(|prices| prices.get_ref().as_table()).ok_or_else(|| {
            let known = regions.keys().map(|key| key.get_ref().to_string()).collect::<Vec<_>>().join(", ");
            PlanError::Region { found: region.to_owned(), known }
        })?;
        let mut of = BTreeMap::new();
        for (priced, name) in Priced::ALL {
            let price =
                of_region.get(name).and_then(|price| super::load::number(price.get_ref())).ok_or_else(damaged)?;
            of.insert(priced, price);
        }
        for one in given {
            let wrong = || PlanError::Price { found: one.clone(), known: Priced::ALL.map(|(_, name)| name).join(", ") };
            let (name, value) = one.split_once('=').ok_or_else(wrong)?;
            let (priced, _) = Priced::ALL.iter().find(|(_, known)| *known == name).ok_or_else(wrong)?;
            let value: f64 = value.parse().map_err(|_| wrong())?;
            if !value.is_finite() || value < 0.0 {
                return Err(wrong());
            }
            of.insert(*priced, value);
        }
        Ok(Self { date, sources, region: region.to_owned(), of })
    }

    /// What so many of it cost.
    pub(super) fn cost(&self, of: Priced, amount: f64) -> f64 {
        self.of.get(&of).copied().unwrap_or_default() * amount
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_every_price_and_a_user_may_give_others() {
        for region in ["us-east-1", "eu-west-1", "ap-northeast-1"] {
            let prices = Prices::new(region, &[]).unwrap();
            assert!(Priced::ALL.iter().all(|(priced, _)| prices.cost(*priced, 1.0) > 0.0), "{region}");
            assert!(prices.sources.iter().all(|source| source.starts_with("https://aws.amazon.com/")));
        }
        let prices = Prices::new("eu-west-1", &["athena_tb=7".to_owned()]).unwrap();
        assert!((prices.cost(Priced::AthenaTb, 2.0) - 14.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_known_is_said_with_what_is() {
        let error = Prices::new("mars-1", &[]).unwrap_err().to_string();
        assert!(error.contains("mars-1") && error.contains("eu-west-1"), "{error}");
        for given in ["athena=5", "athena_tb", "athena_tb=x", "athena_tb=-1"] {
            let error = Prices::new("eu-west-1", &[given.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(given) && error.contains("athena_tb"), "{error}");
        }
    }
}
