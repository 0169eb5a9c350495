#!/usr/bin/env python3
"""Records what the real monitors print.

    record.py FILE.txt...

Each file is a session. This script runs it in fresh network and mount namespaces of its own and writes the
file anew with what the monitors say now:

    & ip monitor all label       a monitor, which runs from here on; they are counted from 0
    $ ip link set lo up          a command, words and quotes as a shell reads them, nothing else
    wait 5                       so many seconds pass
    0|one line                   a line that monitor 0 printed after the command or wait above it

Needs root (or a user namespace), Linux 6.18 and iproute2 6.1.0.

Two things are left out: lines about IPv6 settings, which are not modelled, and lines about the group that
membership reports go to (224.0.0.22), because these are sent at random times. Devices have as many queues as
on a machine with one CPU.
"""

import ctypes
import fcntl
import os
import re
import shlex
import subprocess
import sys
import time

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)
ENV = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


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


def start(words):
    monitor = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV)
    flags = fcntl.fcntl(monitor.stdout, fcntl.F_GETFL)
    fcntl.fcntl(monitor.stdout, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    time.sleep(0.2)
    return monitor


def said(monitor):
    text = b""
    while True:
        try:
            piece = os.read(monitor.stdout.fileno(), 65536)
        except BlockingIOError:
            break
        if not piece:
            break
        text += piece
    lines = re.sub(r"(num[rt]xqueues) \d+", r"\1 1", text.decode()).splitlines()
    return [line for line in lines if not re.search(r"inet6|224\.0\.0\.22 ", line)]


def settles(argv):
    """How long to wait: carriers are looked at once a second."""
    changes = {"up", "down", "master", "nomaster", "netns", "add", "del", "carrier"}
    return 1.15 if "link" in argv and any(word in changes for word in argv) else 0.1


def record(path):
    out, monitors = [], []
    isolate()
    for line in open(path, encoding="utf-8").read().splitlines():
        if re.match(r"\d+\|", line):
            continue
        out.append(line)
        if line.startswith("& "):
            monitors.append(start(shlex.split(line[2:])))
            continue
        if line.startswith("$ "):
            argv = shlex.split(line[2:])
            subprocess.run(argv, capture_output=True, env=ENV, timeout=20)
            if argv[:3] == ["ip", "netns", "add"]:
                prepare(["ip", "netns", "exec", argv[3]])
            time.sleep(settles(argv))
        elif line.startswith("wait "):
            time.sleep(float(line.split()[1]))
        else:
            continue
        for number, monitor in enumerate(monitors):
            out.extend(f"{number}|{text}" for text in said(monitor))
    for monitor in monitors:
        monitor.kill()
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


for file in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        record(file)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{file}: failed")
