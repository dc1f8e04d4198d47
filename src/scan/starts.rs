//! The live starts of one lane, by automaton state.

/// No start.
pub(super) const NONE: u32 = u32::MAX;

/// Lists of starts, one per state that any is in; their places are reused.
#[derive(Debug, Clone)]
pub(super) struct Starts {
    /// In the order in which they opened, as far as they did not merge.
    pub(super) groups: Vec<Group>,
    list: Vec<Start>,
    free: u32,
}

/// Live starts in one state, oldest first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) state: u16,
    pub(super) first: u32,
    pub(super) last: u32,
    /// `at` of the first.
    pub(super) oldest: u64,
    /// The rule, counted from 1, that has refused every one of them for good; 0 without one.
    pub(super) refused: u16,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Start {
    /// Detection position.
    pub(super) at: u64,
    /// Text position.
    pub(super) origin: u64,
    pub(super) bare: bool,
    /// The rule, counted from 1, whose validator has refused every match from here, as far as one has that
    /// refuses for good.
    pub(super) refused: u16,
    pub(super) next: u32,
}

impl Default for Starts {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            list: Vec::new(),
            free: NONE,
        }
    }
}

impl Starts {
    /// Becomes a copy of `other` in the memory it has.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.groups.clone_from(&other.groups);
        self.list.clone_from(&other.list);
        self.free = other.free;
    }

    /// Takes a start in, younger than all there are.
    pub(super) fn add(&mut self, state: u16, start: Start) {
        let start = Start {
            next: NONE,
            ..start
        };
        let link = if self.free == NONE {
            self.list.push(start);
            self.list.len() as u32 - 1
        } else {
            let link = self.free;
            if let Some(place) = self.list.get_mut(link as usize) {
                self.free = place.next;
                *place = start;
            }
            link
        };
        let group = Group {
            state,
            first: link,
            last: link,
            oldest: start.at,
            refused: start.refused,
        };
        match self.groups.last().copied() {
            Some(last) if last.state == state => {
                let merged = self.merge(last, group);
                if let Some(last) = self.groups.last_mut() {
                    *last = merged;
                }
            }
            _ => self.groups.push(group),
        }
    }

    /// Drops the starts that have read more than `slack` bytes; at position `at`; whether
    /// any is left.
    pub(super) fn expire(&mut self, group: &mut Group, at: u64, slack: u64) -> bool {
        if slack == 0 {
            self.release(*group);
            return false;
        }
        while let Some(start) = self.get(group.first) {
            if at - start.at <= slack {
                group.oldest = start.at;
                return true;
            }
            let gone = group.first;
            group.first = start.next;
            self.release(Group {
                first: gone,
                last: gone,
                ..*group
            });
        }
        false
    }

    /// Joins two groups in the same state, oldest start first.
    pub(super) fn merge(&mut self, a: Group, b: Group) -> Group {
        let (mut a, mut b) = if a.oldest <= b.oldest { (a, b) } else { (b, a) };
        let refused = if a.refused == b.refused { a.refused } else { 0 };
        let appends = self.get(a.last).is_some_and(|last| last.at <= b.oldest);
        if appends {
            self.link(a.last, b.first);
            return Group {
                last: b.last,
                refused,
                ..a
            };
        }
        let mut merged = Group {
            last: a.first,
            refused,
            ..a
        };
        a.first = self.get(a.first).map_or(NONE, |start| start.next);
        loop {
            let (left, right) = (self.get(a.first), self.get(b.first));
            let take = match (left, right) {
                (Some(left), Some(right)) if left.at <= right.at => &mut a,
                (_, Some(_)) => &mut b,
                (Some(_), None) => &mut a,
                (None, None) => break,
            };
            let link = take.first;
            take.first = self.get(link).map_or(NONE, |start| start.next);
            self.link(merged.last, link);
            merged.last = link;
        }
        self.link(merged.last, NONE);
        merged
    }

    /// Gives the starts of `group` back.
    pub(super) fn release(&mut self, group: Group) {
        self.link(group.last, self.free);
        self.free = group.first;
    }

    /// Remembers that no match of `rule` from the start at `link` will be accepted.
    pub(super) fn refuse(&mut self, link: u32, rule: u16) {
        if let Some(start) = self.list.get_mut(link as usize) {
            start.refused = rule + 1;
        }
    }

    fn link(&mut self, from: u32, to: u32) {
        if let Some(start) = self.list.get_mut(from as usize) {
            start.next = to;
        }
    }

    /// The start at `link`.
    #[inline]
    pub(super) fn get(&self, link: u32) -> Option<Start> {
        self.list.get(link as usize).copied()
    }
}
