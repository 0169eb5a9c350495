//! The network commands in the shell.

use super::{Labs, stdout, text};

#[test]
fn namespaces_nest_by_commands_that_run_in_them() {
    let script = "ip netns add a; ip netns add b
        ip netns exec a sh -c 'ip netns exec b sh -c \"echo \\$KUBEWIRE_NETNS\"; echo $KUBEWIRE_NETNS'
        echo ${KUBEWIRE_NETNS-none}
        ip netns exec a ip netns exec b sh -c 'echo $KUBEWIRE_NETNS'";
    assert_eq!(stdout(script), "2:b\n1:a\nnone\n2:b\n");
}

/// Observed with iproute2 6.1.
#[test]
fn the_command_in_a_namespace_gives_its_exit_status() {
    let script = "ip netns add a
        ip netns exec a sh -c 'exit 3'; echo $?
        ip netns exec a no-such-command; echo $?
        ip netns exec a /etc/passwd; echo $?
        ip netns exec zz true; echo $?
        ip netns exec a sh -c 'kill -9 $$'; echo $?";
    let output = Labs::new().run(script);
    assert_eq!(text(&output.stdout), "3\n1\n1\n255\n137\n");
    assert_eq!(
        text(&output.stderr).replace("Killed\n", ""),
        "exec of \"no-such-command\" failed: No such file or directory\n\
         exec of \"/etc/passwd\" failed: Permission denied\n\
         Cannot open network namespace \"zz\": No such file or directory\n"
    );
}

#[test]
fn commands_leave_the_input_of_a_loop_alone() {
    let script = "printf 'x\\ny\\n' | while read name; do ip netns add $name; done; ip netns";
    assert_eq!(stdout(script), "y\nx\n");
}

#[test]
fn a_namespace_lives_on_without_its_name_while_a_command_runs_in_it() {
    let script = "ip netns add a
        ip netns exec a sh -c 'ip netns del a; ip netns; sleep 1; ip link set lo up; echo $?'
        ip netns add a; ip netns exec a sh -c 'echo $KUBEWIRE_NETNS'";
    assert_eq!(stdout(script), "0\n2:a\n");
}

#[test]
fn an_orphan_in_a_namespace_keeps_it() {
    let script = "ip netns add a
        ip netns exec a sh -c '(read x < pipe; ip link set lo up; echo $? > done) &'
        ip netns del a; echo go > pipe; sleep 1; cat done";
    assert_eq!(stdout(&format!("mkfifo pipe; {script}")), "0\n");
}

/// As with iproute2 6.1, where the shell reads its pipe without starting another process.
#[test]
fn processes_are_found_in_their_namespaces_and_name_them() {
    let script = "mkfifo pipe; ip netns add a; ip netns add b
        ip netns exec a sh -c 'echo $$ > pid; read x < pipe; :' &
        sleep 1; pid=$(cat pid)
        ip netns pids a > pids; cmp pid pids && echo there; ip netns pids b
        ip netns exec b sh -c 'echo $$; ip netns pids b' | sort -u | wc -l
        ip netns identify $pid; ip netns identify $$; ip netns identify 99999999
        ip link add v0 type veth peer name v1; ip link set v1 netns $pid; ip -n a -br link show up
        ip -n a link set v1 name w; ip netns attach c $pid; ip netns attach d 99999999
        ip netns; ip netns pids c | cmp - pid; echo > pipe; wait; ip netns pids a";
    let output = Labs::new().run(script);
    assert_eq!(text(&output.stdout), "there\n2\na\n\nc (id: 0)\nb\na (id: 0)\n");
    assert_eq!(
        text(&output.stderr),
        "Cannot open network namespace: No such file or directory\n\
         Bind /proc/99999999/ns/net -> /run/netns/d failed: No such file or directory\n"
    );
}

#[test]
fn sudo_keeps_the_namespace() {
    let script = "sudo ip netns add a; sudo ip netns exec a sudo sh -c 'echo $KUBEWIRE_NETNS'";
    assert_eq!(stdout(script), "1:a\n");
}

#[test]
fn a_wrong_use_ends_with_the_status_of_the_real_tool() {
    let script = "ip nonsense 2>/dev/null; echo $?; ip link set nosuch up 2>&1; echo $?";
    assert_eq!(stdout(script), "1\nCannot find device \"nosuch\"\n1\n");
}

/// Observed with iproute2 6.1.
#[test]
fn files_and_standard_input_are_the_user_s() {
    let script = "
        printf 'netns add a\\nnetns add b\\n' | ip -batch -; echo $?
        printf 'netns add c\\nbogus\\nnetns add d\\n' > file; ip -batch file; echo $?
        ip netns | cut -d' ' -f 1
        ip -batch /no/such; echo $?
        (echo netns add x; sleep 1; ip netns add y; echo netns add z) | ip -batch -
        ip netns | cut -d' ' -f 1 | head -3
        echo net.ipv4.ip_forward=1 | sysctl -p -";
    let output = Labs::new().run(script);
    assert_eq!(
        text(&output.stdout),
        "0\n1\nc\nb\na\n1\nz\ny\nx\nnet.ipv4.ip_forward = 1\n",
        "{output:?}"
    );
    assert_eq!(
        text(&output.stderr),
        "Object \"bogus\" is unknown, try \"ip help\".\n\
         Command failed file:2\n\
         Cannot open file \"/no/such\" for reading: No such file or directory\n"
    );
}

#[test]
fn the_script_of_a_lab_builds_a_lab_with_the_same_script() {
    let labs = Labs::new();
    let lesson = include_str!("../../../scenarios/first-lesson.sh");
    let more = "ip netns exec net1 ip route add default via 20.1.1.2
        ip netns exec net2 sysctl -qw net.ipv4.ip_forward=1
        ip netns exec net2 ip link set veth2 alias \"it's \\$5\"
        ip netns exec net2 ip addr flush dev veth2";
    let script = |args: &[&str], file: &str| {
        let args = [&["lab", "--script", file, "--", "sh"], args].concat();
        let output = labs.kubewire(&args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        std::fs::read_to_string(labs.tmp.path().join(file)).unwrap()
    };
    let first = script(&["-c", &format!("{lesson}\n{more}")], "a.sh");
    assert!(first.contains("ip -n net1 route add default via 20.1.1.2\n"), "{first}");
    assert!(first.contains("alias 'it'\\''s $5'"), "{first}");
    assert_eq!(script(&["a.sh"], "b.sh"), first);
}
