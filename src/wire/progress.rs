//! What a dialect remembers of an exchange, to refuse or end it in the provider's own words.

/// What of a stream has gone by: all that a dialect's ending needs. Values are raw JSON, as they came.
#[derive(Debug, Default, Clone)]
pub struct Progress {
    frame: Vec<(&'static str, Vec<u8>)>,
    started: bool,
    finished: bool,
    open: Vec<u32>,
    closed: Vec<u32>,
    changes: u32,
    number: u32,
    /// Values are not kept for now.
    blind: bool,
}

impl Progress {
    /// Bytes kept of one frame value.
    const KEPT: usize = 256;
    /// Choices or blocks remembered at once.
    const OPEN: usize = 256;

    /// Grows with every change, so that a reader sees whether there was one.
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// The stream's opening event (`message_start`).
    pub fn start(&mut self) {
        self.changes += u32::from(!self.started);
        self.started = true;
    }

    /// The stream's own last event.
    pub fn finish(&mut self) {
        self.changes += u32::from(!self.finished);
        self.finished = true;
    }

    /// Whether values are kept from now on: not those of an event that was edited, for an ending would say
    /// again what was cut out of it.
    pub fn keeps_values(&mut self, keeps: bool) {
        self.blind = !keeps;
    }

    /// Keeps the first value of `name`, up to 256 bytes.
    pub fn keep(&mut self, name: &'static str, raw: &[u8]) {
        if !self.blind && raw.len() <= Self::KEPT && self.value(name).is_none() {
            self.frame.push((name, raw.to_vec()));
            self.changes += 1;
        }
    }

    /// A choice or block has begun. At most 256 are remembered.
    pub fn open(&mut self, index: u32) {
        if !self.open.contains(&index)
            && !self.closed.contains(&index)
            && self.open.len() < Self::OPEN
        {
            self.open.push(index);
            self.changes += 1;
        }
    }

    /// A choice or block has ended.
    pub fn close(&mut self, index: u32) {
        self.open.retain(|&open| open != index);
        if !self.closed.contains(&index) && self.closed.len() < Self::OPEN {
            self.closed.push(index);
            self.changes += 1;
        }
    }

    /// The stream's own number of the event. No change that an event would have to carry along: what counts
    /// is only that a number which follows is higher.
    pub fn count(&mut self, number: u32) {
        self.number = self.number.max(number);
    }

    /// The highest number of an event.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// A kept value.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.frame
            .iter()
            .find(|(kept, _)| *kept == name)
            .map(|(_, raw)| raw.as_slice())
    }

    /// Whether the opening event has gone by.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Whether the last event has gone by.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// What began and did not end.
    pub fn open_ones(&self) -> &[u32] {
        &self.open
    }

    /// Whether anything has ended.
    pub fn any_closed(&self) -> bool {
        !self.closed.is_empty()
    }
}
