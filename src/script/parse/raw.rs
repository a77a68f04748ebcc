//! A script as JSON has it: shapes and types, before anything is understood.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::script::Record;
use crate::script::path::{Access, OpenFlag};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScript {
    pub(super) id: String,
    #[serde(default)]
    #[allow(dead_code, reason = "part of the format, of no consequence")]
    pub(super) family: String,
    pub(super) lbt: u64,
    pub(super) procs: usize,
    #[serde(deserialize_with = "without_duplicates")]
    pub(super) files: BTreeMap<String, RawFile>,
    pub(super) ops: Vec<RawOp>,
    #[serde(default, deserialize_with = "present")]
    pub(super) trace: Option<Vec<Record>>,
}

/// A map in which no name may come twice: JSON itself would let the last one win.
fn without_duplicates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, RawFile>, D::Error> {
    struct Files;
    impl<'de> Visitor<'de> for Files {
        type Value = BTreeMap<String, RawFile>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of files")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut files = BTreeMap::new();
            while let Some((name, file)) = entries.next_entry::<String, RawFile>()? {
                if files.contains_key(&name) {
                    return Err(A::Error::custom(format!("file `{name}` comes twice")));
                }
                files.insert(name, file);
            }
            Ok(files)
        }
    }
    deserializer.deserialize_map(Files)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[allow(dead_code, reason = "size, mode and owner are part of the format; everybody is root here")]
pub(super) struct RawFile {
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u32,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    File,
    Dir,
    Fifo,
}

/// All fields that calls have. Read flat, so that a mistake has a column; which call has which is checked after.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOp {
    #[serde(deserialize_with = "present")]
    pub(super) op: Option<String>,
    #[serde(deserialize_with = "present")]
    pub(super) p: Option<usize>,
    #[serde(deserialize_with = "present")]
    pub(super) h: Option<String>,
    #[serde(deserialize_with = "present")]
    pub(super) nh: Option<String>,
    #[serde(deserialize_with = "present")]
    pub(super) path: Option<String>,
    #[serde(deserialize_with = "present")]
    pub(super) acc: Option<Access>,
    #[serde(deserialize_with = "present")]
    pub(super) flags: Option<Vec<OpenFlag>>,
    #[serde(rename = "type", deserialize_with = "present")]
    pub(super) lease_type: Option<Value>,
    #[serde(deserialize_with = "present")]
    pub(super) len: Option<i64>,
    #[serde(deserialize_with = "present")]
    pub(super) lbt: Option<f64>,
    #[serde(deserialize_with = "present")]
    pub(super) sig: Option<Value>,
    #[serde(deserialize_with = "present")]
    pub(super) to: Option<Value>,
    #[serde(deserialize_with = "present")]
    pub(super) mode: Option<u32>,
    #[serde(deserialize_with = "present")]
    pub(super) uid: Option<u32>,
    #[serde(deserialize_with = "present")]
    pub(super) child: Option<usize>,
    #[serde(deserialize_with = "present")]
    pub(super) val: Option<u32>,
}

/// A field that may be missing but not null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl RawOp {
    /// Names of the fields that are there.
    pub(super) fn fields(&self) -> Vec<&'static str> {
        let all = [
            ("p", self.p.is_some()),
            ("h", self.h.is_some()),
            ("nh", self.nh.is_some()),
            ("path", self.path.is_some()),
            ("acc", self.acc.is_some()),
            ("flags", self.flags.is_some()),
            ("type", self.lease_type.is_some()),
            ("len", self.len.is_some()),
            ("lbt", self.lbt.is_some()),
            ("sig", self.sig.is_some()),
            ("to", self.to.is_some()),
            ("mode", self.mode.is_some()),
            ("uid", self.uid.is_some()),
            ("child", self.child.is_some()),
            ("val", self.val.is_some()),
        ];
        all.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }
}
