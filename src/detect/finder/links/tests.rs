//! Links in text, for every size of delta.

use super::*;

fn rules() -> LinkRules {
    let hosts = Hosts::new(["ok.example"].into_iter()).expect("a host");
    LinkRules {
        image: Some((0, hosts.clone())),
        link: Some((1, hosts.clone())),
        url: Some((2, hosts)),
    }
}

/// What is left of `text`, with `[URL]` where a cover of rule 2 begins.
#[track_caller]
fn check(text: &str, left: &str) {
    for size in (1..=text.len().min(40)).chain([text.len()]) {
        let mut links = Links::new(rules(), Source::Plain);
        let mut out = Resolved::default();
        for delta in text.as_bytes().chunks(size) {
            links.push(delta, &mut out);
        }
        links.finish(&mut out);
        assert_eq!(links.resolved(), text.len() as u64);
        let mut kept = String::new();
        let mut at = 0;
        for cover in &out.covers {
            assert!(cover.span.start >= at as u64, "{text}: {cover:?} goes back");
            kept.push_str(&text[at..cover.span.start as usize]);
            kept.push_str(if cover.rule == 2 { "[URL]" } else { "" });
            at = cover.span.end as usize;
        }
        kept.push_str(&text[at..]);
        assert_eq!(kept, left, "{text} in {size}s");
    }
}

#[test]
fn pictures_from_elsewhere_go_and_their_text_stays() {
    check("a ![alt](https://evil.example/x.png) b", "a alt b");
    check("![](https://evil.example/x.png \"t\")", "");
    check("![a](<https://evil.example/x y.png>)!", "a!");
    check("![a]( //evil.example/x.png)", "a");
    check("![a](https://evil.example/(x).png)", "a");
    check("<img alt='>' src=\"https://evil.example/x\">b", "b");
    check("<IMG\nSRC = https://evil.example/x />b", "b");
    check(
        "<svg><image xlink:href='https:evil.example'/></svg>",
        "<svg></svg>",
    );
    check(
        "![a](https://ok.example/x.png?q=long+long+long+long+long)",
        "![a](https://ok.example/x.png?q=long+long+long+long+long)",
    );
}

#[test]
fn links_with_data_in_them_go_and_their_text_stays() {
    let data = "c2VjcmV0IGRhdGEgaGVyZQ1234";
    check(
        &format!("see [this *one*](https://evil.example/{data} 't') now"),
        "see this *one* now",
    );
    check(
        &format!("<a href='https://evil.example/?d={data}'>x</a>"),
        "x</a>",
    );
    check(&format!("<https://evil.example/{data}>."), "[URL].");
    check(
        &format!("go to https://evil.example/{data}, please"),
        "go to [URL], please",
    );
    check(&format!("(www.evil.example/?q={data})"), "([URL])");
    check(
        &format!("[t][r]\n\n[r]: https://evil.example/{data}\nend"),
        "[t][r]\n\n[URL]\nend",
    );
    check(&format!("[r]: https://evil.example/{data}"), "[URL]");
    check("to [x](https://evil.example/?m=[EMAIL_12345678])", "to x");
}

#[test]
fn a_picture_in_a_link_is_two_links() {
    check(
        "[![b](https://evil.example/b.svg)](https://ok.example/) and [![b](https://ok.example/b.svg)](https://evil.example/?q=aaaaaaaaaaaaaaaaaaaaaaaa)",
        "[b](https://ok.example/) and ![b](https://ok.example/b.svg)",
    );
}

#[test]
fn ordinary_text_stays() {
    for text in [
        "See [the guide](https://other.example/docs/getting-started) and [rules](../rules.md#x).",
        "a[0] = b[1](c); if (x < y && y > z) { w = h; }",
        "![logo](img/logo.png) ![d](data:image/png;base64,iVBORw0KGgo=)",
        "[ ] todo\n[x] done\n[note]: see below\n",
        "https://other.example/docs/install and http://ok.example/?q=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "<b>bold</b> <br/> a <- b, Vec<Option<T>>, hello www",
        "an open [bracket and an open ![one(",
        "[[[[[[[[",
    ] {
        check(text, text);
    }
}
