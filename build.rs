//! Generates what is generated: the decision record.

#[path = "build/proto.rs"]
mod proto;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    proto::compile()
}
