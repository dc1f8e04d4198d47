//! The channels of one stream.

use ahash::HashMap;

use crate::policy::Policy;
use crate::session::channel::Channel;
use crate::text::Direction;
use crate::wire::Class;

/// The runs of text of a stream, by name.
#[derive(Debug, Default)]
pub(super) struct Channels {
    by_name: HashMap<String, usize>,
    list: Vec<Channel>,
}

impl Channels {
    /// The channel of this name, begun if it is new; none where the stream has too many.
    pub(super) fn index(
        &mut self,
        name: &str,
        class: Class,
        policy: &Policy,
        direction: Direction,
    ) -> Option<usize> {
        if let Some(&index) = self.by_name.get(name) {
            return Some(index);
        }
        if self.list.len() >= policy.limits.max_channels {
            return None;
        }
        let index = self.list.len();
        self.list.push(Channel::new(
            policy,
            direction,
            class.role,
            class.source,
            name,
        ));
        self.by_name.insert(name.to_owned(), index);
        Some(index)
    }

    /// The channels whose name begins with `prefix`, in the order in which they began. Text that comes under
    /// such a name after all begins a new one.
    pub(super) fn take_named(&mut self, prefix: &str) -> Vec<usize> {
        let mut taken = Vec::new();
        self.by_name.retain(|name, index| {
            let is_named = name.starts_with(prefix);
            if is_named {
                taken.push(*index);
            }
            !is_named
        });
        // A map has no order, and findings must come in one.
        taken.sort_unstable();
        taken
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Channel> {
        self.list.get_mut(index)
    }

    pub(super) fn get(&self, index: usize) -> Option<&Channel> {
        self.list.get(index)
    }
}
