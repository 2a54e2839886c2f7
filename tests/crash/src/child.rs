//! A feeder as a process.

use crate::CrashError;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a feeder may take for what is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How feeders are started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub feeder: PathBuf,
    /// The shared object.
    pub plugin: PathBuf,
    /// Properties of the output.
    pub properties: Vec<(String, String)>,
    /// What the chunks follow from.
    pub seed: u64,
    /// The folder for notes and logs.
    pub folder: PathBuf,
}

impl Launch {
    /// The file of the notes.
    #[must_use]
    pub fn notes(&self) -> PathBuf {
        self.folder.join("notes")
    }

    /// The file of the plugin's lines.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("plugin.log")
    }
}

/// A running feeder; it is killed when it is dropped.
#[derive(Debug)]
pub struct Feeder {
    child: Child,
    stdin: Option<ChildStdin>,
    words: Receiver<String>,
}

impl Feeder {
    /// Starts a feeder that plays a layout at a rate.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(launch: &Launch, layout: &str, rate: u64, new_chunks: Option<u64>) -> Result<Self, CrashError> {
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(launch.folder.join("feeder.err"));
        let errors = errors.map_err(CrashError::io("open", &launch.folder))?;
        let mut command = Command::new(&launch.feeder);
        command.args(["--layout", layout, "--seed", &launch.seed.to_string(), "--rate", &rate.to_string()]);
        command.arg("--plugin").arg(&launch.plugin);
        command.arg("--notes").arg(launch.notes()).arg("--log").arg(launch.log());
        for (name, value) in &launch.properties {
            command.arg("--prop").arg(format!("{name}={value}"));
        }
        if let Some(new_chunks) = new_chunks {
            command.args(["--new-chunks", &new_chunks.to_string()]);
        }
        // For servers on this machine, which look at no signature.
        for (name, value) in
            [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "eu-west-1")]
        {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().map_err(CrashError::io("start", &launch.feeder))?;
        let (sender, words) = channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, words })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has said a word.
    ///
    /// # Errors
    /// When it ended, or did not say it in time.
    pub fn wait_for(&mut self, word: &'static str) -> Result<(), CrashError> {
        self.wait_within(word, PATIENCE)
    }

    /// As [`Feeder::wait_for`], for as long as is said.
    ///
    /// # Errors
    /// When it ended, or did not say it in time.
    pub fn wait_within(&mut self, word: &'static str, patience: Duration) -> Result<(), CrashError> {
        let end = Instant::now() + patience;
        while let Ok(said) = self.words.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if said == word {
                return Ok(());
            }
        }
        let status = self.child.try_wait().ok().flatten().map_or("none".to_owned(), |status| status.to_string());
        Err(CrashError::Silent { expected: word, seconds: patience.as_secs(), status })
    }

    /// Tells it to stop.
    pub fn stop(&mut self) {
        if let Some(mut stdin) = self.stdin.take() {
            let _ = stdin.write_all(b"stop\n");
        }
    }

    /// Kills it as the kernel does when memory is short, and waits until it is gone.
    ///
    /// # Errors
    /// When the system does not tell how it ended.
    pub fn kill(&mut self) -> Result<ExitStatus, CrashError> {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().map_err(CrashError::io("wait for", Path::new("shiwake-feeder")))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When the system does not tell how it ended.
    pub fn wait(&mut self) -> Result<ExitStatus, CrashError> {
        self.child.wait().map_err(CrashError::io("wait for", Path::new("shiwake-feeder")))
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
