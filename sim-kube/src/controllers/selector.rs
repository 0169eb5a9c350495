//! Selectors: of labels, and of nodes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Labels, as objects have them.
pub(super) type Labels = BTreeMap<String, String>;

/// Whether `labels` has all of `wanted`.
pub(super) fn has_all(labels: Option<&Labels>, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.and_then(|l| l.get(key)) == Some(value))
}

/// Whether a selector matches `labels`. One that says nothing matches everything.
pub(super) fn matches(selector: &LabelSelector, labels: Option<&Labels>) -> bool {
    let expressions = selector.match_expressions.iter().flatten();
    selector.match_labels.as_ref().is_none_or(|wanted| has_all(labels, wanted))
        && expressions.into_iter().all(|e| {
            let value = labels.and_then(|l| l.get(&e.key)).map(String::as_str);
            requirement(&e.operator, e.values.as_deref().unwrap_or_default(), value)
        })
}

/// Whether one of the terms of a node selector matches `node`.
pub(super) fn matches_node(selector: &NodeSelector, node: &Node) -> bool {
    selector.node_selector_terms.iter().any(|term| matches_term(term, node))
}

/// A term that says nothing matches no node.
fn matches_term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let labels = node.metadata.labels.as_ref();
    let expressions = term.match_expressions.iter().flatten();
    let fields = term.match_fields.iter().flatten();
    let holds = |r: &NodeSelectorRequirement, value: Option<&str>| {
        requirement(&r.operator, r.values.as_deref().unwrap_or_default(), value)
    };
    let says_something = expressions.clone().next().is_some() || fields.clone().next().is_some();
    says_something
        && expressions.into_iter().all(|r| {
            holds(r, labels.and_then(|l| l.get(&r.key)).map(String::as_str))
        })
        // There is one field.
        && fields.into_iter().all(|r| {
            r.key == "metadata.name" && holds(r, node.metadata.name.as_deref())
        })
}

/// Whether a label's value is as an operator wants it.
fn requirement(operator: &str, values: &[String], value: Option<&str>) -> bool {
    let is_listed = || values.iter().any(|listed| Some(listed.as_str()) == value);
    let numbers = || {
        let [limit] = values else { return None };
        Some((value?.parse::<i64>().ok()?, limit.parse::<i64>().ok()?))
    };
    match operator {
        "In" => is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, limit)| value > limit),
        "Lt" => numbers().is_some_and(|(value, limit)| value < limit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the API's documentation has the operators.
    #[test]
    fn each_operator_has_its_own_meaning_of_a_label_that_is_not_there() {
        let cases = [
            ("In", &["a", "b"][..], Some("a"), true),
            ("In", &["a", "b"], Some("c"), false),
            ("In", &["a"], None, false),
            ("NotIn", &["a"], Some("a"), false),
            ("NotIn", &["a"], Some("c"), true),
            ("NotIn", &["a"], None, true),
            ("Exists", &[], Some(""), true),
            ("Exists", &[], None, false),
            ("DoesNotExist", &[], Some("a"), false),
            ("DoesNotExist", &[], None, true),
            ("Gt", &["5"], Some("6"), true),
            ("Gt", &["5"], Some("5"), false),
            ("Gt", &["5"], None, false),
            ("Gt", &["5"], Some("many"), false),
            ("Lt", &["5"], Some("-6"), true),
            ("Lt", &["5"], Some("5"), false),
            ("Like", &["a"], Some("a"), false),
        ];
        for (operator, values, value, holds) in cases {
            let values: Vec<String> = values.iter().map(|&v| v.to_owned()).collect();
            assert_eq!(
                requirement(operator, &values, value),
                holds,
                "{operator} {values:?} {value:?}"
            );
        }
    }

    #[test]
    fn a_term_that_says_nothing_matches_no_node() {
        let selector = NodeSelector { node_selector_terms: vec![NodeSelectorTerm::default()] };
        assert!(!matches_node(&selector, &Node::default()));
    }

    #[test]
    fn a_selector_that_says_nothing_matches_all_labels() {
        assert!(matches(&LabelSelector::default(), None));
    }
}
