//! What one replica puts on a shelf, the others see.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_other_replica_knows_within_two_seconds() {
    let Some(server) = Server::start(&[]) else { return };
    let ((here, _a), (there, _b)) = (replica(settings(&server), HOUR).await, replica(settings(&server), HOUR).await);
    assert_eq!(there.shelf("keys").await, Ok(Vec::new()));
    let quiet = tokio::time::timeout(Duration::from_millis(1_500), there.shelf_changed("keys")).await;
    assert!(quiet.is_err(), "nothing has changed");
    for change in ["put", "put again", "flush", "remove"] {
        match change {
            "put" => here.put("keys", "a", b"{}\0\xff").await.expect("it is put"),
            "put again" => here.put("keys", "b", b"2").await.expect("it is put"),
            "flush" => {
                let () = server.ask(&["FLUSHALL"]);
                here.put("keys", "b", b"2").await.expect("it is put");
            }
            _ => assert_eq!((here.remove("keys", "b").await, here.remove("keys", "b").await), (Ok(true), Ok(false))),
        }
        let changed = tokio::time::timeout(Duration::from_secs(2), there.shelf_changed("keys")).await;
        assert!(changed.is_ok(), "{change}");
        let (a, b) = (("a".to_owned(), b"{}\0\xff".to_vec()), ("b".to_owned(), b"2".to_vec()));
        let expected = match change {
            "put" => vec![a],
            "put again" => vec![a, b],
            "flush" => vec![b],
            _ => vec![],
        };
        assert_eq!(there.shelf("keys").await, Ok(expected), "{change}");
    }
}
