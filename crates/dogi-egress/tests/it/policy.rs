use std::net::IpAddr;

use dogi_egress::{AddressKind, EgressPolicy};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn kinds_of_addresses() {
    use AddressKind::{External, LinkLocal, Loopback, Metadata, Multicast, Private, Unspecified};
    let cases = [
        ("1.1.1.1", External),
        ("9.255.255.255", External),
        ("10.0.0.0", Private),
        ("11.0.0.0", External),
        ("100.63.255.255", External),
        ("100.64.0.0", Private),
        ("100.100.100.200", Metadata),
        ("100.127.255.255", Private),
        ("100.128.0.0", External),
        ("127.0.0.1", Loopback),
        ("127.255.255.255", Loopback),
        ("168.63.129.16", Metadata),
        ("169.253.255.255", External),
        ("169.254.0.1", LinkLocal),
        ("169.254.169.254", Metadata),
        ("169.254.170.2", Metadata),
        ("169.255.0.0", External),
        ("172.15.255.255", External),
        ("172.16.0.0", Private),
        ("172.31.255.255", Private),
        ("172.32.0.0", External),
        ("192.0.0.192", Metadata),
        ("192.0.0.1", Private),
        ("192.0.2.1", Private),
        ("192.168.255.255", Private),
        ("198.18.0.1", Private),
        ("198.20.0.0", External),
        ("203.0.113.9", Private),
        ("224.0.0.1", Multicast),
        ("239.255.255.255", Multicast),
        ("240.0.0.1", Private),
        ("255.255.255.255", Multicast),
        ("0.0.0.0", Unspecified),
        ("0.1.2.3", Unspecified),
        ("::", Unspecified),
        ("::1", Loopback),
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:8.8.8.8", External),
        ("2606:4700::1111", External),
        ("2001:db8::1", Private),
        ("3fff::1", Private),
        ("4000::1", Private),
        ("fc00::1", Private),
        ("fd00:ec2::254", Metadata),
        ("fd20:ce::254", Metadata),
        ("fdff::1", Private),
        ("fe80::1", LinkLocal),
        ("febf::1", LinkLocal),
        ("fec0::1", Private),
        ("ff02::1", Multicast),
    ];
    for (address, wanted) in cases {
        assert_eq!(AddressKind::of(ip(address)), wanted, "{address}");
    }
}

