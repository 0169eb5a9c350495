//! What the commands do.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::netfilter::conntrack::entry::ZoneDir;
use crate::netfilter::conntrack::proto::{sctp, tcp};
use crate::netfilter::conntrack::{Dir, Status, Tuple, Zone, proto};
use crate::netlink::message::ConntrackMsg;
use crate::netlink::message::conntrack::ProtoInfo;
use crate::netlink::request::{ConntrackNat, ConntrackProto, ConntrackSpec};
use crate::netlink::{self, NetlinkError, Request};
use crate::packet::IpProto;
use crate::tools::conntrack::args::{Args, Output, Result, Table, Trouble, words};
use crate::tools::conntrack::options::{Command, Opt};
use crate::tools::conntrack::print::Show;
use crate::tools::conntrack::template::{
    COMPARISON, Half, Masked, Nat, TUPLE_ORIG, TUPLE_REPL, Template,
};
use crate::tools::conntrack::{PREFIX, USAGE, xml};
use crate::world::Sys;

/// A running command.
pub(super) struct Run<'a, 'w> {
    pub(super) args: &'a Args,
    pub(super) sys: &'a mut Sys<'w>,
    /// How many connections it was about.
    pub(super) count: usize,
}

/// What the kernel answers to a request.
enum Answer {
    Ack,
    Conn(Box<ConntrackMsg>),
    Failed(Errno),
}

/// What the tool says of an errno (`err2str()`).
fn explain(errno: Errno, command: Command) -> &'static str {
    let making = matches!(command, Command::Create | Command::Add);
    let naming = making || matches!(command, Command::Get | Command::Delete);
    let known = [
        (Errno::EINVAL, command != Command::Add, "invalid parameters"),
        (Errno::EEXIST, command == Command::Create, "Such conntrack exists, try -U to update"),
        (Errno::ENOENT, naming, "such conntrack doesn't exist"),
        (Errno::EPERM, true, "sorry, you must be root or get CAP_NET_ADMIN capability to do this"),
    ];
    let own = known.into_iter().find(|(of, applies, _)| *of == errno && *applies);
    own.map_or_else(|| errno.message(), |(_, _, text)| text)
}

/// An operation that failed.
fn failed(errno: Errno, command: Command) -> Trouble {
    Trouble::Other(format!("Operation failed: {}", explain(errno, command)))
}

impl Run<'_, '_> {
    /// Does what the command says.
    pub(super) fn run(&mut self, command: Command) -> Result<()> {
        match command {
            Command::List => self.list(),
            Command::Create | Command::Add => self.create(command),
            Command::Update => self.update(),
            Command::Delete => self.delete(),
            Command::Get => self.get(),
            Command::Flush => {
                self.ask(&Request::ConntrackFlush).map_err(|errno| failed(errno, command))?;
                let text = format!("{PREFIX}connection tracking table has been emptied.\n");
                self.sys.stderr(text);
                Ok(())
            }
            Command::Count => {
                let netns = self.sys.netns();
                let count = self.sys.world.kernel.netns[netns].nf.conntrack.conns.len();
                self.out(&count.to_string());
                Ok(())
            }
            Command::Stats => {
                self.stats();
                Ok(())
            }
            Command::Version => {
                self.out("conntrack v1.4.7 (conntrack-tools)");
                Ok(())
            }
            Command::Help => {
                self.help();
                Ok(())
            }
            Command::ExpList => Ok(()),
            Command::ExpFlush => {
                self.sys.stderr(format!("{PREFIX}expectation table has been emptied.\n"));
                Ok(())
            }
            Command::ExpCount => {
                self.out("0");
                Ok(())
            }
            Command::ExpStats => {
                self.out("cpu=0   \texpect_new=0 expect_create=0 expect_delete=0 ");
                Ok(())
            }
            // There never is one.
            Command::ExpDelete | Command::ExpGet => Err(failed(Errno::ENOENT, command)),
            // It listens, and has nothing to do at once.
            Command::Event => Ok(()),
            Command::ExpCreate | Command::ExpEvent => {
                Err(Trouble::NotModelled("an expectation".into()))
            }
        }
    }

