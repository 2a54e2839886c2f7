//! The C API as a C program sees it: the header, the example, and the contract under AddressSanitizer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folder with `libshiwake.so`, which is built for the tests.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
    assert!(output.status.success(), "{command:?}: {}\n{}{}", output.status, said[0], said[1]);
    output
}

/// Compiles and links a program in a folder; where it is found under its own name (the soname), the library is too.
fn compile(source: &str, more: &[&str], program: &Path) {
    let folder = program.parent().unwrap();
    let library = library().join("libshiwake.so");
    for name in ["libshiwake.so", "shiwake.so"] {
        std::os::unix::fs::symlink(&library, folder.join(name)).unwrap();
    }
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    output(
        Command::new(compiler)
            .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", "-g"])
            .args(more)
            .arg(Path::new(ROOT).join(source))
            .arg(format!("-I{ROOT}/include"))
            .arg(format!("-L{}", folder.display()))
            .arg(format!("-Wl,-rpath,{}", folder.display()))
            .args(["-lshiwake", "-o"])
            .arg(program),
    );
}

#[test]
fn the_header_is_what_cbindgen_makes_of_the_code() {
    let kept = Path::new(ROOT).join("include/shiwake.h");
    let config = cbindgen::Config::from_file(Path::new(ROOT).join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for entry in std::fs::read_dir(Path::new(ROOT).join("src/capi")).unwrap() {
        builder = builder.with_src(entry.unwrap().path());
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    if std::env::var_os("SHIWAKE_WRITE_HEADER").is_some() {
        std::fs::write(&kept, &made).unwrap();
    }
    let kept = std::fs::read_to_string(kept).unwrap_or_default();
    assert!(kept == made, "include/shiwake.h is not of this code: `make header` makes it anew");
}

#[test]
fn the_contract_holds_under_address_sanitizer() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("contract");
    compile("tests/embedding/contract.c", &["-fsanitize=address,undefined"], &program);
    let said = output(Command::new(program).arg(folder.path().join("lake")).env("ASAN_OPTIONS", "detect_leaks=1"));
    assert_eq!(said.stdout, b"ok\n");
}

#[test]
fn the_example_sorts_lines_into_a_lake() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sort");
    compile("examples/sort.c", &[], &program);
    let log = std::fs::File::open(Path::new(ROOT).join("../tests/data/audit_auth.log")).unwrap();
    let lines = std::fs::read_to_string(Path::new(ROOT).join("../tests/data/audit_auth.log")).unwrap().lines().count();
    let said = output(Command::new(program).arg(folder.path().join("lake")).stdin(log));
    let printed = String::from_utf8(said.stdout).unwrap();
    assert_eq!(printed.lines().count(), lines);
    assert!(printed.lines().all(|line| line.contains("\"log_type\":\"")), "{printed}");
    let sums = String::from_utf8(said.stderr).unwrap();
    assert_eq!(sums.trim(), format!("{lines} records in, {lines} written"));
}
