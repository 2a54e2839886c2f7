//! Makes one page of the playground: `shiwake-build-page MODULE.wasm PAGE_FOLDER OUT.html`.
//!
//! The module and its JavaScript go through wasm-bindgen; then styles, scripts and the packed module are put into the page, and
//! the hashes of what may run into its Content Security Policy (<https://www.w3.org/TR/CSP3/>). The page asks the network for
//! nothing, so it works from a folder, also by a double click.

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::DeflateEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;

/// The page's own scripts, in the order in which they run.
const SCRIPTS: [&str; 8] =
    ["theme.js", "elements.js", "share.js", "samples.js", "editor.js", "results.js", "detail.js", "main.js"];
/// What is said of keys.
const HINTS: &str = "hints.json";
/// The samples: their titles, and the files with their lines and their rules.
const SAMPLES: [(&str, &str, Option<&str>); 6] = [
    ("Access log", "access.log", None),
    ("JSON app", "json_app.log", None),
    ("Stack trace", "stack_trace.log", None),
    ("ALB", "load_balancer.log", None),
    ("Audit", "audit.log", None),
    ("Own rules", "own_rules.log", Some("own_rules.toml")),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, out] = arguments.as_slice() else {
        return Err("expected: MODULE.wasm PAGE_FOLDER OUT.html".into());
    };
    let folder = Path::new(folder);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"));

    let mut output = Bindgen::new()
        .input_path(module)
        .no_modules(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()?;
    let glue = output.js().to_owned();
    let wasm = output.wasm_mut().emit_wasm();

    let samples = SAMPLES.map(|(title, lines, rules)| -> Result<Value, String> {
        let sample = |name: &str| read(&format!("../samples/{name}"));
        Ok(json!({"title": title, "lines": sample(lines)?, "rules": rules.map(sample).transpose()?}))
    });
    let samples: Vec<Value> = samples.into_iter().collect::<Result<_, _>>()?;
    // JSON is JavaScript; the keys stay in their order.
    let hints = read(HINTS)?;
    let mut scripts = format!("'use strict';\nconst SAMPLES = {};\nconst HINTS = {hints};\n", Value::from(samples));
    for name in SCRIPTS {
        scripts.push_str(&read(name)?);
    }
    let worker = format!("'use strict';\n{glue}\n{}", read("worker.js")?);
    let style = read("style.css")?;
    for (name, text) in [("the scripts", &scripts), ("the worker", &worker), ("the styles", &style)] {
        if text.contains("</script") || text.contains("</style") || text.contains("<!--") {
            return Err(format!("{name} would end their element of the page").into());
        }
    }
    let policy = [
        "default-src 'none'".to_owned(),
        format!("script-src 'sha256-{}' 'wasm-unsafe-eval'", hash(&scripts)),
        format!("style-src 'sha256-{}'", hash(&style)),
        "worker-src blob:".to_owned(),
        "img-src data:".to_owned(),
        "connect-src 'none'".to_owned(),
        "base-uri 'none'".to_owned(),
        "form-action 'none'".to_owned(),
        "require-trusted-types-for 'script'".to_owned(),
        "trusted-types shiwake-worker".to_owned(),
    ];
    let mut page = read("index.html")?;
    for (mark, content) in [
        ("@@POLICY@@", policy.join("; ")),
        ("@@STYLE@@", style),
        ("@@WORKER@@", worker),
        ("@@MODULE@@", packed(&wasm)?),
        ("@@SCRIPT@@", scripts),
    ] {
        let (before, behind) = page.split_once(mark).ok_or_else(|| format!("the page has no {mark}"))?;
        page = format!("{before}{content}{behind}");
    }
    std::fs::write(out, &page)?;
    println!("{out}: {} bytes, of which {} are the module's {}, packed", page.len(), packed(&wasm)?.len(), wasm.len());
    Ok(())
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// The bytes as deflate-raw and base64, as the page unpacks them.
fn packed(bytes: &[u8]) -> Result<String, std::io::Error> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(STANDARD.encode(encoder.finish()?))
}
