//! What stands around the plugins in the host's configuration: matches, retries, storage, and time at the end.

use super::finding::Finding;
use super::host_config::{Kind, Section};

const PLUGIN: &str = "shiwake";
/// Seconds from ECS' stop signal to its kill, when the task definition does not set `stopTimeout`.
const ECS_STOP_SECONDS: u64 = 30;

/// Everything that the configuration says around the plugins.
pub(super) fn look(sections: &[Section]) -> Vec<Finding> {
    let of = |kind| sections.iter().filter(move |section| section.is_of(kind, PLUGIN));
    let mut findings = Vec::new();
    if of(Kind::Output).chain(of(Kind::Filter)).next().is_none() {
        let advice = "add [OUTPUT] and [FILTER] sections with 'Name shiwake', or name the configuration that has them";
        findings.push(Finding::bad("configuration", "no section has the name shiwake", advice));
    }
    for (number, section) in of(Kind::Output).enumerate() {
        let subject = section.get("alias").map_or_else(|| format!("output {PLUGIN}.{number}"), str::to_owned);
        findings.extend(matches(&subject, section));
        findings.push(retries(&subject, section));
    }
    for section in of(Kind::Filter) {
        findings.extend(matches("filter shiwake", section));
    }
    findings.extend(one_set_of_rules(&of(Kind::Filter).collect::<Vec<_>>(), &of(Kind::Output).collect::<Vec<_>>()));
    let has_spool = of(Kind::Output).any(|section| section.get("store_dir").is_some());
    findings.extend(has_spool.then(|| storage(sections)));
    findings.extend(grace(sections));
    findings
}

fn matches(subject: &str, section: &Section) -> Option<Finding> {
    let has_match = section.get("match").or_else(|| section.get("match_regex")).is_some();
    let advice = "set Match, as in 'Match *'";
    (!has_match).then(|| Finding::bad(subject, "neither Match nor Match_Regex is set: it gets no records", advice))
}

fn retries(subject: &str, section: &Section) -> Finding {
    const ADVICE: &str =
        "set 'Retry_Limit no_limits': what the store cannot take yet is kept within store_dir_limit_size";
    let limit = section.get("retry_limit").unwrap_or_default().to_ascii_lowercase();
    match limit.as_str() {
        "no_limits" | "false" | "off" => Finding::good(subject, "Fluent Bit keeps chunks until they are taken"),
        "" => Finding::doubtful(subject, "Retry_Limit is not set: Fluent Bit drops a chunk after one retry", ADVICE),
        "no_retries" => {
            Finding::bad(subject, "Retry_Limit no_retries: Fluent Bit drops a chunk that has to wait", ADVICE)
        }
        limit => Finding::doubtful(subject, format!("Fluent Bit drops a chunk after {limit} retries"), ADVICE),
    }
}

fn one_set_of_rules(filters: &[&Section], outputs: &[&Section]) -> Option<Finding> {
    let rules = |section: &&Section| section.get("rules").unwrap_or_default().to_owned();
    let of_outputs: Vec<String> = outputs.iter().map(rules).collect();
    let differs =
        filters.iter().map(rules).find(|of_filter| !of_outputs.is_empty() && !of_outputs.contains(of_filter))?;
    let seen = format!("the filter has rules '{differs}' and no output has them");
    Some(Finding::doubtful("rules", seen, "set 'rules' to one file in the filter and in the output"))
}

/// Whether the host keeps on disk what the output has not taken yet.
fn storage(sections: &[Section]) -> Finding {
    let service = sections.iter().filter(|section| section.kind == Kind::Service);
    let has_path = service.clone().any(|section| section.get("storage.path").is_some());
    let mut inputs = sections.iter().filter(|section| section.kind == Kind::Input).peekable();
    let is_file =
        |section: &Section| section.get("storage.type").is_some_and(|kind| kind.eq_ignore_ascii_case("filesystem"));
    match (has_path, inputs.peek().is_some() && inputs.all(is_file)) {
        (true, true) => Finding::good("storage", "Fluent Bit keeps chunks on disk until the output has taken them"),
        (has_path, _) => {
            let what = if has_path { "an input has no 'storage.type filesystem'" } else { "'storage.path' is not set" };
            let seen = format!("{what}: what Fluent Bit has and the output has not taken yet is lost in a crash");
            let advice = "set 'storage.path' in [SERVICE] and 'storage.type filesystem' in each input, where nothing may be lost";
            Finding::doubtful("storage", seen, advice)
        }
    }
}

fn grace(sections: &[Section]) -> Option<Finding> {
    let mut services = sections.iter().filter(|section| section.kind == Kind::Service);
    let seconds: u64 = services.find_map(|section| section.get("grace"))?.trim_end_matches(['s', 'S']).parse().ok()?;
    let seen = format!("Grace is {seconds} s");
    Some(match seconds > ECS_STOP_SECONDS {
        true => Finding::doubtful(
            "shutdown",
            format!("{seen}, and ECS kills {ECS_STOP_SECONDS} s after its stop signal"),
            format!("set stopTimeout of the log router's container to {seconds} or more (120 at most on Fargate)"),
        ),
        false => Finding::good("shutdown", seen),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::finding::State;
    use super::*;

    fn section(kind: Kind, entries: &[(&str, &str)]) -> Section {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Section { kind, entries }
    }

    #[test]
    fn each_trap_is_named_and_a_good_configuration_has_none() {
        let good = vec![
            section(Kind::Service, &[("Grace", "30"), ("storage.path", "/x")]),
            section(Kind::Input, &[("Name", "forward"), ("storage.type", "filesystem")]),
            section(Kind::Filter, &[("Name", "shiwake"), ("Match", "*"), ("rules", "/r")]),
            section(
                Kind::Output,
                &[
                    ("Name", "shiwake"),
                    ("Match", "*"),
                    ("Retry_Limit", "no_limits"),
                    ("store_dir", "/s"),
                    ("rules", "/r"),
                ],
            ),
        ];
        assert!(look(&good).iter().all(|finding| finding.state == State::Good), "{:?}", look(&good));
        let changed = |at: usize, key: &str, value: Option<&str>| {
            let mut sections = good.clone();
            let entries = &mut sections.get_mut(at).unwrap().entries;
            entries.retain(|(name, _)| name != key);
            entries.extend(value.map(|value| (key.to_owned(), value.to_owned())));
            sections
        };
        for (at, key, value, state, part) in [
            (0, "Grace", Some("60"), State::Doubtful, "ECS kills 30 s after"),
            (0, "storage.path", None, State::Doubtful, "'storage.path' is not set"),
            (1, "storage.type", None, State::Doubtful, "an input has no 'storage.type filesystem'"),
            (2, "rules", None, State::Doubtful, "the filter has rules ''"),
            (3, "Retry_Limit", None, State::Doubtful, "after one retry"),
            (3, "Retry_Limit", Some("5"), State::Doubtful, "after 5 retries"),
            (3, "Retry_Limit", Some("no_retries"), State::Bad, "drops a chunk that has to wait"),
            (3, "Match", None, State::Bad, "it gets no records"),
        ] {
            let findings = look(&changed(at, key, value));
            let found: Vec<&Finding> = findings.iter().filter(|finding| finding.state != State::Good).collect();
            assert!(
                found.len() == 1 && found.iter().all(|it| it.state == state && it.seen.contains(part)),
                "{found:?}"
            );
        }
        let findings = look(&[section(Kind::Output, &[("Name", "s3")])]);
        assert!(findings.iter().any(|finding| finding.seen.contains("no section has the name")), "{findings:?}");
    }
}
