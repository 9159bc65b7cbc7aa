//! Files that are there whole or not at all.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::Path,
};

/// Writes a file: whole or not at all where `path` is a file or nothing yet, straight into
/// whatever else it is, such as a pipe.
///
/// `write` flushes what it is given.
///
/// # Errors
/// Those of `write` and of the file system, after which a file that was there before is as
/// it was.
pub fn write_whole<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    // Through a link, so that the file it names is replaced and not the link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        return write(BufWriter::new(File::options().write(true).open(&target)?));
    }
    let partial = target.with_extension(format!("{}.partial", std::process::id()));
    let written = File::create(&partial).map_err(E::from).and_then(|file| {
        write(BufWriter::new(file))?;
        Ok(std::fs::rename(&partial, &target)?)
    });
    // Best effort: the cause is reported either way, and a leftover is only untidy.
    written.inspect_err(|_| drop(std::fs::remove_file(&partial)))
}