#[test]
fn what_is_allowed() {
    let cases = [
        ("external,private", "example.com", "93.184.216.34", true),
        ("external,private", "nas.local", "192.168.1.5", true),
        ("external,private", "localhost", "127.0.0.1", false),
        ("external,private", "x", "::1", false),
        ("external", "nas.local", "192.168.1.5", false),
        ("private", "example.com", "93.184.216.34", false),
        ("loopback", "localhost", "127.0.0.1", true),
        ("loopback", "x", "::ffff:127.0.0.1", true),
        ("", "example.com", "93.184.216.34", false),
        ("10.0.0.0/8", "x", "10.9.8.7", true),
        ("10.0.0.0/8", "x", "11.0.0.1", false),
        ("10.0.0.0/8", "x", "::ffff:10.9.8.7", true),
        ("::ffff:10.0.0.0/104", "x", "10.9.8.7", true),
        ("10.1.2.3/8", "x", "10.9.8.7", true),
        ("10.9.8.7", "x", "10.9.8.7", true),
        ("10.9.8.7", "x", "10.9.8.8", false),
        ("fd00:1::/32", "x", "fd00:1::9", true),
        ("127.0.0.0/8", "localhost", "127.0.0.1", true),
        ("db.corp", "db.corp", "10.0.0.9", true),
        ("db.corp", "DB.corp.", "127.0.0.1", true),
        ("DB.Corp.", "db.corp", "10.0.0.9", true),
        ("bücher.example", "xn--bcher-kva.example", "10.0.0.9", true),
        ("db.corp", "other.db.corp", "10.0.0.9", false),
        // Never, whatever the list says.
        ("db.corp", "db.corp", "169.254.169.254", false),
        (
            "0.0.0.0/0,::/0,external,private,loopback",
            "x",
            "169.254.169.254",
            false,
        ),
        (
            "0.0.0.0/0,::/0,external,private,loopback",
            "x",
            "0.0.0.0",
            false,
        ),
        (
            "0.0.0.0/0,::/0,external,private,loopback",
            "x",
            "fe80::1",
            false,
        ),
        (
            "0.0.0.0/0,::/0,external,private,loopback",
            "x",
            "224.0.0.1",
            false,
        ),
        (
            "0.0.0.0/0,::/0,external,private,loopback",
            "x",
            "100.100.100.200",
            false,
        ),
        ("0.0.0.0/0,::/0", "x", "8.8.8.8", true),
        // Addresses inside of addresses: NAT64, 6to4, compatible, translated, ISATAP.
        ("external", "x", "64:ff9b::8.8.8.8", true),
        ("external", "x", "64:ff9b::127.0.0.1", false),
        ("external", "x", "64:ff9b::10.0.0.1", false),
        ("external,private", "x", "64:ff9b::10.0.0.1", true),
        ("external,private", "x", "64:ff9b::169.254.169.254", false),
        ("external", "x", "2002:7f00:1::", false),
        ("external,private", "x", "2002:a9fe:a9fe::1", false),
        ("external", "x", "2002:808:808::1", true),
        ("external,private", "x", "::127.0.0.1", false),
        ("external,private", "x", "::169.254.169.254", false),
        ("external,private", "x", "::ffff:0:127.0.0.1", false),
        ("external,private", "x", "2600::5efe:127.0.0.1", false),
        (
            "external,private",
            "x",
            "2600::200:5efe:169.254.169.254",
            false,
        ),
        // Teredo: the client's address is behind a mask.
        ("external,private", "x", "2001:0:808:808::80ff:fffe", false),
        ("external,private", "x", "2001:0:808:808::f7f7:f7f7", true),
        // NAT64 for local use, at each of its prefix lengths.
        ("external,private", "x", "64:ff9b:1:a9fe:a9:fe00::", false),
        ("external,private", "x", "64:ff9b:1:ffa9:fe:a9fe::", false),
        ("external,private", "x", "64:ff9b:1::a9:fea9:fe00:0", false),
        ("external,private", "x", "64:ff9b:1::169.254.169.254", false),
        ("external,private", "x", "64:ff9b:1::10.0.0.1", true),
    ];
    for (policy, host, address, wanted) in cases {
        let parsed = EgressPolicy::parse(policy).unwrap();
        let got = parsed.check(host, ip(address));
        assert_eq!(
            got.is_ok(),
            wanted,
            "`{policy}` for {host} at {address}: {got:?}"
        );
    }
}

#[test]
fn hosts_are_judged_before_they_are_resolved() {
    let cases = [
        ("external", "example.com", true),
        ("external", "8.8.8.8", true),
        ("external", "127.0.0.1", false),
        ("external", "127.1", false),
        ("external", "2130706433", false),
        ("external", "0x7f.1", false),
        ("external", "0177.0.0.1", false),
        ("external", "[::1]", false),
        ("external", "::1", false),
        ("external", "[::ffff:7f00:1]", false),
        ("external", "１２７.0.0.1", false),
        ("external", "localhost", false),
        ("external", "LOCALHOST.", false),
        ("external", "a.localhost", false),
        ("loopback", "localhost", true),
        ("127.0.0.1", "localhost", true),
        ("localhost", "localhost", true),
        ("external,private,loopback", "169.254.169.254", false),
        ("external", "metadata.google.internal", false),
        ("external", "", false),
        ("external", ".", false),
        ("external", "a b", false),
        ("external", "a/b", false),
        ("external", "fe80::1%eth0", false),
        ("external", "-oProxyCommand=x", false),
    ];
    for (policy, host, wanted) in cases {
        let got = EgressPolicy::parse(policy).unwrap().check_host(host);
        assert_eq!(got.is_ok(), wanted, "`{policy}` for `{host}`: {got:?}");
    }
}

