//! How likely a text is an attack on the model that reads it: scores, where rules see nothing.
//!
//! The first tier, T0, reads every text: views of it (plain, and what is encoded in it), features of its sentences,
//! a linear model for each surface. No allocation grows with the text. A score says nothing by itself; a level does:
//! each is a threshold that a stated share of ordinary texts reaches, of sources that the model was not trained on.

mod conversation;
mod features;
mod lexicon;
mod model;
mod view;
mod windows;
mod words;

pub use conversation::{Conversation, Turn};
pub use features::{Feature, Kind, Segment, Sink, read};
pub use lexicon::Class;
pub use model::{Head, Model, ModelError};
pub use view::View;
pub use windows::{Part, Windows, Worst, scale};

use crate::text::{Role, Span};

/// Where a text comes from, as far as scores go: the same words mean another thing in each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    /// What a person writes to the model.
    User,
    /// What a tool returned.
    Tool,
    /// A document that was put into the prompt. Judged as a tool's result is.
    Document,
    /// The description of a tool.
    ToolDescription,
    /// What the model answers.
    Output,
}

impl Surface {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::Tool,
        Self::Document,
        Self::ToolDescription,
        Self::Output,
    ];

    /// As flags and rows spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Tool => "tool",
            Self::Document => "document",
            Self::ToolDescription => "tool_description",
            Self::Output => "output",
        }
    }

    /// The surface of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|surface| surface.as_str() == name)
    }

    /// The surface of what `role` says; `None` where nothing is asked of it.
    pub const fn of(role: Role) -> Option<Self> {
        match role {
            Role::User => Some(Self::User),
            Role::Tool => Some(Self::Tool),
            Role::Document => Some(Self::Document),
            Role::ToolDescription => Some(Self::ToolDescription),
            Role::Assistant => Some(Self::Output),
            Role::System | Role::ToolCall | Role::Other => None,
        }
    }

    /// Taxonomy tags of an attack that comes this way, with the year.
    pub const fn tags(self) -> &'static [&'static str] {
        match self {
            Self::User => &["owasp-llm:2025:LLM01", "atlas:AML.T0051.000"],
            Self::Tool | Self::Document | Self::ToolDescription => {
                &["owasp-llm:2025:LLM01", "atlas:AML.T0051.001"]
            }
            Self::Output => &["owasp-llm:2025:LLM01", "atlas:AML.T0051"],
        }
    }

    /// Which of a model's heads judges it.
    pub const fn column(self) -> usize {
        match self {
            Self::User => 0,
            Self::Tool | Self::Document => 1,
            Self::ToolDescription => 2,
            Self::Output => 3,
        }
    }
}

/// How sure a score is. Which share of ordinary texts reaches a level stands in the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth a look in a report.
    Low,
    /// Worth an alert.
    Medium,
    /// Worth a refusal.
    High,
}

impl Level {
    /// In ascending order.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// As policies and decisions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What raised a score: a group of features, never a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Orders to drop or get round what was said before.
    Override,
    /// Orders to show what is hidden: prompts, secrets.
    Extraction,
    /// Roles to play, limits to lose.
    Persona,
    /// Claims of rank, urgency, secrecy.
    Pressure,
    /// A model or its user is spoken to or of.
    Address,
    /// Things for tools to do or send.
    Action,
    /// Codes, disguises, the marks of a prompt's inside.
    Disguise,
    /// Single words and phrases.
    Phrase,
    /// The form of a sentence.
    Form,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Override,
        Self::Extraction,
        Self::Persona,
        Self::Pressure,
        Self::Address,
        Self::Action,
        Self::Disguise,
        Self::Phrase,
        Self::Form,
    ];

    /// As findings spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Extraction => "extraction",
            Self::Persona => "persona",
            Self::Pressure => "pressure",
            Self::Address => "address",
            Self::Action => "action",
            Self::Disguise => "disguise",
            Self::Phrase => "phrase",
            Self::Form => "form",
        }
    }

    const fn of(feature: Feature) -> Self {
        match feature.class {
            Class::Override | Class::Prior | Class::Instr | Class::Instead => Self::Override,
            Class::Reveal | Class::Secret | Class::Repeat => Self::Extraction,
            Class::Persona | Class::Unbound | Class::Game => Self::Persona,
            Class::Urgent | Class::Conceal | Class::Privilege | Class::Neg => Self::Pressure,
            Class::Ai | Class::You | Class::User | Class::Please | Class::Me => Self::Address,
            Class::Send | Class::Act | Class::Task | Class::Data | Class::Mailbox | Class::Url => {
                Self::Action
            }
            Class::Encode | Class::Marker | Class::Blob => Self::Disguise,
            Class::Other | Class::Func | Class::Make | Class::Number => {
                if feature.kind.is_structure() {
                    Self::Form
                } else {
                    Self::Phrase
                }
            }
        }
    }
}

