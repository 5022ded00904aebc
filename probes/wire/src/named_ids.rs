//! The one shape of all our lists of ids: a number for the wire, a name for people and files, a sentence that says what it is.

/// Declares a `u8` enum whose variants carry a fixed id, a name and a description.
macro_rules! named_ids {
    (
        $(#[$outer:meta])*
        $vis:vis enum $name:ident {
            $($variant:ident = $id:literal, $text:literal, $about:literal;)+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        $vis enum $name {
            $(#[doc = $about] $variant = $id,)+
        }

        impl $name {
            /// Every one of them, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in files, on screens and in documents.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// One sentence: what it is.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)+ }
            }

            /// The id on the wire.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// The one with this id; `None` for an id from a newer version.
            pub const fn from_id(id: u8) -> Option<Self> {
                match id { $($id => Some(Self::$variant),)+ _ => None }
            }

            /// The one with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
