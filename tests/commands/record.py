#!/usr/bin/env python3
"""Records what the real commands print.

    record.py FILE.txt...

Each file is a transcript: lines that start with `$ ` are command lines, what follows them is what the
command said. This script runs the command lines of a file, in order, in fresh network and mount
namespaces of its own, and writes the file anew with what they say now:

    $ ip link show nope          a command line, words and quotes as a shell reads them, nothing else
    <one line                    a line of its standard input
    |one line                    a line of its standard output
    %the end                     the end of its standard output, without a line feed
    !one line                    a line of its standard error
    ?2                           its exit status, unless that is 0

Needs root (or a user namespace), Linux 6.18, iproute2 6.1.0, procps 4.0.2 and ethtool 6.1.

What depends on the machine and not on Linux is made the same here and in the simulator: the machine has
one CPU, so a veth device has one queue; the bridge's timers are cut to 0.00; and IPv6 is off in each
namespace, because its link-local addresses are not modelled; and ethtool runs twice, because all that can be
off is off in the simulator from the beginning. A line `#sort` in front of a command says
that the kernel lists in no particular order: then its output is sorted.
"""

import ctypes
import os
import re
import shlex
import subprocess
import sys
import time

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def isolate():
    """Leaves the machine's own namespaces, so that nothing done from here on is seen outside."""
    check(LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET))
    check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    check(LIBC.mount(b"tmpfs", b"/run", b"tmpfs", 0, None))
    check(LIBC.mount(b"sysfs", b"/sys", b"sysfs", 0, None))
    prepare([])


def prepare(prefix):
    """Switches off what is not modelled in a new namespace."""
    settings = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
    subprocess.run(prefix + ["sysctl", "-qw"] + settings, check=True)


def run(argv, stdin):
    """Runs a command; what depends on the machine is taken out of its output."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    if argv[0] == "ethtool":
        subprocess.run(argv, capture_output=True, env=env, timeout=20)
    done = subprocess.run(argv, input=stdin, capture_output=True, env=env, timeout=20)
    out, err = done.stdout.decode(), done.stderr.decode()
    if argv[:3] == ["ip", "netns", "add"] and done.returncode == 0:
        prepare(["ip", "netns", "exec", argv[3]])
    return normal(out), err, done.returncode


def normal(text):
    text = text.replace("numtxqueues 2 numrxqueues 2", "numtxqueues 1 numrxqueues 1")
    text = re.sub(r'("num_[tr]x_queues": ?)2', r"\g<1>1", text)
    text = re.sub(r"((?:gc|forward_delay)_timer) +[0-9.]+", r"\1    0.00", text)
    text = re.sub(r'("(?:gc|forward_delay)_timer": ?)[0-9.]+', r"\g<1>0.00", text)
    return text


def settles(argv):
    """Whether the kernel finishes the command's work later: carriers are looked at once a second."""
    changes = {"up", "down", "master", "nomaster", "netns", "add", "del", "carrier"}
    return "link" in argv and any(word in changes for word in argv)


def lines(mark, text):
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            yield mark + line[:-1]
        else:
            yield ("%" if mark == "|" else mark) + line


def record(path):
    out, stdin, sort, pending = [], [], False, None

    def finish():
        nonlocal pending, stdin, sort
        if pending is None:
            return
        argv = shlex.split(pending)
        stdout, stderr, status = run(argv, "".join(stdin).encode())
        if sort:
            stdout = "".join(sorted(stdout.splitlines(keepends=True)))
        out.append("$ " + pending)
        out.extend("<" + line.rstrip("\n") for line in stdin)
        out.extend(lines("|", stdout))
        out.extend(lines("!", stderr))
        if status:
            out.append(f"?{status}")
        if settles(argv):
            time.sleep(1.1)
        pending, stdin, sort = None, [], False

    isolate()
    for line in open(path, encoding="utf-8").read().splitlines():
        if line.startswith("$ "):
            finish()
            pending = line[2:]
        elif line.startswith("<") and pending is not None:
            stdin.append(line[1:] + "\n")
        elif line.startswith("#"):
            finish()
            out.append(line)
            sort = line == "#sort"
        elif not line:
            finish()
            out.append(line)
    finish()
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


for file in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        record(file)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{file}: failed")
