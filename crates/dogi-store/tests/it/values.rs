use crate::support::both;

#[tokio::test]
async fn the_last_value_counts() {
    for (store, place) in both() {
        for (space, key, value) in [
            ("images", "b", &b"1"[..]),
            ("images", "a", b""),
            ("images", "b", b"2"),
            ("used", "b", b"\0\xff"),
            ("", "", b"odd"),
        ] {
            store.put(space, key, value.to_vec()).await.unwrap();
        }
        assert!(store.remove("used", "b").await.unwrap());
        assert!(!store.remove("used", "b").await.unwrap());
        let store = match &place {
            Some(place) => {
                store.close().await;
                place.open()
            }
            None => store,
        };
        let listed = store.list("images").await.unwrap();
        let expected = [("a", &b""[..]), ("b", b"2")].map(|(k, v)| (k.to_owned(), v.to_vec()));
        assert_eq!(listed, expected);
        assert_eq!(store.list("used").await.unwrap(), []);
        assert_eq!(
            store.list("").await.unwrap(),
            [(String::new(), b"odd".to_vec())]
        );
        assert_eq!(store.counts().await.unwrap().values, 3);
    }
}
