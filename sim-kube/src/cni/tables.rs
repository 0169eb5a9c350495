//! Rules, made one by one with `iptables` as `go-iptables` does it.

use crate::host::{CallError, Host};

/// A rule of a table: what is to be matched, and what then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'a> {
    pub(super) table: &'a str,
    pub(super) chain: &'a str,
    pub(super) words: &'a [&'a str],
}

impl Rule<'_> {
    /// Puts it at the end of its chain if it is not there.
    pub(super) fn append_unique(self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.exists(host)? { Ok(()) } else { self.must("-A", &[], host) }
    }

    /// Puts it at the start of its chain if it is not there.
    pub(super) fn insert_unique(self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.exists(host)? { Ok(()) } else { self.must("-I", &["1"], host) }
    }

    /// Whether it is there.
    pub(super) fn exists(self, host: &mut Host<'_>) -> Result<bool, CallError> {
        self.try_to("-C", host)
    }

    /// Removes it if it is there.
    pub(super) fn delete(self, host: &mut Host<'_>) -> Result<(), CallError> {
        self.try_to("-D", host).map(drop)
    }

    /// Whether a command worked; what is not there has the status 1, a chain of a target that is not, 2.
    fn try_to(self, command: &str, host: &mut Host<'_>) -> Result<bool, CallError> {
        let argv = self.argv(command, &[]);
        match host.run(&argv, "")? {
            outcome if outcome.status <= 2 => Ok(outcome.status == 0),
            outcome => Err(CallError::Failed(argv.join(" "), outcome.status, outcome.stderr)),
        }
    }

    fn must(self, command: &str, at: &[&str], host: &mut Host<'_>) -> Result<(), CallError> {
        host.must_run(&self.argv(command, at), "").map(drop)
    }

    fn argv<'b>(&'b self, command: &'b str, at: &[&'b str]) -> Vec<&'b str> {
        let mut argv = vec!["iptables", "-t", self.table, command, self.chain];
        argv.extend(at);
        argv.extend(self.words);
        argv.push("--wait");
        argv
    }
}

/// A chain of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    pub(super) table: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Chain<'a> {
    /// A rule of it.
    pub(super) fn rule(self, words: &'a [&'a str]) -> Rule<'a> {
        Rule { table: self.table, chain: self.name, words }
    }

    /// Whether it is there.
    pub(super) fn exists(self, host: &mut Host<'_>) -> Result<bool, CallError> {
        let argv = ["iptables", "-t", self.table, "-S", self.name, "1", "--wait"];
        host.run(&argv, "").map(|outcome| outcome.status == 0)
    }

    /// Makes it if it is not there.
    pub(super) fn ensure(self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.exists(host)? { Ok(()) } else { self.must("-N", host) }
    }

    /// Makes it, or removes its rules.
    pub(super) fn clear(self, host: &mut Host<'_>) -> Result<(), CallError> {
        if self.exists(host)? { self.must("-F", host) } else { self.must("-N", host) }
    }

    /// Removes it, if it is there, with its rules.
    pub(super) fn remove(self, host: &mut Host<'_>) -> Result<(), CallError> {
        if !self.exists(host)? {
            return Ok(());
        }
        self.must("-F", host)?;
        self.must("-X", host)
    }

    fn must(self, command: &str, host: &mut Host<'_>) -> Result<(), CallError> {
        let argv = ["iptables", "-t", self.table, command, self.name, "--wait"];
        host.must_run(&argv, "").map(drop)
    }
}
