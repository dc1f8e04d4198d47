//! What a tool does to the world: what the policy says of it, or what its hints and its name let guess.

use std::ops::{BitOr, BitOrAssign};

use super::conversation::ToolDecl;
use super::words::{self, Classes, Kind};

/// A set of a tool's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects(u8);

impl Effects {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Returns what is there.
    pub const READS: Self = Self(1);
    /// Changes what is there.
    pub const WRITES: Self = Self(1 << 1);
    /// Reaches somebody or something outside.
    pub const EGRESS: Self = Self(1 << 2);
    /// Takes away what cannot be had back.
    pub const DESTRUCTIVE: Self = Self(1 << 3);
    /// Changes what the agent itself remembers.
    pub const MEMORY: Self = Self(1 << 4);
    /// Returns what not everybody may know.
    pub const PRIVATE: Self = Self(1 << 5);
    /// Returns only what the operator vouches for: no untrusted text.
    pub const TRUSTED: Self = Self(1 << 6);

    /// The names of a policy.
    pub const NAMES: &[(&str, Self)] = &[
        ("reads", Self::READS),
        ("writes", Self::WRITES),
        ("egress", Self::EGRESS),
        ("destructive", Self::DESTRUCTIVE),
        ("memory", Self::MEMORY),
        ("private", Self::PRIVATE),
        ("trusted", Self::TRUSTED),
    ];

    /// Whether both share one.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of `other` are in it.
    pub const fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the tool changes anything anywhere.
    pub const fn acts(self) -> bool {
        self.meets(Self(
            Self::WRITES.0 | Self::EGRESS.0 | Self::DESTRUCTIVE.0 | Self::MEMORY.0,
        ))
    }
}

impl BitOr for Effects {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Effects {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What may be believed where the policy has no annotation for a tool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guess {
    /// MCP's hints.
    pub(super) hints: bool,
    /// The verbs of its name.
    pub(super) names: bool,
}

impl Guess {
    /// The effects of a tool that nobody annotated.
    ///
    /// Where nothing is known the tool is taken to write and to reach out: as MCP does, whose `readOnlyHint` is
    /// false and whose `openWorldHint` is true where they are absent.
    pub(super) fn effects(self, name: &str, declared: Option<&ToolDecl>) -> Effects {
        let hints = declared.map(|tool| tool.hints).unwrap_or_default();
        if self.hints && hints.read_only == Some(true) {
            return Effects::READS;
        }
        let mut effects = Effects::NONE;
        if self.names {
            effects = by_name(name);
        }
        if self.hints {
            if hints.read_only == Some(false) {
                effects |= Effects::WRITES;
            }
            if hints.destructive == Some(true) {
                effects |= Effects::DESTRUCTIVE | Effects::WRITES;
            }
            if hints.open_world == Some(true) && effects.acts() {
                effects |= Effects::EGRESS;
            }
        }
        if effects == Effects::NONE && (self.names || self.hints) {
            return Effects::WRITES | Effects::EGRESS;
        }
        effects
    }
}

/// By the first verb of a name that is known.
fn by_name(name: &str) -> Effects {
    let tokens = words::name_tokens(name);
    let (kind, classes) = words::of_name(&tokens);
    match kind {
        Kind::Reads => Effects::READS,
        Kind::Acts => {
            let mut effects = Effects::WRITES;
            if classes.meets(
                Classes::SEND | Classes::PAY | Classes::SHARE | Classes::ORDER | Classes::RUN,
            ) {
                effects |= Effects::EGRESS;
            }
            if classes.meets(Classes::DELETE) {
                effects |= Effects::DESTRUCTIVE;
            }
            if tokens.iter().any(|token| token == "memory") {
                effects |= Effects::MEMORY;
            }
            effects
        }
        Kind::Unknown => Effects::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::conversation::ToolHints;

    const NAMES: Guess = Guess {
        hints: false,
        names: true,
    };

    #[track_caller]
    fn check(name: &str, effects: Effects) {
        assert_eq!(NAMES.effects(name, None), effects, "{name}");
    }

    #[test]
    fn a_name_tells_by_its_verb() {
        check("get_message", Effects::READS);
        check("searchTickets", Effects::READS);
        check("mail.send_mail", Effects::WRITES | Effects::EGRESS);
        check("DeleteUser", Effects::WRITES | Effects::DESTRUCTIVE);
        check("create_file", Effects::WRITES);
        check("frobnicate", Effects::WRITES | Effects::EGRESS);
    }

    #[test]
    fn hints_are_believed_only_where_the_policy_does() {
        let tool = ToolDecl {
            name: "send_mail".to_owned(),
            hints: ToolHints {
                read_only: Some(true),
                ..ToolHints::default()
            },
            ..ToolDecl::default()
        };
        assert!(
            NAMES
                .effects("send_mail", Some(&tool))
                .meets(Effects::EGRESS)
        );
        let both = Guess {
            hints: true,
            names: true,
        };
        assert_eq!(both.effects("send_mail", Some(&tool)), Effects::READS);
        assert_eq!(Guess::default().effects("send_mail", None), Effects::NONE);
    }
}
