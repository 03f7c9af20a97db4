//! Keeps secret values out of text that streams by.
//!
//! [`Masks`] is a set of secret values, made once; a [`Masker`] replaces them by `***` in one stream,
//! also where the stream is cut in the middle of one: what may be the beginning of a secret is held back
//! until it is one, or can't be.
//!
//! ```
//! use dogi_stream::mask::{Coverage, Masker, Masks};
//!
//! let mut builder = Masks::builder();
//! assert_eq!(builder.add(b"correct horse\n"), Coverage::Whole);
//! assert_eq!(builder.add(b"abc"), Coverage::TooShort, "it would mask what is no secret");
//! let masks = builder.build()?;
//!
//! let mut masker = Masker::new(&masks);
//! assert_eq!(masker.push("the battery is corr".into()), "the battery is ");
//! assert_eq!(masker.held(), 4);
//! assert_eq!(masker.push("ect horse, Y29ycmVjdCBob3JzZQ==, corr".into()), "***, ***, ");
//! assert_eq!(masker.push("ected".into()), "corrected");
//! assert_eq!(masker.finish(), "");
//! # Ok::<(), dogi_stream::mask::BuildMasksError>(())
//! ```
//!
//! # What is looked for
//!
//! Of each value, without white space around it:
//!
//! - the value, also with `\r\n` for `\n`, as a terminal prints it;
//! - each of its lines, without white space around it;
//! - its base64, standard and URL-safe, with padding and without, alone or as a part of the base64 of a
//!   longer text, and alone in lines of 64 or 76 characters;
//! - its percent-encoded forms, for a query, a path, or a form.
//!
//! Nothing shorter than [`Masks::SHORTEST`] bytes is: it would mask text that has nothing to do with a
//! secret. [`Coverage`] tells. Where secrets overlap or touch, one `***` stands for all of them.
//!
//! What comes out depends on what came in and not on how it was cut. So the masked beginning of an output
//! is the beginning of the masked output.
//!
//! # Limitations
//!
//! This guards against accidents. A program that wants to betray its secret can: reversed, encrypted,
//! character by character. Of base64 within that of a longer text the characters at both ends, which the
//! neighbours of the value have a part in, stay: they tell less than a byte of the value each. Base64 of
//! a longer text that is cut into lines is not found.

mod forms;
mod masker;
mod masks;

pub use masker::Masker;
pub use masks::{BuildMasksError, Coverage, Masks, MasksBuilder};

/// What stands in the place of a secret.
const REPLACEMENT: &[u8] = b"***";
