//! Takes objects of the lake into the tables of their types.
//!
//! Objects are listed and looked at in chunks of [`CHUNK_OBJECTS`], so that what is held does not grow with the lake. Of each
//! chunk what the table knows is left out; the footers of the rest are read, a batch at a time, and each batch becomes one
//! snapshot. Before each batch, and after each commit that was refused, the table is looked at again. So a run that is killed
//! anywhere has committed some batches and not the others, and the next one goes on there.

use crate::candidate::Candidate;
use crate::columns;
use crate::commits;
use crate::copies;
use crate::data_file::{Adoptable, FileSchemas};
use crate::error::TableError;
use crate::footer;
use crate::known::Known;
use crate::report::{Report, Sums};
use crate::retry::Retry;
use crate::set_aside::SetAside;
use crate::window::Window;
use futures::StreamExt;
use iceberg::spec::{DataFile, NestedFieldRef};
use iceberg::table::Table;
use iceberg::{Catalog, ErrorKind, TableIdent};
use shiwake_delivery::store::Lake;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

/// Objects that are compared with a table at a time.
const CHUNK_OBJECTS: usize = 20_000;
/// Footers that are asked for at a time: where each takes 50 ms, as in S3, that is 1,280 a second.
const FOOTERS_AT_A_TIME: usize = 64;
/// How often a batch's commit may collide with others' before the run ends.
const ATTEMPTS: u32 = 50;

/// What is committed from where to where.
pub(crate) struct Committer<'c> {
    /// The lake.
    pub(crate) lake: &'c Lake,
    /// What its objects' addresses begin with.
    pub(crate) lake_address: &'c str,
    /// The catalog.
    pub(crate) catalog: &'c Arc<dyn Catalog>,
    /// Which part of the lake.
    pub(crate) window: Window,
    /// Whether tables take in copies, which they own, instead of the lake's objects.
    pub(crate) copies: bool,
    /// Files of a snapshot at most.
    pub(crate) batch_files: usize,
    /// Who is told.
    pub(crate) report: &'c Report,
}

/// A table that objects go into.
struct Target<'t> {
    ident: &'t TableIdent,
    name: String,
    log_type: &'t str,
    /// What the addresses begin with by which the table knows objects.
    address: String,
    schemas: FileSchemas,
    sums: Sums,
    /// Keys of what was set aside, when somebody wants to know them.
    aside: Option<HashSet<String>>,
}

impl<'t> Target<'t> {
    fn new(ident: &'t TableIdent, log_type: &'t str, address: String) -> Self {
        let (name, schemas, sums) = (ident.to_string(), FileSchemas::default(), Sums::default());
        Self { ident, name, log_type, address, schemas, sums, aside: None }
    }
}

