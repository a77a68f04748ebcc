//! The stable codes of findings, their titles and their pages.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($code:ident $title:literal,)*) => {
        /// A kind of finding. The pages in `docs/findings/` define each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $code,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &[Code] = &[$(Code::$code),*];

            /// What it means, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$code => $title),* }
            }

            /// Its page, as Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$code => include_str!(concat!("../../docs/findings/", stringify!($code), ".md"))),*
                }
            }
        }
    };
}

codes! {
    LW001 "a task waits for a lock it holds",
    LW002 "may sleep in atomic context",
    LW003 "lock-order cycle",
    LW004 "lock of an interrupt handler, held with that interrupt on",
    LW005 "invalid wait context",
    LW006 "unlock of a lock not held",
    LW007 "held lock freed, or still held at return",
    LW008 "deadlock: waits that nobody can end",
    LW009 "livelock: tasks run for ever and no call returns",
    LW010 "data race on plain memory",
    LW011 "assertion or BUG_ON failed",
    LW020 "use after free",
    LW021 "double free",
    LW022 "memory leak",
    LW030 "exclusive lease beside another opener",
    LW031 "break sent no signal although a lease was granted",
    LW032 "server lease that nobody holds, or local one it does not know",
    LW033 "unlock failed and the lease stays",
    LW034 "conflicting delegation handed out beside a local user",
    LW035 "open outwaits lease-break-time",
    LW040 "a result that no sequential order explains",
    LW050 "can happen in the new design only",
    LW051 "can happen in the old design only",
}

impl Code {
    /// Those that an exploration can find. The others are said of two programs together, by a comparison.
    pub fn of_one_program() -> impl Iterator<Item = Code> {
        Code::ALL.iter().copied().filter(|code| !matches!(code, Code::LW050 | Code::LW051))
    }

    /// Those that a design of leases can have: in its scenarios no interrupt comes, and no lock is raw.
    pub fn of_leases() -> impl Iterator<Item = Code> {
        Code::of_one_program().filter(|code| !matches!(code, Code::LW004 | Code::LW005))
    }

    /// Is it a rule about the order of locks or about contexts, for which nothing has to go wrong? Such a finding says how sure it is.
    pub fn is_of_orders(self) -> bool {
        matches!(self, Code::LW003 | Code::LW004 | Code::LW005)
    }

    /// Does an execution end where this is found? Going on would be undefined.
    ///
    /// A deadlock ends only the tasks that are in it: the others run on until nobody can, so that what is left
    /// does not depend on whether they ran before or after. An opener that outwaits lease-break-time would go round for ever.
    pub fn ends_execution(self) -> bool {
        matches!(self, Code::LW006 | Code::LW011 | Code::LW020 | Code::LW021 | Code::LW035)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Code, UnknownCode> {
        let known = Code::ALL.iter().find(|code| code.to_string().eq_ignore_ascii_case(text));
        known.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// The text is no code of a finding.
#[derive(Clone, Debug, thiserror::Error)]
#[error("unknown finding code '{0}': the codes are {codes}", codes = known_codes())]
pub struct UnknownCode(String);

fn known_codes() -> String {
    Code::ALL.iter().map(Code::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