/// What the first tier says of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// From 0 to 1; 0.5 where the level `high` begins. Greater is more of an attack, on one surface.
    pub value: f32,
    /// The same before it is brought between 0 and 1: what thresholds are compared with.
    pub raw: f32,
    /// The level reached.
    pub level: Option<Level>,
    /// How the text was read when it scored so.
    pub view: View,
    /// Bytes of the text that scored so; of a decoded view the bytes that were decoded.
    pub span: Span,
    /// What raised it most, at most three groups; empty below the first level.
    pub groups: Vec<Group>,
}

impl Score {
    /// A text without a word.
    pub const NOTHING: Self = Self {
        value: 0.0,
        raw: f32::MIN,
        level: None,
        view: View::Plain,
        span: Span::new(0, 0),
        groups: Vec::new(),
    };
}

/// Judges `text` by the built-in model.
pub fn score(surface: Surface, text: &str) -> Score {
    score_by(Model::builtin(), surface, text)
}

/// Judges `text`: the worst of its views counts.
pub fn score_by(model: &Model, surface: Surface, text: &str) -> Score {
    let mut best: Option<(Worst, View, Span)> = None;
    let mut read = |view: View, span: Option<Span>, text: &str| {
        let Some(worst) = model.worst(surface, text) else {
            return;
        };
        if best.is_none_or(|(known, _, _)| worst.score > known.score) {
            let span = span.unwrap_or(Span::new(worst.start as u64, worst.end as u64));
            best = Some((worst, view, span));
        }
    };
    read(View::Plain, None, text);
    view::views(text, &mut |view, span, text| read(view, Some(span), text));
    let Some((worst, view, span)) = best else {
        return Score::NOTHING;
    };
    let level = model.level(surface, worst.score);
    let [.., high] = model.head(surface).thresholds;
    let groups = match level {
        Some(_) => groups(model, surface, text, view, span),
        None => Vec::new(),
    };
    Score {
        value: 1.0 / (1.0 + (high - worst.score).exp()),
        raw: worst.score,
        level,
        view,
        span,
        groups,
    }
}

/// Which groups raised the score of a part most.
fn groups(model: &Model, surface: Surface, text: &str, view: View, span: Span) -> Vec<Group> {
    let mut sums = Group::ALL.map(|group| (0.0f32, group));
    let mut add = |feature: Feature, weight: f32| {
        if let Some((sum, _)) = sums.get_mut(Group::of(feature) as usize) {
            *sum += weight;
        }
    };
    if view == View::Plain {
        let part = text.get(span.start as usize..span.end as usize);
        model.explain(surface, part.unwrap_or_default(), &mut add);
    } else {
        view::views(text, &mut |found, place, text| {
            if found == view && place == span {
                model.explain(surface, text, &mut add);
            }
        });
        sums.iter_mut()
            .filter(|(_, group)| *group == Group::Disguise)
            .for_each(|(sum, _)| *sum += 1e3);
    }
    sums.sort_by(|a, b| b.0.total_cmp(&a.0));
    let raised = sums.into_iter().filter(|(sum, _)| *sum > 0.0);
    raised.map(|(_, group)| group).take(3).collect()
}
