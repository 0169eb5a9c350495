//! From a request to the part of the kernel that serves it.

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::xtables::commit;
use crate::netlink::{
    NetlinkError, Request, account, addr, conntrack, fdb, link, maddr, mdb, neigh, nsid, qdisc,
    route, rule, sysctl, tunnel,
};
use crate::trace::Observer;
use crate::world::{World, observed};

impl World {
    /// Makes a change in `netns`, with everything that follows from it at once.
    ///
    /// # Errors
    ///
    /// Returns the kernel's refusal; then nothing has changed.
    pub fn request(&mut self, netns: NetnsId, request: &Request) -> Result<(), NetlinkError> {
        if self.keeps_journal() {
            self.make_and_note(netns, request)
        } else {
            self.make(netns, request)
        }
    }

    /// Makes a change that nobody notes.
    pub(crate) fn make(&mut self, netns: NetnsId, request: &Request) -> Result<(), NetlinkError> {
        let answer = observed!(self, |k, o| {
            let answer = apply(k, netns, request, o);
            k.run_pending(o);
            answer
        });
        self.run_programs();
        answer
    }
}

pub(crate) fn apply<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    request: &Request,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let answer = serve(k, netns, request, o);
    // A refused request may have left something behind.
    k.flush_routes();
    answer
}

fn serve<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    request: &Request,
    o: &mut O,
) -> Result<(), NetlinkError> {
    match request {
        Request::LinkAdd(spec) => link::add(k, netns, spec, o),
        Request::LinkReplace(spec) => link::replace(k, netns, spec, o),
        Request::LinkSet(link, change) => link::set(k, netns, *link, change, o),
        Request::LinkDel(link) => link::del(k, netns, link, o),
        Request::AddrAdd(spec, create) => addr::add(k, netns, spec, *create, o),
        Request::AddrDel(spec) => addr::del(k, netns, spec, o),
        Request::RouteAdd(spec, create) => route::add(k, netns, spec, *create, o),
        Request::RouteDel(spec) => route::del(k, netns, spec, o),
        Request::RuleAdd(spec) => rule::add(k, netns, spec, o),
        Request::RuleDel(spec) => rule::del(k, netns, spec, o),
        Request::NeighAdd(spec, create) => neigh::add(k, netns, spec, *create, o),
        Request::NeighDel(spec) => neigh::del(k, netns, spec, o),
        Request::FdbAdd(spec, create) => fdb::add(k, netns, spec, *create, o),
        Request::FdbDel(spec) => fdb::del(k, netns, spec, o),
        Request::FdbFlush(spec) => fdb::flush(k, netns, spec),
        Request::MulticastAdd(dev, addr) => maddr::add(k, netns, *dev, *addr),
        Request::MulticastDel(dev, addr) => maddr::del(k, netns, *dev, *addr),
        Request::MdbAdd(spec) => mdb::add(k, netns, spec),
        Request::MdbDel(spec) => mdb::del(k, netns, spec),
        Request::TunnelAdd(name, spec) => tunnel::add(k, netns, *name, spec, o),
        Request::TunnelSet(name, spec) => tunnel::set(k, netns, *name, spec, o),
        Request::TunnelDel(name) => tunnel::del(k, netns, *name, o),
        Request::QdiscSet(spec, verb) => qdisc::set(k, netns, spec, *verb, o),
        Request::QdiscDel(spec) => qdisc::del(k, netns, spec, o),
        Request::NetnsIdSet { netns: other, nsid } => nsid::set(k, netns, *other, *nsid),
        Request::ConntrackCreate(spec) => conntrack::create(k, netns, spec),
        Request::ConntrackUpdate(spec) => conntrack::update(k, netns, spec),
        Request::ConntrackDelete(tuple, zone) => conntrack::delete(k, netns, tuple, *zone),
        Request::ConntrackFlush => {
            conntrack::flush(k, netns);
            Ok(())
        }
        Request::ConntrackZero => {
            conntrack::zero(k, netns);
            Ok(())
        }
        Request::AccountAdd(spec) => account::add(k, netns, spec).map_err(NetlinkError::from),
        Request::AccountDel(name) => account::del(k, netns, name).map_err(NetlinkError::from),
        Request::SysctlSet { name, value } => {
            sysctl::set(k, netns, name, value, o).map_err(NetlinkError::from)
        }
        Request::Xt(batch) => commit::commit(k, netns, batch).map_err(NetlinkError::of_batch),
    }
}
