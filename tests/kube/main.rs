//! Kubernetes: what its components write, held to what the real ones wrote.

#[cfg(test)]
mod api;
#[cfg(test)]
mod apiserver;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod cleanup;
#[cfg(test)]
mod cni;
#[cfg(test)]
mod command;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod controllers;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod health;
#[cfg(test)]
mod kubelet;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod node;
#[cfg(test)]
mod order;
#[cfg(test)]
mod own_node;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod running;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod topology;
#[cfg(test)]
mod unit_flows;
#[cfg(test)]
mod unit_rules;
