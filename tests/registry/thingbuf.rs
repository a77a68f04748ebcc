
// A test of Lockwright's, which `tests/registry.sh` adds to the loom tests of thingbuf 0.1.5. Its buffer is full with a slot that a reader
// still holds: a sender skips that slot, and whoever tries after it never learns that there is no room (mended in 0.1.6, its issue 83).

#[test]
fn full_although_a_slot_is_held() {
    loom::model(|| {
        let (tx, rx) = blocking::channel::<usize>(3);
        (1..=3).for_each(|value| tx.try_send(value).unwrap());
        let held = rx.try_recv_ref().unwrap();
        assert_eq!((rx.try_recv().unwrap(), rx.try_recv().unwrap()), (2, 3));
        (4..=5).for_each(|value| tx.try_send(value).unwrap());
        let other = {
            let tx = tx.clone();
            thread::spawn(move || assert!(tx.try_send(6).is_err()))
        };
        assert!(tx.try_send(7).is_err());
        other.join().unwrap();
        drop(held);
    });
}