    fn out(&mut self, line: &str) {
        self.sys.stdout(format!("{line}\n"));
    }

    fn show(&self) -> Show {
        Show { output: self.args.output, now_us: self.sys.now().unix_micros() }
    }

    fn ask(&mut self, request: &Request) -> std::result::Result<(), Errno> {
        self.sys.request(request).map_err(|NetlinkError { errno, .. }| errno)
    }

    /// What the kernel lists: of one family or both, and with a certain mark.
    fn dump(&self) -> Vec<ConntrackMsg> {
        let netns = self.sys.netns();
        let mut all = netlink::conntrack::dump(&self.sys.world.kernel, netns);
        let (family, mark) = (self.args.family, self.args.template.kernel_mark);
        all.retain(|msg| {
            let of = AddressFamily::of(msg.tuple(Dir::Original).src.addr);
            family.is_none_or(|family| family == of)
                && mark.is_none_or(|mark| msg.mark.unwrap_or_default() & mark.mask == mark.value)
        });
        all
    }

    fn list(&mut self) -> Result<()> {
        if self.args.table == Table::Passing {
            return Ok(());
        }
        let options = self.args.options;
        if options.has_any(COMPARISON) && options.has(Opt::Zero) {
            return words("Can't use -z with filtering parameters");
        }
        let filter = Filter::new(self.args)?;
        let status = self.args.template.kernel_status;
        if status.is_some_and(|status| status.mask == 0) {
            return Err(failed(Errno::EINVAL, Command::List));
        }
        let has_status = |msg: &ConntrackMsg| {
            status.is_none_or(|Masked { value, mask }| msg.status.0 & mask == value)
        };
        let show = self.show();
        for msg in self.dump().iter().filter(|msg| has_status(msg) && filter.takes(msg)) {
            if self.args.output.has(Output::XML) && self.count == 0 {
                self.sys.stdout(xml::HEADER);
            }
            let line = show.line(msg, None);
            self.out(&line);
            self.count += 1;
        }
        if self.args.output.has(Output::XML) && self.count > 0 {
            self.sys.stdout(xml::FOOTER);
        }
        if options.has(Opt::Zero) && self.args.family != Some(AddressFamily::Inet6) {
            self.ask(&Request::ConntrackZero).map_err(|errno| failed(errno, Command::List))?;
        }
        Ok(())
    }

    fn create(&mut self, command: Command) -> Result<()> {
        let spec = spec_of(self.args).ok_or_else(|| failed(Errno::EINVAL, command))?;
        match self.ask(&Request::ConntrackCreate(Box::new(spec))) {
            Ok(()) => {
                self.count += 1;
                Ok(())
            }
            Err(Errno::EEXIST) if command == Command::Add => Ok(()),
            Err(errno) => Err(failed(errno, command)),
        }
    }

    fn get(&mut self) -> Result<()> {
        let einval = || failed(Errno::EINVAL, Command::Get);
        let template = &self.args.template;
        let tuple = tuple_of(self.args.half(Dir::Original), template).ok_or_else(einval)?;
        let zone = zone_of(template).ok_or_else(einval)?;
        let netns = self.sys.netns();
        let found = netlink::conntrack::get(&self.sys.world.kernel, netns, &tuple, zone);
        let msg = found.map_err(|error| failed(error.errno, Command::Get))?;
        if Filter::new(self.args)?.takes(&msg) {
            let line = self.show().line(&msg, None);
            if self.args.output.has(Output::XML) {
                self.sys.stdout(xml::HEADER);
            }
            self.out(&line);
            self.count += 1;
        }
        Ok(())
    }

