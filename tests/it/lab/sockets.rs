//! Connections in the lab: commands in the background, real pipes in front of them and behind.

use super::stdout;

#[test]
fn a_listener_in_the_background_hears_a_client_through_pipes() {
    let script = "
        ip link set lo up; ip addr add 10.0.0.1/24 dev lo
        nc -l 80 &
        echo hi | nc -N 10.0.0.1 80
        echo client $?
        wait $!
        echo server $?";
    assert_eq!(stdout(script), "hi\nclient 0\nserver 0\n");
}

#[test]
fn an_answer_comes_back_through_the_client_s_pipe() {
    let script = "
        ip link set lo up
        printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n' | nc -l 8080 | head -1 &
        printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -N 127.0.0.1 8080 | tail -1
        wait";
    assert_eq!(stdout(script), "GET / HTTP/1.0\r\nhello\n");
}

#[test]
fn a_megabyte_arrives_whole() {
    let script = "
        ip netns add a; ip netns add b
        ip link add e0 netns a type veth peer name e0 netns b
        ip -n a link set e0 up; ip -n b link set e0 up
        ip -n a addr add 10.0.9.1/24 dev e0; ip -n b addr add 10.0.9.2/24 dev e0
        ip netns exec b nc -l 9000 | cksum &
        head -c 1000000 /dev/zero | tr '\\0' x | ip netns exec a nc -N 10.0.9.2 9000
        wait
        head -c 1000000 /dev/zero | tr '\\0' x | cksum";
    let printed = stdout(script);
    let (arrived, sent) = printed.split_once('\n').unwrap();
    assert_eq!(arrived, sent.trim_end());
}

#[test]
fn a_refused_connection_is_told_and_a_scan_of_closed_ports_costs_no_time() {
    let script = "
        ip link set lo up
        nc -v 127.0.0.1 81 2>&1; echo $?
        nc -z 127.0.0.1 1-100; echo $?";
    let refused = "nc: connect to 127.0.0.1 port 81 (tcp) failed: Connection refused\n1\n1\n";
    assert_eq!(stdout(script), refused);
}

#[test]
fn sockets_of_commands_in_the_background_are_listed_with_their_owners() {
    let script = "
        ip link set lo up
        nc -lk 80 > /dev/null & sleep 1
        sleep 100 | nc 127.0.0.1 80 & sleep 1
        ss -tlnp | sed 's/pid=[0-9]*/pid=N/'
        ss -tn state established sport = :80 | sed 's/1:[0-9]* *$/1:PORT/'";
    let printed = stdout(script);
    let listening = "\
        State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\
        LISTEN 0      1            0.0.0.0:80        0.0.0.0:*    users:((\"nc\",pid=N,fd=3))\n\
        Recv-Q Send-Q Local Address:Port Peer Address:Port";
    assert!(printed.starts_with(listening), "{printed}");
    assert!(printed.ends_with("0      0          127.0.0.1:80      127.0.0.1:PORT\n"), "{printed}");
}
