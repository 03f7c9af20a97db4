use super::{XML, check, get, p, read};

#[test]
fn elements() {
    check(
        XML,
        &[
            (b"", "null"),
            (b" \n", "null"),
            (b"<a/>", r#"{"a":""}"#),
            (b"<a></a>", r#"{"a":""}"#),
            (b"<a> x </a>", r#"{"a":"x"}"#),
            (b"<a>1</a>", r#"{"a":"1"}"#),
            (b"<a b='1' c=\"2\"/>", r#"{"a":{"-b":"1","-c":"2"}}"#),
            (b"<a b=\"1\">x</a>", r##"{"a":{"#text":"x","-b":"1"}}"##),
            (b"<a b=\"1\" b=\"2\"/>", r#"{"a":{"-b":"2"}}"#),
            (
                b"<a><b>1</b><c/><b>2</b><b/></a>",
                r#"{"a":{"b":["1","2",""],"c":""}}"#,
            ),
            (
                b"<a><b x=\"1\"/><b>2</b></a>",
                r#"{"a":{"b":[{"-x":"1"},"2"]}}"#,
            ),
            (b"<a>t1<b/></a>", r##"{"a":{"#text":"t1","b":""}}"##),
            (
                b"<a><b/>t1<c/>t2</a>",
                r##"{"a":{"#text":"t2","b":"","c":""}}"##,
            ),
            (b"<a>t1<b/>t2</a>", r##"{"a":{"#text":"t1","b":""}}"##),
            // Of several runs of text the last counts; comments and CDATA end a run.
            (b"<a>x<!-- c -->y</a>", r#"{"a":"y"}"#),
            (b"<a>x<![CDATA[<&]]> </a>", r#"{"a":"\u003c\u0026"}"#),
            (b"<a>x<?p q?> </a>", r#"{"a":"x"}"#),
            (b"<a><![CDATA[ z ]]></a>", r#"{"a":"z"}"#),
            (
                b"<n:a xmlns:n=\"u\" n:b=\"1\"><n:c>1</n:c></n:a>",
                r#"{"a":{"-b":"1","-n":"u","c":"1"}}"#,
            ),
            (b"<a xmlns=\"u\"/>", r#"{"a":{"-xmlns":"u"}}"#),
            (b"<a:b:c/>", r#"{"a:b:c":""}"#),
            (
                b"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c --><a/>",
                r#"{"a":""}"#,
            ),
            (b"stray<a/>", r#"{"a":""}"#),
            // What follows the root element is not read.
            (b"<a/><b></c>", r#"{"a":""}"#),
            (
                "<é ü=\"ß\">ö</é>".as_bytes(),
                r##"{"é":{"#text":"ö","-ü":"ß"}}"##,
            ),
        ],
    );
}

#[test]
fn references_and_line_breaks() {
    check(
        XML,
        &[
            (
                b"<a>x&lt;&#65;&#x42;&amp;amp; y</a>",
                r#"{"a":"x\u003cAB\u0026amp; y"}"#,
            ),
            (
                b"<a b=\"&quot;&apos;&gt;\"/>",
                r#"{"a":{"-b":"\"'\u003e"}}"#,
            ),
            (b"<a>x\r\ny\rz</a>", r#"{"a":"x\ny\nz"}"#),
            (b"<a>x&#13;&#10;y</a>", r#"{"a":"x\r\ny"}"#),
            (b"<a b=\"x\r\n\"/>", r#"{"a":{"-b":"x\n"}}"#),
            (b"<a>&#xD800;</a>", "{\"a\":\"\u{fffd}\"}"),
            (
                b"<a>&nope;</a>",
                "400: the body is no XML: a reference to an unknown entity or character stands in line 1",
            ),
            (
                b"<a>\n&#0;</a>",
                "400: the body is no XML: a reference to an unknown entity or character stands in line 2",
            ),
            (
                b"<a>&#x110000;</a>",
                "400: the body is no XML: a reference to an unknown entity or character stands in line 1",
            ),
            (
                b"<a>&#+65;</a>",
                "400: the body is no XML: a reference to an unknown entity or character stands in line 1",
            ),
            (
                b"<a>x & y</a>",
                "400: the body is no XML: an `&` without `;` stands in line 1",
            ),
            (
                b"<a b=\"x & y\"/>",
                "400: the body is no XML: an `&` without `;` stands in line 1",
            ),
        ],
    );
}

#[test]
fn malformed() {
    let table: &[(&[u8], &str)] = &[
        (
            b"text",
            "the end of the body before that of the root element",
        ),
        (
            b"<!-- c -->",
            "the end of the body before that of the root element",
        ),
        (
            b"<a>",
            "the end of the body before that of the root element",
        ),
        (b"<a", "markup that is not closed stands"),
        (b"<a><!-- ", "markup that is not closed stands"),
        (b"<a><![CDATA[x]]", "markup that is not closed stands"),
        (b"<a><b></a>", "an end tag without its start tag stands"),
        (b"</a>", "an end tag without its start tag stands"),
        (b"<a:x></b:x>", "an end tag without its start tag stands"),
        (b"<1a/>", "an element with a bad name stands"),
        (b"< a/>", "an element with a bad name stands"),
        (b"<a!b/>", "an element with a bad name stands"),
        (b"<a -x=\"1\"/>", "an attribute with a bad name stands"),
        (b"<a b/>", "an attribute without `=` stands"),
        (b"<a b=1/>", "an attribute without a quoted value stands"),
        (b"<a b=\"<\"/>", "an unescaped `<` in an attribute stands"),
        (b"<a>]]></a>", "`]]>` outside of CDATA stands"),
        (b"<a><!-- x -- y --></a>", "`--` in a comment stands"),
        (b"<a>\x01</a>", "a control character stands"),
        (b"<a>\xff</a>", "bytes that are no UTF-8 stand"),
        (
            b"<?xml version=\"1.1\"?><a/>",
            "a version other than 1.0 stands",
        ),
        (
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>",
            "an encoding other than UTF-8 stands",
        ),
    ];
    for (body, problem) in table {
        let error = read(XML, body).expect_err(&body.escape_ascii().to_string());
        assert_eq!(
            error.to_string(),
            format!("the body is no XML: {problem} in line 1")
        );
        assert!(!error.is_too_much());
    }
}

#[test]
fn entities_of_the_document_are_never_expanded() {
    let bomb = br#"<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>"#;
    let with = |root: &[u8]| [bomb.as_slice(), root].concat();
    for root in ["<l>&b;</l>", "<l>&c;</l>", "<l x=\"&a;\"/>"] {
        let error = read(XML, with(root.as_bytes())).expect_err(root);
        assert!(error.to_string().contains("unknown entity"), "{error}");
    }
    let request = read(XML, with(b"<l>x</l>")).unwrap();
    assert_eq!(get(&request, p("l")), "x");
}

#[test]
fn paths_into_elements() {
    let body = r#"<app><users><user id="1" name="Jeff"/><user id="2" name="Sally"/></users>
        <messages><message id="1" from_user="1">Hello!!</message></messages><plain> t </plain></app>"#;
    let request = read("text/xml; charset=utf-8", body).unwrap();
    for (path, wanted) in [
        ("app.users.user.0.-name", "Jeff"),
        ("app.users.user.1.-id", "2"),
        ("app.users.user.0.name", "-"),
        ("app.messages.message.#text", "Hello!!"),
        ("app.plain", "t"),
    ] {
        assert_eq!(get(&request, p(path)), wanted, "{path}");
    }
}