    fn delete(&mut self) -> Result<()> {
        let filter = Filter::new(self.args)?;
        let show = self.show();
        for msg in self.dump().iter().filter(|msg| filter.takes(msg)) {
            let request = Request::ConntrackDelete(*msg.tuple(Dir::Original), msg.zone);
            self.ask(&request).map_err(|errno| failed(errno, Command::Delete))?;
            let change = self.args.output.has(Output::SAVE);
            let change = change.then_some(crate::kernel::nfnl::ConntrackChange::Destroy);
            let line = show.line(msg, change);
            self.out(&line);
            self.count += 1;
        }
        Ok(())
    }

    /// Changes connections, and shows what became of them: each request is followed by the reading of one answer,
    /// though a connection that is found is answered with two. So what is read lags more and more behind what was
    /// asked, and not all is shown.
    fn update(&mut self) -> Result<()> {
        let filter = Filter::new(self.args)?;
        let netns = self.sys.netns();
        let all = netlink::conntrack::dump(&self.sys.world.kernel, netns);
        let mut answers = VecDeque::new();
        for msg in &all {
            let of = AddressFamily::of(msg.tuple(Dir::Original).src.addr);
            let is_other = self.args.family.is_some_and(|family| family != of);
            if is_other || !filter.takes_to_update(msg) {
                continue;
            }
            let Some(spec) = changes(self.args, msg) else { continue };
            answers.push_back(self.change(spec));
            if let Some(Answer::Failed(errno)) = answers.pop_front() {
                let why = explain(errno, Command::Update);
                self.sys.stderr(format!("Operation failed: {why}\n"));
            }
            answers.extend(self.look_up(msg));
            match answers.pop_front() {
                Some(Answer::Failed(Errno::ENOENT)) => continue,
                Some(Answer::Failed(errno)) => return Err(failed(errno, Command::Update)),
                Some(Answer::Conn(now)) => {
                    let line = self.show().line(&now, None);
                    self.out(&line);
                }
                Some(Answer::Ack) | None => {}
            }
            self.count += 1;
        }
        Ok(())
    }

    /// Has a connection changed. Without a family the kernel can't read the tuple.
    fn change(&mut self, spec: ConntrackSpec) -> Answer {
        if self.args.family.is_none() {
            return Answer::Failed(Errno::EOPNOTSUPP);
        }
        match self.ask(&Request::ConntrackUpdate(Box::new(spec))) {
            Ok(()) => Answer::Ack,
            Err(errno) => Answer::Failed(errno),
        }
    }

    /// Asks for the connection that has a tuple in the default zone.
    fn look_up(&self, msg: &ConntrackMsg) -> Vec<Answer> {
        if self.args.family.is_none() {
            return vec![Answer::Failed(Errno::EOPNOTSUPP)];
        }
        let (kernel, netns) = (&self.sys.world.kernel, self.sys.netns());
        match netlink::conntrack::get(kernel, netns, msg.tuple(Dir::Original), Zone::default()) {
            Ok(now) => vec![Answer::Conn(Box::new(now)), Answer::Ack],
            Err(error) => vec![Answer::Failed(error.errno)],
        }
    }

    fn stats(&mut self) {
        let netns = self.sys.netns();
        let stats = self.sys.world.kernel.netns[netns].nf.conntrack.stats;
        let fields = [
            ("found", stats.found),
            ("invalid", stats.invalid),
            ("insert", stats.insert),
            ("insert_failed", stats.insert_failed),
            ("drop", stats.drop),
            ("early_drop", stats.early_drop),
            ("error", stats.error),
            ("search_restart", stats.search_restart),
            ("clash_resolve", stats.clash_resolve),
            ("chaintoolong", stats.chaintoolong),
        ];
        // The kernel tells 32 bits of each.
        let text: String = fields
            .iter()
            .map(|(name, value)| format!("{name}={} ", value & u64::from(u32::MAX)))
            .collect();
        self.out(&format!("cpu=0   \t{text}"));
    }

