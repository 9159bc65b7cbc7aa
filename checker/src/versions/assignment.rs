//! Which indeterminate write made which open revision.

use std::collections::BTreeMap;

use super::{NONE, Revision, Revisions, VersionedOp, violation};
use crate::fault::planted;
use crate::procedure::Decision;
use crate::verdict::Contradiction;

/// Open revisions being given to indeterminate writes.
pub(super) struct Assignment<'a> {
    revisions: &'a Revisions<'a>,
    /// Indeterminate writes, by beginnings.
    writes: Vec<u32>,
    /// Per operation, the revision it made; [`NONE`] for all but assigned writes.
    made: Vec<u32>,
}

impl<'a> Assignment<'a> {
    pub(super) fn of(revisions: &'a Revisions<'a>) -> Self {
        let writes = (0..)
            .zip(revisions.operations)
            .filter(|(_, operation)| matches!(operation.op, VersionedOp::Unacknowledged { .. }))
            .map(|(index, _)| index)
            .collect();
        Self { revisions, writes, made: vec![NONE; revisions.operations.len()] }
    }

    /// Per operation, the revision that an indeterminate write made.
    pub(super) fn assign(mut self, values: u32) -> Result<Vec<u32>, Decision> {
        self.compare_counts()?;
        self.assign_read(values)?;
        self.assign_unread()?;
        Ok(self.made)
    }

    /// Whether enough writes had begun by each deadline, whatever they stored.
    fn compare_counts(&self) -> Result<(), Decision> {
        let mut begun = 0;
        for (before, (_, revision)) in self.revisions.open().enumerate() {
            let deadline = self.revisions.end(revision.deadline);
            while let Some(&write) = self.writes.get(begun)
                && self.revisions.began(write) <= deadline
            {
                begun += 1;
            }
            if begun <= before {
                return Err(violation(Contradiction::MissingId, [revision.deadline]));
            }
        }
        Ok(())
    }

    /// Gives each open revision that was read the last write of its value to begin in time.
    fn assign_read(&mut self, values: u32) -> Result<(), Decision> {
        // Per value, the write that began last of those in time and not given away; below
        // each write the next of its value.
        let mut top = vec![NONE; values as usize];
        let mut below = vec![NONE; self.made.len()];
        let mut begun = 0;
        for (number, revision) in self.revisions.open() {
            let deadline = self.revisions.end(revision.deadline);
            while let Some(&write) = self.writes.get(begun)
                && self.revisions.began(write) <= deadline
            {
                let top = &mut top[self.revisions.value(write).0 as usize];
                below[write as usize] = std::mem::replace(top, write);
                begun += 1;
            }
            if revision.read == NONE {
                continue;
            }
            let top = &mut top[self.revisions.value(revision.read).0 as usize];
            if *top == NONE {
                return Err(self.too_few_of_value(number, revision));
            }
            let mut write = *top;
            if planted("versions: the first write goes to the first revision") {
                while below[write as usize] != NONE {
                    write = below[write as usize];
                }
            }
            self.made[write as usize] = number;
            *top = below[write as usize];
        }
        Ok(())
    }

    /// Gives the other open revisions the other writes.
    fn assign_unread(&mut self) -> Result<(), Decision> {
        let mut next = 0;
        for (number, revision) in self.revisions.open() {
            if revision.read != NONE {
                continue;
            }
            let is_made = |write: &u32| {
                self.made[*write as usize] != NONE && !planted("versions: writes serve twice")
            };
            while self.writes.get(next).is_some_and(is_made) {
                next += 1;
            }
            let write = self.writes.get(next).copied();
            let deadline = self.revisions.end(revision.deadline);
            let Some(write) = write.filter(|write| self.revisions.began(*write) <= deadline) else {
                return Err(self.too_few(revision));
            };
            self.made[write as usize] = number;
            next += 1;
        }
        Ok(())
    }

    /// More revisions than this one's value had writes begun by its deadline were read by then.
    fn too_few_of_value(&self, number: u32, revision: &Revision) -> Decision {
        let value = self.revisions.value(revision.read);
        if !self.writes.iter().any(|write| self.revisions.value(*write) == value) {
            return violation(Contradiction::NeverWritten, [revision.read]);
        }
        let mut operations = self.reads_of(revision.read, number);
        operations.push(revision.deadline);
        violation(Contradiction::NoOrder, operations)
    }

    /// A read for each open revision up to `last` that shows the value which `read` does.
    fn reads_of(&self, read: u32, last: u32) -> Vec<u32> {
        let value = self.revisions.value(read);
        self.revisions
            .open()
            .take_while(|(number, _)| *number <= last)
            .map(|(_, revision)| revision.read)
            .filter(|read| *read != NONE && self.revisions.value(*read) == value)
            .collect()
    }

    /// Of the writes begun by the deadline of a revision that was not read, too few were not
    /// needed for revisions that were read.
    fn too_few(&self, revision: &Revision) -> Decision {
        // Of each value, the last revision that was read and had to take one of these.
        let mut operations = vec![revision.deadline];
        let mut last_of_value = BTreeMap::new();
        let deadline = self.revisions.end(revision.deadline);
        let begun =
            self.writes.iter().take_while(|write| self.revisions.began(**write) <= deadline);
        for made in begun.map(|write| self.made[*write as usize]) {
            let Some(made_revision) = self.revisions.by_number.get(made as usize) else { continue };
            if made_revision.read != NONE {
                let value = self.revisions.value(made_revision.read);
                let last = last_of_value.entry(value).or_insert(made);
                *last = made.max(*last);
            }
        }
        for &last in last_of_value.values() {
            let Revision { read, deadline, .. } = self.revisions.by_number[last as usize];
            operations.extend(self.reads_of(read, last));
            operations.push(deadline);
        }
        violation(Contradiction::NoOrder, operations)
    }
}
