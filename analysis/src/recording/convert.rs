//! Values of the model from a version's structs, and back.

/// Converts both ways between a version's struct and the model's, which have the same fields.
///
/// A field that only one of them has does not compile: then the version states the conversion, and what becomes of that field.
macro_rules! same_fields {
    ($schema:ident, $model:path { $($field:ident),* } $(lists { $($list:ident),* })?) => {
        impl From<$schema> for $model {
            fn from(schema: $schema) -> Self {
                let $schema { $($field,)* $($($list,)*)? } = schema;
                Self { $($field: $field.into(),)* $($($list: $list.into_iter().map(Into::into).collect(),)*)? }
            }
        }

        impl From<$model> for $schema {
            fn from(model: $model) -> Self {
                let $model { $($field,)* $($($list,)*)? } = model;
                Self { $($field: $field.into(),)* $($($list: $list.into_iter().map(Into::into).collect(),)*)? }
            }
        }
    };
}

/// The same for an enum.
macro_rules! same_variants {
    ($schema:ident, $model:path { $($variant:ident $(($value:ident))? $({ $($field:ident),* })?),* }) => {
        impl From<$schema> for $model {
            fn from(schema: $schema) -> Self {
                match schema {
                    $($schema::$variant $(($value))? $({ $($field),* })? => Self::$variant $(($value))? $({ $($field),* })?,)*
                }
            }
        }

        impl From<$model> for $schema {
            fn from(model: $model) -> Self {
                use $model as Model;
                match model {
                    $(Model::$variant $(($value))? $({ $($field),* })? => Self::$variant $(($value))? $({ $($field),* })?,)*
                }
            }
        }
    };
}

/// Makes the model's frames from a version's: the kinds of version 1, and those named here.
macro_rules! frames_are_read {
    ($schema:ident { $($since:ident),* }) => {
        impl From<$schema> for crate::recording::Frame {
            fn from(frame: $schema) -> Self {
                match frame {
                    $schema::Environment(environment) => Self::Environment(environment.into()),
                    $schema::Operations(operations) => Self::Operations(operations.into_iter().map(Into::into).collect()),
                    $schema::Loss(report) => Self::Loss(report.into()),
                    $schema::Tick { at_ns } => Self::Tick { at_ns },
                    $schema::End { at_ns } => Self::End { at_ns },
                    $($schema::$since(report) => Self::$since(report.into()),)*
                }
            }
        }
    };
}

pub(super) use {frames_are_read, same_fields, same_variants};
