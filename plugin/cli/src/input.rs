//! Lines of logs.

use crate::error::CommandError;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Reads the lines of files one after another, or of standard input when there are none.
pub(crate) struct Lines<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    open: Option<(&'a Path, Box<dyn BufRead>)>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(files: &'a [PathBuf]) -> Self {
        let stdin = || (Path::new("standard input"), Box::new(io::stdin().lock()) as Box<dyn BufRead>);
        Self { files: files.iter(), open: files.is_empty().then(stdin) }
    }

    /// Reads the next line, without its end; whether there was one.
    pub(crate) fn read(&mut self, line: &mut Vec<u8>) -> Result<bool, CommandError> {
        line.clear();
        loop {
            if let Some((file, reader)) = &mut self.open {
                let read = reader.read_until(b'\n', line);
                if read.map_err(|source| CommandError::Read { file: file.to_path_buf(), source })? > 0 {
                    if line.last() == Some(&b'\n') {
                        line.pop();
                    }
                    return Ok(true);
                }
            }
            let Some(file) = self.files.next() else { return Ok(false) };
            let opened = File::open(file).map_err(|source| CommandError::Read { file: file.clone(), source })?;
            self.open = Some((file, Box::new(BufReader::new(opened))));
        }
    }
}
