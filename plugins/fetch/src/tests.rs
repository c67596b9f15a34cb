//! Pages as people write them, and as attackers do.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::fetch;
use safeclaw_sdk::http::Response;
use safeclaw_sdk::http::testing::serve;
use safeclaw_sdk::serde_json::{Value, from_str, json};
use safeclaw_sdk::{Answer, Content, call};

fn run(arguments: Value, response: impl FnOnce() -> Response + 'static) -> Answer {
    let mut response = Some(response);
    let _served = serve(move |_| Ok(response.take().map_or(Response::new(500), |response| response())));
    call::<fetch>(&arguments.to_string())
}

fn page(answer: &Answer) -> Value {
    assert!(!answer.is_error, "{answer:?}");
    from_str(answer.structured.as_deref().unwrap()).unwrap()
}

fn failure(answer: &Answer) -> &str {
    assert!(answer.is_error, "{answer:?}");
    let Content::Text(text) = &answer.content[0] else { panic!("text") };
    text
}

fn html(body: impl Into<Vec<u8>>) -> impl FnOnce() -> Response {
    let body = body.into();
    move || Response::new(200).with_header("content-type", "text/html").with_body(body)
}

const URL: &str = "https://example.com/docs/page.html";

#[test]
fn a_page_becomes_markdown() {
    let body = r#"<!doctype html><html><head><title> A  page </title><style>p{}</style><script>alert("<p>")</script></head>
        <body><h1>Head</h1><p>One <b>bold</b> <a href="../x?y=1">link</a><a href="javascript:alert(1)">no</a>
        <ul><li>a<li>b</ul><pre><code>x &lt; y</code></pre>
        <table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table>
        <img src="data:image/png;base64,AAAA" alt="pic"></body></html>"#;
    let found = page(&run(json!({ "url": URL }), html(body)));
    assert_eq!(found["title"], "A page");
    let text = found["text"].as_str().unwrap();
    for part in
        ["# Head", "One **bold** [link](https://example.com/x?y=1)", "- a\n- b", "```\nx < y\n```", "| k", "| 1"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("alert") && !text.contains("javascript") && !text.contains("AAAA"), "{text}");
    assert_eq!((&found["charset"], found.get("cut"), found.get("next_start")), (&json!("UTF-8"), None, None));
}

#[test]
fn a_page_becomes_words() {
    let body = "<title>T</title><h1>Head</h1><p>a  b\n<b>c</b><p>d<table><tr><td>1<td>2</table><ul><li>x<li>y</ul>";
    let found = page(&run(json!({ "url": URL, "format": "text" }), html(body)));
    assert_eq!(found["text"], "Head\na b c\nd\n1 2\nx\ny\n");
    let raw = page(&run(json!({ "url": URL, "format": "raw" }), html("<p>x</p>")));
    assert_eq!(raw["text"], "<p>x</p>");
}

#[test]
fn a_long_text_is_read_in_parts() {
    let body = "é".repeat(50);
    let get = |start: u32| {
        let arguments = json!({ "url": URL, "format": "raw", "max_chars": 20, "start": start });
        page(&run(arguments, html(body.clone())))
    };
    assert_eq!((&get(0)["next_start"], get(0)["text"].as_str().unwrap().chars().count()), (&json!(20), 20));
    assert_eq!((get(40).get("next_start"), get(40)["text"].as_str().unwrap().chars().count()), (None, 10));
    assert_eq!(get(4_000_000_000)["text"], "");
}

#[test]
fn no_more_is_read_than_asked() {
    let found = page(&run(json!({ "url": URL, "format": "raw", "max_bytes": 5 }), html("aaaaéaaaa")));
    assert_eq!(found["text"], "aaaa", "half a character is none");
    assert!(found["cut"].as_str().unwrap().contains("more than 5 bytes"));
    for bad in [
        json!({ "max_bytes": 0 }),
        json!({ "max_bytes": 2_097_153 }),
        json!({ "max_chars": 200_001 }),
        json!({ "redirects": 6 }),
        json!({ "first_byte_seconds": 0 }),
    ] {
        let mut arguments = json!({ "url": URL });
        arguments.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert!(run(arguments, html("")).is_error);
    }
}

#[test]
fn what_is_not_text_is_not_shown_as_text() {
    let image = || Response::new(200).with_header("content-type", "image/png").with_body([1, 0, 2]);
    assert!(failure(&run(json!({ "url": URL }), image)).contains("is not text"));
    assert_eq!(page(&run(json!({ "url": URL, "format": "raw" }), image))["base64"], "AQAC");
    let api = || Response::new(200).with_header("content-type", "application/problem+json").with_body("{}");
    assert_eq!(page(&run(json!({ "url": URL }), api))["text"], "{}");
    let bare = || Response::new(200).with_body("\n<HTML><p>x");
    assert_eq!(page(&run(json!({ "url": URL }), bare))["text"], "x");
    assert!(failure(&run(json!({ "url": URL }), || Response::new(404))).contains("answered 404"));
}