#[test]
fn exempt_hosts() {
    let policy = EgressPolicy::parse("external")
        .unwrap()
        .exempt("git.corp")
        .exempt("10.0.0.5")
        .exempt("169.254.10.10")
        .exempt("not a host");
    let cases = [
        ("git.corp", "10.0.0.9", true),
        ("GIT.corp", "127.0.0.1", true),
        ("10.0.0.5", "10.0.0.5", true),
        ("::ffff:10.0.0.5", "10.0.0.5", true),
        // The address is exempt as such, not for a name that resolves to it.
        ("evil.example", "10.0.0.5", false),
        ("169.254.10.10", "169.254.10.10", true),
        ("git.corp", "169.254.10.10", false),
        ("git.corp", "169.254.169.254", false),
    ];
    for (host, address, wanted) in cases {
        let got = policy.check(host, ip(address));
        assert_eq!(got.is_ok(), wanted, "{host} at {address}: {got:?}");
    }
    assert_eq!(policy.to_string(), "external");
}

#[test]
fn every_bad_entry_is_reported() {
    let error = EgressPolicy::parse(
        "external,,internal/8,10.0.0.0/33,host:80,http://x,*.corp,169.254.1.0/24,::,a b,\
         metadata.corp,255.255.255.255,fd00:ec2::254",
    )
    .unwrap_err();
    let wanted = [
        "`` is an empty entry between commas",
        "`internal/8` is not a network in CIDR form, such as 10.0.0.0/8 or fd00::/8",
        "`10.0.0.0/33` is not a network in CIDR form, such as 10.0.0.0/8 or fd00::/8",
        "`host:80` has a port or a scheme: a host is named without them",
        "`http://x` has a port or a scheme: a host is named without them",
        "`*.corp` has a wildcard: hosts are named one by one",
        "`169.254.1.0/24` can't be allowed: such addresses are never reached",
        "`::` can't be allowed: such addresses are never reached",
        "`a b` is not external, private, loopback, a CIDR, an address or a host name",
        "`255.255.255.255` can't be allowed: such addresses are never reached",
        "`fd00:ec2::254` can't be allowed: such addresses are never reached",
    ];
    let got: Vec<_> = error.entries.iter().map(ToString::to_string).collect();
    assert_eq!(got, wanted);
    assert_eq!(error.to_string(), wanted.join("; "));
}

#[test]
fn policies_print_as_they_are_written() {
    assert_eq!(EgressPolicy::default().to_string(), "external,private");
    let policy =
        EgressPolicy::parse(" private , 10.1.2.3/8, 10.0.0.1 ,Host.Example.,private").unwrap();
    assert_eq!(
        policy.to_string(),
        "private,10.0.0.0/8,10.0.0.1,host.example"
    );
}

#[test]
fn denials_say_what_and_why() {
    let policy = EgressPolicy::parse("external,example.org").unwrap();
    let nothing = EgressPolicy::parse("").unwrap();
    let cases = [
        (
            policy.check("db.corp", ip("10.0.0.5")),
            "`db.corp` (which is 10.0.0.5) may not be reached: \
             it is private, and allowed is external,example.org",
        ),
        (
            policy.check("169.254.169.254", ip("169.254.169.254")),
            "`169.254.169.254` may not be reached: metadata addresses never are",
        ),
        (
            policy.check_host("localhost"),
            "`localhost` may not be reached: it is loopback, and allowed is external,example.org",
        ),
        (
            policy.check_host("a\nb"),
            "`a\\nb` is neither a host name nor an address",
        ),
        (
            nothing.check_host("8.8.8.8"),
            "`8.8.8.8` may not be reached: it is external, and the policy allows nothing",
        ),
    ];
    for (got, wanted) in cases {
        assert_eq!(got.unwrap_err().to_string(), wanted);
    }
}
