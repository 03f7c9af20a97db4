use dogi_compose::Build;

use crate::support::Lab;

#[tokio::test]
async fn are_known_by_name_once_the_file_was_read() {
    let lab = Lab::new(
        "services:\n  web: {image: 'one.example/web:1', command: [sleep, '600']}\n  \
         app:\n    image: 'two.example/app'\n    build:\n      context: img\n      dockerfile: other\n      \
         target: last\n      args: {BASE: 'three.example/base', COUNT: 3}\n      \
         cache_from: ['four.example/cache:1']\n  \
         tests: {build: img}\n  none: {build: {context: img, dockerfile: missing}}\n",
    );
    lab.write("img/other", "ARG BASE\nFROM $BASE AS last\n");
    let prepared = lab.prepare().await.unwrap();
    let images: Vec<&str> = prepared.images().iter().map(String::as_str).collect();
    assert_eq!(
        images,
        [
            "four.example/cache:1",
            "one.example/web:1",
            "two.example/app"
        ]
    );
    let [other, plain] = prepared.builds() else {
        panic!("{:?}", prepared.builds());
    };
    let argument = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let wanted = Build {
        dockerfile: "ARG BASE\nFROM $BASE AS last\n".to_owned(),
        arguments: [
            argument("BASE", "three.example/base"),
            argument("COUNT", "3"),
        ]
        .into(),
        target: Some("last".to_owned()),
    };
    assert_eq!(*other, wanted);
    assert!(!format!("{other:?}").contains("three.example"));
    assert!(plain.dockerfile.contains("FROM scratch"), "{plain:?}");
    assert_eq!((plain.arguments.len(), &plain.target), (0, &None));
}
