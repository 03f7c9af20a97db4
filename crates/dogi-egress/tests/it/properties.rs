use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dogi_egress::EgressPolicy;
use proptest::prelude::*;

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("external".to_owned()),
        Just("private".to_owned()),
        Just("loopback".to_owned()),
        (any::<Ipv4Addr>(), 1..=32_u8).prop_map(|(ip, len)| format!("{ip}/{len}")),
        (any::<Ipv6Addr>(), 1..=128_u8).prop_map(|(ip, len)| format!("{ip}/{len}")),
        "[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9]{1,8}){0,3}",
    ]
}

/// Kinds only: a network may allow an outer address and say nothing of the inner.
fn kinds() -> impl Strategy<Value = EgressPolicy> {
    prop::sample::subsequence(vec!["external", "private", "loopback"], 0..=3)
        .prop_map(|kinds| EgressPolicy::parse(&kinds.join(",")).unwrap())
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC{0,80}") {
        let _ = EgressPolicy::parse(&text);
        let _ = EgressPolicy::default().check_host(&text);
    }

    #[test]
    fn printing_is_parsing_backwards(entries in prop::collection::vec(entry(), 0..6)) {
        if let Ok(policy) = EgressPolicy::parse(&entries.join(",")) {
            prop_assert_eq!(EgressPolicy::parse(&policy.to_string()), Ok(policy));
        }
    }

    #[test]
    fn hiding_an_address_in_another_gains_nothing(policy in kinds(), v4: Ipv4Addr, server: Ipv4Addr) {
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        let [s, t, u, v] = server.octets().map(u16::from);
        let hidden = [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, s << 8 | t, u << 8 | v, 0, 0, !high, !low),
        ];
        let plain = policy.check("x", IpAddr::V4(v4));
        if plain.is_err() && a != 0 {
            for v6 in hidden {
                prop_assert!(policy.check("x", IpAddr::V6(v6)).is_err(), "{} in {}", v4, v6);
            }
        }
        // A mapped address is no other address, so neither is anything lost.
        prop_assert_eq!(policy.check("x", IpAddr::V6(hidden[0])).is_ok(), plain.is_ok());
    }

    #[test]
    fn literals_are_judged_like_addresses(policy in kinds(), ip: IpAddr) {
        let literal = match ip {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        prop_assert_eq!(policy.check_host(&literal).is_ok(), policy.check("x", ip).is_ok());
    }
}
