//! Minimisation of a partial automaton: Valmari and Lehtinen's refinement of states and transitions in
//! O(m log n). Missing transitions cost nothing, and most are missing: a rule dies on most bytes.

/// A transition between two states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// From.
    pub(super) tail: u32,
    /// On this byte class.
    pub(super) label: u16,
    /// To.
    pub(super) head: u32,
}

/// Which block of indistinguishable states each state belongs to, and how many blocks there are.
///
/// `outputs[state]` is what the state reports on being entered. Every state must reach a report or be one,
/// else equal states could stay apart.
pub(super) fn minimise(outputs: &[u32], edges: &[Edge]) -> (Vec<u32>, usize) {
    let mut blocks = Partition::by_key(outputs.len(), |state| outputs[state]);
    let mut cords = Partition::by_key(edges.len(), |edge| u32::from(edges[edge].label));
    // `incoming[first[state]..first[state + 1]]` are the edges that enter a state.
    let mut first = vec![0usize; outputs.len() + 1];
    for edge in edges {
        first[edge.head as usize + 1] += 1;
    }
    for state in 0..outputs.len() {
        first[state + 1] += first[state];
    }
    let mut fill = first.clone();
    let mut incoming = vec![0u32; edges.len()];
    for (index, edge) in edges.iter().enumerate() {
        incoming[fill[edge.head as usize]] = index as u32;
        fill[edge.head as usize] += 1;
    }
    let (mut block, mut cord) = (1, 0);
    while cord < cords.sets() {
        for i in cords.range(cord) {
            blocks.mark(edges[cords.elements[i] as usize].tail);
        }
        blocks.split();
        cord += 1;
        while block < blocks.sets() {
            for i in blocks.range(block) {
                let state = blocks.elements[i] as usize;
                for edge in &incoming[first[state]..first[state + 1]] {
                    cords.mark(*edge);
                }
            }
            cords.split();
            block += 1;
        }
    }
    let sets = blocks.sets();
    (blocks.set_of, sets)
}

/// A partition that splits each set into its marked and unmarked elements in time of the marked.
struct Partition {
    elements: Vec<u32>,
    location: Vec<u32>,
    set_of: Vec<u32>,
    /// Per set: first element, end, number marked. The marked ones stand first.
    bounds: Vec<(u32, u32, u32)>,
    touched: Vec<u32>,
}

impl Partition {
    fn by_key(count: usize, key: impl Fn(usize) -> u32) -> Self {
        // Counting, not comparing: millions of edges, a hundred labels.
        let keys = (0..count)
            .map(&key)
            .max()
            .map_or(0, |most| most as usize + 1);
        let mut fill = vec![0usize; keys + 1];
        (0..count).for_each(|element| fill[key(element) as usize + 1] += 1);
        for key in 0..keys {
            fill[key + 1] += fill[key];
        }
        let mut elements = vec![0u32; count];
        for element in 0..count {
            let place = &mut fill[key(element) as usize];
            elements[*place] = element as u32;
            *place += 1;
        }
        let mut location = vec![0; count];
        let mut set_of = vec![0; count];
        let mut bounds: Vec<(u32, u32, u32)> = Vec::new();
        let mut last = None;
        for (at, element) in elements.iter().enumerate() {
            let key = key(*element as usize);
            if last != Some(key) {
                bounds.push((at as u32, at as u32, 0));
                last = Some(key);
            }
            let set = bounds.len() - 1;
            bounds[set].1 = at as u32 + 1;
            set_of[*element as usize] = set as u32;
            location[*element as usize] = at as u32;
        }
        Self {
            elements,
            location,
            set_of,
            bounds,
            touched: Vec::new(),
        }
    }

    fn sets(&self) -> usize {
        self.bounds.len()
    }

    fn range(&self, set: usize) -> std::ops::Range<usize> {
        let (first, end, _) = self.bounds[set];
        first as usize..end as usize
    }

    fn mark(&mut self, element: u32) {
        let set = self.set_of[element as usize];
        let (first, _, marked) = &mut self.bounds[set as usize];
        let at = self.location[element as usize];
        let to = *first + *marked;
        if at < to {
            return;
        }
        if *marked == 0 {
            self.touched.push(set);
        }
        *marked += 1;
        let other = self.elements[to as usize];
        self.elements[at as usize] = other;
        self.location[other as usize] = at;
        self.elements[to as usize] = element;
        self.location[element as usize] = to;
    }

    fn split(&mut self) {
        while let Some(set) = self.touched.pop() {
            let (first, end, marked) = self.bounds[set as usize];
            let middle = first + marked;
            self.bounds[set as usize].2 = 0;
            if middle == end {
                continue;
            }
            // The smaller part becomes the new set, so that it is the one looked at again.
            let (old, new) = if marked <= end - middle {
                ((middle, end, 0), (first, middle, 0))
            } else {
                ((first, middle, 0), (middle, end, 0))
            };
            self.bounds[set as usize] = old;
            let index = self.bounds.len() as u32;
            for i in new.0..new.1 {
                self.set_of[self.elements[i as usize] as usize] = index;
            }
            self.bounds.push(new);
        }
    }
}