impl Committer<'_> {
    /// Takes the objects of a type into its table.
    ///
    /// # Errors
    /// When the lake cannot be listed, or the catalog or the table's own files cannot be used.
    pub(crate) async fn commit(&self, ident: &TableIdent, log_type: &str) -> Result<Sums, TableError> {
        let mut target = self.target(ident, log_type).await?;
        let mut chunk = Vec::new();
        for folder in self.window.folders(log_type) {
            let mut listing = self.lake.list_folder(&folder);
            while let Some(object) = listing.next().await? {
                target.sums.listed += 1;
                let key = object.key.clone();
                match Candidate::new(object, log_type, &target.address) {
                    Ok(candidate) => chunk.push(candidate),
                    Err(reason) => self.set_aside(&mut target, &key, &reason)?,
                }
                if chunk.len() >= CHUNK_OBJECTS {
                    self.take_in(&mut target, std::mem::take(&mut chunk)).await?;
                }
            }
        }
        self.take_in(&mut target, chunk).await?;
        self.report.table_done(&target.name, &target.sums)?;
        Ok(target.sums)
    }

    /// Takes objects that somebody names into the table of their type, and gives the keys of those that were set aside. One
    /// that is gone is left out: whoever removed it has not asked us.
    ///
    /// # Errors
    /// As [`Committer::commit`].
    pub(crate) async fn commit_named(
        &self,
        ident: &TableIdent,
        log_type: &str,
        keys: &BTreeSet<String>,
    ) -> Result<(Sums, HashSet<String>), TableError> {
        let mut target = Target { aside: Some(HashSet::new()), ..self.target(ident, log_type).await? };
        let find = |key: String| async move { (self.lake.find(&key).await, key) };
        let finding: Vec<_> = keys.iter().cloned().map(find).collect();
        let mut found = futures::stream::iter(finding).buffered(FOOTERS_AT_A_TIME);
        let mut chunk = Vec::new();
        while let Some((object, key)) = found.next().await {
            target.sums.listed += u64::from(!matches!(object, Ok(None)));
            let candidate = match object {
                Ok(None) => continue,
                Ok(Some(object)) => Candidate::new(object, log_type, &target.address),
                Err(error) => Err(SetAside::Store(error)),
            };
            match candidate {
                Ok(candidate) => chunk.push(candidate),
                Err(reason) => self.set_aside(&mut target, &key, &reason)?,
            }
        }
        drop(found);
        self.take_in(&mut target, chunk).await?;
        Ok((target.sums, target.aside.unwrap_or_default()))
    }

    async fn target<'t>(&self, ident: &'t TableIdent, log_type: &'t str) -> Result<Target<'t>, TableError> {
        let address = match self.copies {
            true => self.address_in(&self.catalog.load_table(ident).await?),
            false => self.lake_address.to_owned(),
        };
        Ok(Target::new(ident, log_type, address))
    }

    /// What the addresses of objects begin with in a table.
    fn address_in(&self, table: &Table) -> String {
        if self.copies { copies::copies_address(table) } else { self.lake_address.to_owned() }
    }

    /// How many objects of a type are not in its table yet.
    ///
    /// # Errors
    /// As [`Committer::commit`].
    pub(crate) async fn count_missing(&self, table: &Table, log_type: &str) -> Result<u64, TableError> {
        let (address, mut chunk, mut missing) = (self.address_in(table), Vec::new(), 0);
        let mut folders = self.window.folders(log_type);
        let mut listing = folders.next().map(|folder| self.lake.list_folder(&folder));
        while let Some(open) = &mut listing {
            match open.next().await? {
                Some(object) => chunk.extend(Candidate::new(object, log_type, &address).ok()),
                None => listing = folders.next().map(|folder| self.lake.list_folder(&folder)),
            }
            if chunk.len() >= CHUNK_OBJECTS || listing.is_none() {
                let mut known = Known::of(&chunk);
                known.look(table).await?;
                missing += chunk.drain(..).filter(|candidate| !known.has(candidate)).count() as u64;
            }
        }
        Ok(missing)
    }

    async fn take_in(&self, target: &mut Target<'_>, mut chunk: Vec<Candidate>) -> Result<(), TableError> {
        if chunk.is_empty() {
            return Ok(());
        }
        chunk.sort_by_key(|candidate| candidate.hour);
        let mut known = Known::of(&chunk);
        let mut rest = VecDeque::from(chunk);
        loop {
            let table = self.load(target).await?;
            known.look(&table).await?;
            let before = rest.len();
            rest.retain(|candidate| !known.has(candidate));
            target.sums.known += (before - rest.len()) as u64;
            if rest.is_empty() {
                return Ok(());
            }
            let batch: Vec<Candidate> = rest.drain(..self.batch_files.min(rest.len())).collect();
            let mut files = self.read_footers(target, batch).await?;
            if self.copies {
                let (copied, refused) = copies::copy(self.lake, &table, files).await?;
                files = copied;
                for (key, reason) in refused {
                    self.set_aside(target, &key, &reason)?;
                }
            }
            self.append(target, table, files, &mut known).await?;
        }
    }

    async fn load(&self, target: &Target<'_>) -> Result<Table, TableError> {
        let table = self.catalog.load_table(target.ident).await?;
        if columns::is_by_hour(table.metadata()) {
            Ok(table)
        } else {
            Err(TableError::Partition { table: target.name.clone() })
        }
    }

    async fn read_footers(&self, target: &mut Target<'_>, batch: Vec<Candidate>) -> Result<Vec<Adoptable>, TableError> {
        let (log_type, schemas) = (target.log_type, &target.schemas);
        let read = |candidate: Candidate| async move {
            let key = candidate.object.key.clone();
            let file = match footer::read(self.lake, &candidate.object, log_type).await {
                Ok(metadata) => Adoptable::new(candidate, &metadata, schemas),
                Err(reason) => Err(reason),
            };
            file.map_err(|reason| (key, reason))
        };
        let mut footers = futures::stream::iter(batch.into_iter().map(read)).buffered(FOOTERS_AT_A_TIME);
        let (mut files, mut refused): (Vec<Adoptable>, Vec<(String, SetAside)>) = (Vec::new(), Vec::new());
        while let Some(file) = footers.next().await {
            match file {
                Ok(file) => files.push(file),
                Err(reason) => refused.push(reason),
            }
        }
        drop(footers);
        for (key, reason) in refused {
            self.set_aside(target, &key, &reason)?;
        }
        Ok(files)
    }

    /// Adds files to the table that was looked at, and to newer ones until it is done or they are there.
    async fn append(
        &self,
        target: &mut Target<'_>,
        mut table: Table,
        mut files: Vec<Adoptable>,
        known: &mut Known,
    ) -> Result<(), TableError> {
        let mut retry = Retry::new(ATTEMPTS);
        loop {
            let new = self.new_columns(target, &table, &mut files)?;
            if files.is_empty() {
                return Ok(());
            }
            let done = if new.is_empty() {
                let entries = files.iter().map(|file| file.data_file(table.metadata())).collect::<Result<_, _>>()?;
                self.append_once(target, &table, entries).await.map(Some)
            } else {
                let added = commits::add_columns(self.catalog, &table, &new).await;
                if added.is_ok() {
                    let names: Vec<&str> = new.iter().map(|field| field.name.as_str()).collect();
                    self.report.evolved(&target.name, &names)?;
                }
                added.map(|_| None)
            };
            match done {
                Ok(Some(table)) => return self.count(target, &table, &files),
                // The columns are there: now the files.
                Ok(None) => {}
                Err(error) => {
                    retry.wait(&target.name, error, self.report).await?;
                    target.sums.retries = target.sums.retries.saturating_add(1);
                }
            }
            table = self.load(target).await?;
            known.look(&table).await?;
            let before = files.len();
            files.retain(|file| !known.has(&file.candidate));
            target.sums.known += (before - files.len()) as u64;
        }
    }

    /// Commits, and looks whether that is so: the SQL catalog does not say when its database refuses at the very end.
    async fn append_once(&self, target: &Target<'_>, table: &Table, entries: Vec<DataFile>) -> iceberg::Result<Table> {
        let made = commits::append(self.catalog, table, entries).await?;
        let found = self.catalog.load_table(target.ident).await?;
        match made.metadata().current_snapshot_id() {
            Some(snapshot) if found.metadata().snapshot_by_id(snapshot).is_some() => Ok(made),
            _ => Err(iceberg::Error::new(ErrorKind::Unexpected, "the catalog took a commit and does not have it")),
        }
    }

    fn count(&self, target: &mut Target<'_>, table: &Table, files: &[Adoptable]) -> Result<(), TableError> {
        let sums = &mut target.sums;
        sums.snapshots += 1;
        sums.files += files.len() as u64;
        sums.rows += files.iter().map(|file| file.rows).sum::<u64>();
        sums.bytes += files.iter().map(|file| file.candidate.object.bytes).sum::<u64>();
        let snapshot = table.metadata().current_snapshot_id().unwrap_or_default();
        Ok(self.report.committed(&target.name, snapshot, files.len(), sums)?)
    }

    /// The columns that the table has yet to get, of all files; those that cannot go in with the others are set aside.
    fn new_columns(
        &self,
        target: &mut Target<'_>,
        table: &Table,
        files: &mut Vec<Adoptable>,
    ) -> Result<Vec<NestedFieldRef>, TableError> {
        let mut new: Vec<NestedFieldRef> = Vec::new();
        let mut taken = Vec::with_capacity(files.len());
        // Files of a version and rules share their columns, and most of a batch are of the same.
        let mut last: Option<Arc<crate::data_file::FileColumns>> = None;
        for file in files.drain(..) {
            if !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &file.columns)) {
                let added = columns::missing(table.metadata(), &file.columns.fields)
                    .and_then(|missing| columns::together(&new, missing));
                match added {
                    Ok(added) => new.extend(added),
                    Err(reason) => {
                        self.set_aside(target, &file.candidate.object.key, &reason)?;
                        continue;
                    }
                }
                last = Some(file.columns.clone());
            }
            taken.push(file);
        }
        *files = taken;
        Ok(new)
    }

    fn set_aside(&self, target: &mut Target<'_>, key: &str, reason: &SetAside) -> Result<(), TableError> {
        target.sums.set_aside += 1;
        if let Some(aside) = &mut target.aside {
            aside.insert(key.to_owned());
        }
        Ok(self.report.set_aside(&target.name, key, reason)?)
    }
}
