//! Ids in a recording, names in the program. An id that this program does not know makes the frame one that cannot be decoded.

macro_rules! by_id {
    ($module:ident, $name:ident) => {
        pub mod $module {
            use grantscope_wire::$name;
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serializer};

            pub fn serialize<S: Serializer>(value: &$name, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(value.id())
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let id = u8::deserialize(deserializer)?;
                $name::from_id(id).ok_or_else(|| D::Error::custom(concat!("unknown ", stringify!($name))))
            }
        }
    };
}

by_id!(op, Op);
by_id!(stage, Stage);
by_id!(hook, HookId);
by_id!(loss, LossKind);
by_id!(cause, Cause);

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
