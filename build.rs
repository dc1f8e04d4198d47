//! Generates what is generated: the fold table and the decision record.

#[path = "build/fold.rs"]
mod fold;
#[path = "build/proto.rs"]
mod proto;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    fold::compile();
    proto::compile()
}
