//! Ids in a recording, names in the program. An id that this program does not know makes the frame one that cannot be decoded.

macro_rules! written {
    ($name:ident) => {
        pub fn serialize<S: serde::Serializer>(value: &grantscope_wire::$name, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u8(value.id())
        }
    };
}

macro_rules! read {
    ($name:ident) => {
        pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<grantscope_wire::$name, D::Error> {
            let id = <u8 as serde::Deserialize>::deserialize(deserializer)?;
            let unknown = || serde::de::Error::custom(concat!("unknown ", stringify!($name)));
            grantscope_wire::$name::from_id(id).ok_or_else(unknown)
        }
    };
}

macro_rules! by_id {
    ($module:ident, $name:ident) => {
        pub mod $module {
            written!($name);
            read!($name);
        }
    };
}

by_id!(op, Op);
by_id!(hook, HookId);
by_id!(loss, LossKind);
by_id!(cause, Cause);
by_id!(allocator, Allocator);

/// No version that is written has stages.
pub mod stage {
    read!(Stage);
}

/// A buffer kind, 0 for unknown.
pub mod buffer {
    use grantscope_wire::Buffer;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<Buffer>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(value.map_or(0, Buffer::id))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Buffer>, D::Error> {
        Ok(Buffer::from_id(u8::deserialize(deserializer)?))
    }
}

/// A list of buffer kinds.
pub mod buffers {
    use grantscope_wire::Buffer;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(buffers: &[Buffer], serializer: S) -> Result<S::Ok, S::Error> {
        buffers.iter().map(|buffer| buffer.id()).collect::<Vec<u8>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Buffer>, D::Error> {
        let known = |id| Buffer::from_id(id).ok_or_else(|| D::Error::custom("unknown Buffer"));
        Vec::<u8>::deserialize(deserializer)?.into_iter().map(known).collect()
    }
}

macro_rules! some_by_id {
    ($module:ident, $name:ident) => {
        pub mod $module {
            use grantscope_wire::$name;
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serializer};

            pub fn serialize<S: Serializer>(value: &Option<$name>, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(value.map_or(0, $name::id))
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$name>, D::Error> {
                match u8::deserialize(deserializer)? {
                    0 => Ok(None),
                    id => $name::from_id(id).map(Some).ok_or_else(|| D::Error::custom(concat!("unknown ", stringify!($name)))),
                }
            }
        }
    };
}

// 0 for none.
some_by_id!(some_op, Op);
some_by_id!(some_allocator, Allocator);

/// How much was watched, 0 for not known.
pub mod detail {
    use grantscope_wire::Detail;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<Detail>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match value {
            None => 0,
            Some(Detail::Operations) => 1,
            Some(Detail::Stages) => 2,
            Some(Detail::Full) => 3,
        })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Detail>, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(None),
            1 => Ok(Some(Detail::Operations)),
            2 => Ok(Some(Detail::Stages)),
            3 => Ok(Some(Detail::Full)),
            _ => Err(D::Error::custom("unknown Detail")),
        }
    }
}
