//! Taints of nodes, and what tolerates them.

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::controllers) enum Effect {
    /// They don't come to the node.
    NoSchedule,
    /// Nor do they stay.
    NoExecute,
}

impl Effect {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// Whether a taint of `node` with one of these effects is not tolerated.
pub(in crate::controllers) fn has_untolerated(
    node: &Node,
    tolerations: &[Toleration],
    effects: &[Effect],
) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let mut taints = taints
        .into_iter()
        .flatten()
        .filter(|taint| effects.iter().any(|effect| effect.as_str() == taint.effect));
    taints.any(|taint| !is_tolerated(taint, tolerations))
}

/// Whether one of `tolerations` covers a taint: without a key it covers all, without an effect each.
pub(in crate::controllers) fn is_tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let is_value = match toleration.operator.as_deref().unwrap_or_default() {
            "" | "Equal" => {
                toleration.value.as_deref().unwrap_or_default()
                    == taint.value.as_deref().unwrap_or_default()
            }
            "Exists" => true,
            _ => false,
        };
        said(&toleration.effect).is_none_or(|effect| effect == taint.effect)
            && said(&toleration.key).is_none_or(|key| key == taint.key)
            && is_value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Toleration {
            key: text(key),
            operator: text(operator),
            value: text(value),
            effect: text(effect),
            toleration_seconds: None,
        }
    }

    /// As the documentation of taints and tolerations has it.
    #[test]
    fn a_toleration_matches_key_value_and_effect_as_far_as_it_names_them() {
        let taint = Taint {
            key: "key1".into(),
            value: Some("value1".into()),
            effect: "NoSchedule".into(),
            time_added: None,
        };
        let cases = [
            (toleration("key1", "Equal", "value1", "NoSchedule"), true),
            (toleration("key1", "", "value1", ""), true),
            (toleration("key1", "Exists", "", "NoSchedule"), true),
            (toleration("", "Exists", "", ""), true),
            (toleration("key1", "Equal", "other", "NoSchedule"), false),
            (toleration("key1", "Equal", "", "NoSchedule"), false),
            (toleration("key2", "Exists", "", ""), false),
            (toleration("key1", "Exists", "", "NoExecute"), false),
        ];
        for (toleration, covers) in cases {
            assert_eq!(
                is_tolerated(&taint, std::slice::from_ref(&toleration)),
                covers,
                "{toleration:?}"
            );
        }
    }
}
