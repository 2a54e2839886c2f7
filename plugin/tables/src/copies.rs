//! Copies of objects, for tables whose catalog has to own what they are made of, as S3 Tables' do.
//!
//! A copy lies in the table's own folder, under the key that the object has in the lake: so it is known by its address as an
//! object is, and one that was made twice, by two committers or by one that was killed, is one.

use crate::candidate::Candidate;
use crate::data_file::Adoptable;
use crate::set_aside::SetAside;
use futures::StreamExt;
use iceberg::table::Table;
use shiwake_delivery::store::Lake;

/// Folder of a table for its data, as writers of Iceberg have it.
const DATA_FOLDER: &str = "data";
/// Objects that are copied at a time, each of which is held as a whole.
const COPIES_AT_A_TIME: usize = 4;

/// What the addresses of a table's copies begin with, without a slash at the end.
pub(crate) fn copies_address(table: &Table) -> String {
    format!("{}/{DATA_FOLDER}", table.metadata().location().trim_end_matches('/'))
}

/// An object that is there, or its key and why it could not be read.
type Copied = Result<Adoptable, (String, SetAside)>;

/// Copies objects to where the table is to find them; gives those that are there, and why others could not be read.
///
/// # Errors
/// When the table's folder cannot be written to.
pub(crate) async fn copy(
    lake: &Lake,
    table: &Table,
    files: Vec<Adoptable>,
) -> iceberg::Result<(Vec<Adoptable>, Vec<(String, SetAside)>)> {
    let copy = |file: Adoptable| async move {
        let Candidate { object, address, .. } = &file.candidate;
        let content = match lake.read_end(object, object.bytes).await {
            Ok(content) => content,
            Err(error) => return iceberg::Result::<Copied>::Ok(Err((object.key.clone(), SetAside::Store(error)))),
        };
        table.file_io().new_output(address)?.write(content).await?;
        Ok(Ok(file))
    };
    let mut copying = futures::stream::iter(files.into_iter().map(copy)).buffered(COPIES_AT_A_TIME);
    let (mut copied, mut refused) = (Vec::new(), Vec::new());
    while let Some(done) = copying.next().await {
        match done? {
            Ok(file) => copied.push(file),
            Err(reason) => refused.push(reason),
        }
    }
    Ok((copied, refused))
}