    fn help(&mut self) {
        self.sys.stdout(USAGE);
        if !self.args.options.has(Opt::Proto) {
            return;
        }
        let text = match self.args.proto {
            Some(proto) => format!("Proto `{}' help:\n{}", proto.name, proto.help),
            None => {
                let name = crate::libc::protocols::name(self.args.number.0).unwrap_or("unknown");
                format!("Proto `{name}' help:\n  no options (unsupported)\n")
            }
        };
        self.sys.stdout(text);
    }
}

/// Which connections a command is about.
pub(super) struct Filter<'a> {
    args: &'a Args,
    /// What connections are compared with: addresses that stand for networks are not among it.
    template: Template,
}

impl<'a> Filter<'a> {
    /// Reads the filter that the options make (`nfct_filter_init()`).
    pub(super) fn new(args: &'a Args) -> Result<Self> {
        for (mask, addr, name) in
            [(Opt::MaskSrc, Opt::OrigSrc, "src"), (Opt::MaskDst, Opt::OrigDst, "dst")]
        {
            if args.options.has(mask) && !args.options.has(addr) {
                return words(format!("Can't use --mask-{name} without --{name}"));
            }
        }
        Ok(Self { args, template: args.template.without_networks() })
    }

    /// Whether a connection is listed, ended or told of (`nfct_filter()`).
    pub(super) fn takes(&self, msg: &ConntrackMsg) -> bool {
        let (options, template) = (self.args.options, &self.args.template);
        let mark = template.mark;
        template.is_translated(options, msg)
            && (!options.has(Opt::Mark) || msg.mark.is_some_and(|m| m & mark.mask == mark.value))
            && template.is_in_networks(msg)
            && (!options.has_any(COMPARISON) || self.template.is_like(msg))
    }

    /// Whether a connection is changed.
    fn takes_to_update(&self, msg: &ConntrackMsg) -> bool {
        let (options, template) = (self.args.options, &self.args.template);
        template.is_translated(options, msg)
            && template.is_in_networks(msg)
            && template.id.is_none_or(|id| id == msg.number)
            && (!options.has_any(TUPLE_ORIG) || self.template.has_tuple(msg, Dir::Original))
            && (!options.has_any(TUPLE_REPL) || self.template.has_tuple(msg, Dir::Reply))
    }
}

/// The zone that the options name; none if they name several.
fn zone_of(template: &Template) -> Option<Zone> {
    let zones = [
        (template.zone, None),
        (template.orig_zone, Some(ZoneDir::Original)),
        (template.repl_zone, Some(ZoneDir::Reply)),
    ];
    let mut named = zones.into_iter().filter_map(|(id, dir)| {
        let id = id.filter(|id| *id != 0)?;
        Some(Zone { id, dir, from_mark: false })
    });
    let zone = named.next().unwrap_or_default();
    if named.next().is_some() { None } else { Some(zone) }
}

/// The tuple that the options describe, if it is whole.
fn tuple_of(half: &Half, template: &Template) -> Option<Tuple> {
    let proto = half.proto?;
    let (src, dst) = (half.src?, half.dst?);
    let ids = match proto {
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP | IpProto::GRE => {
            (half.src_id?, half.dst_id?)
        }
        IpProto::ICMP => {
            let (icmp_type, code) = (template.icmp_type?, template.icmp_code?);
            (template.icmp_id.unwrap_or_default(), u16::from_be_bytes([icmp_type, code]))
        }
        _ => (0, 0),
    };
    Some(Tuple::new(proto, (src, ids.0), (dst, ids.1)))
}

/// The tuple of answers that the options describe, if it is whole.
fn reply_of(half: &Half, template: &Template, original: &Tuple) -> Option<Tuple> {
    let mut reply = tuple_of(half, template)?;
    if original.proto == IpProto::ICMP {
        let inverse = proto::invert(original)?;
        (reply.src.id, reply.dst.id) = (inverse.src.id, inverse.dst.id);
    }
    Some(reply)
}

