//! What several rules ask of parsed Rust.

use syn::{Attribute, Item, Meta};

/// Whether something is compiled for tests alone: `#[test]`, `#[cfg(test)]` or `#[cfg(all(test, …))]`.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    })
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_only_in_tests_is_distinguished_from_code_only_outside_them() {
        let is = |text: &str| is_test(&syn::parse_str::<syn::ItemFn>(text).unwrap().attrs);
        assert!(is("#[test] fn f() {}") && is("#[cfg(test)] fn f() {}") && is("#[cfg(all(test, unix))] fn f() {}"));
        assert!(!is("fn f() {}") && !is("#[cfg(not(test))] fn f() {}") && !is("#[cfg(feature = \"test\")] fn f() {}"));
    }
}