#[test]
fn redirects_are_told_and_followed_only_when_asked() {
    let to = |place: &str| Response::new(302).with_header("location", place);
    let answer = run(json!({ "url": URL }), move || to("../other#x"));
    assert_eq!(page(&answer)["redirect_to"], "https://example.com/other");
    let chain = |redirects: u8| {
        let mut asked = Vec::new();
        let _served = serve(move |request| {
            asked.push(request.url().to_owned());
            Ok(match asked.len() {
                1 => to("/two"),
                2 => to("https://other.example/three"),
                _ => Response::new(200).with_header("content-type", "text/plain").with_body(asked.join(" ")),
            })
        });
        call::<fetch>(&json!({ "url": URL, "redirects": redirects }).to_string())
    };
    let found = page(&chain(2));
    assert_eq!(found["url"], "https://other.example/three");
    assert_eq!(found["text"], format!("{URL} https://example.com/two https://other.example/three"));
    assert!(failure(&chain(1)).contains("one redirect more than the 1 asked for"));
    assert!(run(json!({ "url": URL }), move || to("file:///etc/passwd")).is_error);
}

#[test]
fn what_is_no_url_of_the_web_is_not_asked_for() {
    for url in ["file:///etc/passwd", "example.com", "ftp://x/", "https://", "data:text/html,x"] {
        let answer = run(json!({ "url": url }), || panic!("it was asked for"));
        assert!(answer.is_error, "{url}");
    }
}

/// Each of these would take minutes, gigabytes or the stack of a parser without bounds.
#[test]
fn hostile_pages_end_in_a_bounded_answer() {
    let many = |unit: &str| unit.repeat((1 << 18) / unit.len());
    let misnested: String = (0..20_000).map(|n| format!("<b a={n}></p><p>")).collect();
    let attributes: String = (0..150_000).map(|n| format!(" a{n}")).collect();
    let wide = format!("<table><tr><th>{}</th></tr>{}</table>", "w".repeat(1 << 19), "<tr><td>x".repeat(50_000));
    let rows: Vec<(&str, String)> = vec![
        ("deep", many("<div>")),
        ("deep inline", many("<b>")),
        ("deep quotes", format!("{}{}", "<blockquote>".repeat(95), many("x<br>"))),
        ("deep lists", many("<ul><li>")),
        ("deep fonts", many("<font size=1>")),
        ("misnested", misnested),
        ("formatting", format!("{}{}", "<i>".repeat(90), many("<p>x"))),
        ("tables in tables", many("<table><tr><td>")),
        ("text beside tables", many("<table>x</table>")),
        ("foster parents", format!("<table>{}", many("<a>x"))),
        ("a wide table", wide),
        ("attributes", format!("<a{attributes}>")),
        ("a large attribute", format!("<a title=\"{}\">x</a>", "y".repeat(1 << 19))),
        ("ends without beginnings", many("</p></b></table>")),
        ("comments", many("<!---->")),
        ("an open comment", format!("<!--{}", many("-"))),
        ("a script that does not end", format!("<script>{}", many("</x"))),
        ("a script that nearly ends", format!("<script>{}", many("</script"))),
        ("comments that nearly end", format!("<!--{}", many("--"))),
        ("references", many("&amp;&lt;&#x41;")),
        ("half references", many("&am")),
        ("templates", many("<template>")),
        ("selects", many("<select><option>x")),
        ("drawings", many("<svg><g>")),
        ("formulas", many("<math><mi>")),
        ("nul", many("\0<p>")),
        ("tags without end", many("<a ")),
        ("lesser", many("<")),
        ("pre", format!("<pre>{}", many("\n"))),
        ("stars", many("*_`#[")),
        ("headings", many("<h1>x</h1>")),
    ];
    for (name, body) in rows {
        for format in ["markdown", "text"] {
            let arguments = json!({ "url": URL, "format": format, "max_bytes": 2 << 20 });
            // As much stack as the engine gives a component; a debug build needs more of it.
            let body = body.clone();
            let answer = std::thread::Builder::new()
                .stack_size(1 << 19)
                .spawn(move || run(arguments, html(body)).structured)
                .unwrap()
                .join();
            let text = answer.unwrap_or_else(|_| panic!("{name} as {format} ends a call"));
            assert!(text.is_some_and(|text| text.len() < 200_000), "{name} as {format}");
        }
    }
}