/// The connection to make; none if the kernel would not understand it.
fn spec_of(args: &Args) -> Option<ConntrackSpec> {
    let template = &args.template;
    let has = |a, b| args.options.has(a) || args.options.has(b);
    let (original, reply) = (args.half(Dir::Original), args.half(Dir::Reply));
    let tuples = if !has(Opt::ReplSrc, Opt::ReplDst) {
        let original = tuple_of(original, template)?;
        [original, proto::invert(&original)?]
    } else if !has(Opt::OrigSrc, Opt::OrigDst) {
        let reply = tuple_of(reply, template)?;
        [proto::invert(&reply)?, reply]
    } else {
        let original = tuple_of(original, template)?;
        [original, reply_of(reply, template, &original)?]
    };
    Some(ConntrackSpec {
        tuples,
        zone: zone_of(template)?,
        timeout: template.timeout,
        status: template.status.map(Status),
        mark: args.options.has(Opt::Mark).then_some(template.mark.value),
        proto: proto_of(args),
        src_nat: nat_of(template.src_nat),
        dst_nat: nat_of(template.dst_nat),
        clear_labels: false,
    })
}

fn nat_of(nat: Nat) -> Option<ConntrackNat> {
    nat.addr.map(|addr: IpAddr| ConntrackNat { addr, port: nat.port })
}

/// What the options say of the protocol. TCP's windows are not judged from then on, and a connection that has ended
/// may begin again.
fn proto_of(args: &Args) -> Option<ConntrackProto> {
    let template = &args.template;
    match args.proto?.number {
        IpProto::TCP => {
            let state = template.tcp_state.and_then(|n| tcp::State::ALL.get(usize::from(n)));
            let mut flags = tcp::Flags(tcp::Flags::BE_LIBERAL.0 | tcp::Flags::SACK_PERM.0);
            if state.is_some_and(|state| *state >= tcp::State::TimeWait) {
                flags.set(tcp::Flags::CLOSE_INIT);
            }
            Some(ConntrackProto::Tcp { state: state.copied(), flags })
        }
        IpProto::SCTP => {
            let number = template.sctp_state.map(usize::from)?;
            let state = *sctp::State::ALL.get(number)?;
            let [original, reply] = template.vtag;
            Some(ConntrackProto::Sctp {
                state,
                vtag: [original.unwrap_or_default(), reply.unwrap_or_default()],
            })
        }
        _ => None,
    }
}

/// What the options change of a connection; none if nothing.
fn changes(args: &Args, msg: &ConntrackMsg) -> Option<ConntrackSpec> {
    let template = &args.template;
    let old_mark = msg.mark.unwrap_or_default();
    let Masked { value, mask } = template.mark;
    let mark = args.options.has(Opt::Mark).then_some((old_mark & !mask) ^ value);
    let status = template.status.map(|status| status | msg.status.0);
    let proto = proto_of(args);
    let new_state = match (proto, msg.proto) {
        (Some(ConntrackProto::Tcp { state, .. }), Some(ProtoInfo::Tcp(old))) => {
            state.is_some_and(|state| state != old)
        }
        (Some(ConntrackProto::Sctp { state, .. }), Some(ProtoInfo::Sctp(old, _))) => state != old,
        (Some(_), _) => template.tcp_state.is_some() || template.sctp_state.is_some(),
        (None, _) => false,
    };
    let clear_labels = args.options.has(Opt::DelLabel) && msg.labels.is_some();
    let changed = template.timeout.is_some_and(|timeout| Some(u64::from(timeout)) != msg.timeout)
        || status.is_some_and(|status| status != msg.status.0)
        || mark.is_some_and(|mark| mark != old_mark)
        || new_state
        || clear_labels;
    changed.then(|| ConntrackSpec {
        tuples: msg.tuples,
        // The tool does not say the zone, so that the kernel looks for the tuple in the default one.
        zone: Zone::default(),
        timeout: template.timeout,
        status: status.map(Status),
        mark,
        proto,
        src_nat: None,
        dst_nat: None,
        clear_labels,
    })
}
