//! Clients set apart for one thing.

use super::Generator;
use crate::workload::Client;

/// Makes the stream of a client that is told which of those set apart for it it is.
type Make<'a> = Box<dyn Fn(Client) -> Box<dyn Generator> + 'a>;

/// So many clients for one stream, so many for another, and the rest for a third.
///
/// Clients are set apart in the order of their numbers. Where there are too few of them the
/// parts named first get theirs; the rest always keeps one if there is a client at all.
pub struct Reserve<'a> {
    parts: Vec<(usize, Make<'a>)>,
    rest: Make<'a>,
}

impl<'a> Reserve<'a> {
    /// All clients do what `rest` makes.
    pub fn new(rest: impl Fn(Client) -> Box<dyn Generator> + 'a) -> Self {
        Self { parts: Vec::new(), rest: Box::new(rest) }
    }

    /// The next `clients` clients do what `make` makes.
    #[must_use]
    pub fn set_apart(
        mut self,
        clients: usize,
        make: impl Fn(Client) -> Box<dyn Generator> + 'a,
    ) -> Self {
        self.parts.push((clients, Box::new(make)));
        self
    }

    /// The stream of `client`. Whoever makes it is told the client's number among those that
    /// do the same.
    pub fn stream(&self, client: Client) -> Box<dyn Generator> {
        let mut first = 0;
        for (wanted, make) in &self.parts {
            let size = (*wanted).min(client.of.saturating_sub(first + 1));
            if client.number < first + size {
                return make(Client { number: client.number - first, of: size, ..client });
            }
            first += size;
        }
        (self.rest)(Client { number: client.number - first, of: client.of - first, ..client })
    }
}
