//! Readers of the event stream: each turns [`Record`](crate::trace::record::Record)s into bytes.

pub mod json;
pub mod pcapng;
pub mod text;
