//! The functions of a file that are too long and not tables.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Block, Expr, ImplItemFn, ItemFn, Signature, Stmt, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

/// A function that is too long.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`.
    pub line: usize,
    /// How many lines it has.
    pub lines: usize,
}

/// Those with more than `most` lines. A table may have more; no arm of a `match` that is one has more than `arm_most`.
pub fn longer_than(file: &syn::File, most: usize, arm_most: usize) -> Vec<Function> {
    let mut finder = Finder { most, arm_most, found: Vec::new() };
    finder.visit_file(file);
    finder.found
}

struct Finder {
    most: usize,
    arm_most: usize,
    found: Vec<Function>,
}

impl Finder {
    fn look_at(&mut self, signature: &Signature, block: &Block) {
        let line = signature.span().start().line;
        let lines = block.span().end().line + 1 - line - Strings::of(block);
        if lines > self.most && !self.is_table(block) {
            self.found.push(Function { name: signature.ident.to_string(), line, lines });
        }
    }

    fn is_table(&self, block: &Block) -> bool {
        match &block.stmts[..] {
            [Stmt::Expr(expression, None)] => self.is_literal(expression),
            [Stmt::Macro(_)] => true,
            _ => false,
        }
    }

    fn is_literal(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Array(_) | Expr::Struct(_) | Expr::Lit(_) | Expr::Macro(_) | Expr::Tuple(_) => true,
            Expr::Reference(reference) => self.is_literal(&reference.expr),
            Expr::Match(cases) => cases.arms.iter().all(|arm| height(arm) <= self.arm_most),
            _ => false,
        }
    }
}

/// Lines that are inside of strings.
#[derive(Default)]
struct Strings(usize);

impl Strings {
    fn of(block: &Block) -> usize {
        let mut strings = Self::default();
        strings.visit_block(block);
        strings.0
    }

    fn add(&mut self, span: Span) {
        self.0 += span.end().line - span.start().line;
    }

    fn scan(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Literal(literal) => self.add(literal.span()),
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Strings {
    fn visit_lit(&mut self, literal: &'ast syn::Lit) {
        self.add(literal.span());
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.scan(called.tokens.clone());
    }
}

fn height(part: &impl Spanned) -> usize {
    part.span().end().line + 1 - part.span().start().line
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.look_at(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.look_at(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.look_at(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let found = longer_than(&syn::parse_file(text).unwrap(), 5, 2);
        found.into_iter().map(|function| function.name).collect()
    }

    #[test]
    fn a_long_function_is_found_with_its_line_and_length_wherever_it_is() {
        let long = format!("fn long(&self) {{\n{}}}\n", "    f();\n".repeat(5));
        let text = format!(
            "impl T {{\n/// Documents and attributes do not count.\n#[inline]\n{long}}}\ntrait U {{\n{long}}}\nfn short() {{}}\n"
        );
        let found = longer_than(&syn::parse_file(&text).unwrap(), 6, 2);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], Function { name: "long".into(), line: 4, lines: 7 });
    }

    #[test]
    fn lines_inside_of_a_string_are_no_lines_of_the_function() {
        assert!(names("fn f() {\nlet x = r\"\n\n\n\n\";\ng(x);\n}\n").is_empty());
        assert!(names("fn f() {\ng();\nassert_eq!(x, \"\n\n\n\n\");\n}\n").is_empty());
    }

    #[test]
    fn a_literal_or_a_match_of_short_arms_is_a_table_and_a_match_with_a_long_arm_is_none() {
        assert!(names("fn f() -> [u32; 4] {\n[\n1,\n2,\n3,\n4,\n]\n}\n").is_empty());
        assert!(names("fn f() -> String {\nformat!(\n\"\n\n\n\"\n)\n}\n").is_empty());
        assert!(names("fn f(x: u32) -> u32 {\nmatch x {\n1 => 2,\n2 => 3,\n3 => 4,\n_ => 5,\n}\n}\n").is_empty());
        assert_eq!(names("fn f(x: u32) {\nmatch x {\n1 => {\ng();\ng();\n}\n_ => {}\n}\n}\n"), ["f"]);
        assert_eq!(names("fn f() {\nlet x = 1;\n[\nx,\nx,\nx,\n];\n}\n"), ["f"]);
    }
}
