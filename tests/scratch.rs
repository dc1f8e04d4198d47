use std::time::Instant;
use tidegate::scan::{Automaton, Resolved, Rule, Stream};
#[test]
fn packs() {
    let rules: Vec<Rule> = tidegate::detect::packs()
        .iter()
        .flat_map(|p| p.rules.clone())
        .collect();
    let t = Instant::now();
    let a = Automaton::compile(&rules)
        .map_err(|e| e.iter().map(|e| e.to_string()).collect::<Vec<_>>())
        .unwrap();
    println!(
        "{} rules {} states {} classes compile {:?}",
        rules.len(),
        a.states(),
        a.byte_classes(),
        t.elapsed()
    );
    let t = Instant::now();
    let bytes = a.to_bytes(&rules);
    println!("{} bytes {:?}", bytes.len(), t.elapsed());
    let t = Instant::now();
    Automaton::from_bytes(&bytes, &rules).unwrap();
    println!("load {:?}", t.elapsed());
    let text = tidegate::scan::lint::REFERENCE.repeat(20);
    let t = Instant::now();
    let mut s = Stream::default();
    let mut out = Resolved::default();
    s.push(&a, text.as_bytes(), &mut out);
    println!(
        "{} ns/B, {} found",
        t.elapsed().as_nanos() as f64 / text.len() as f64,
        out.found.len()
    );
    for f in out.found.iter().take(20) {
        println!(
            "{} {:?}",
            rules[f.rule].id,
            &text[f.span.start as usize..f.span.end as usize]
        );
    }
}
